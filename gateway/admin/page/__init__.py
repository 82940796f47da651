"""The page that administrators look at: files of this package, served as they are.

It is plain HTML with a little script and style, and asks the same calls as everybody
(`gateway.admin.rpc`). Only the files listed here exist: no target is ever made into a path.
"""

from importlib.resources import files

from gateway.wire.http_page import BARE_TARGET, PAGE_TARGET, Page, moved, page

_SCRIPT = "text/javascript; charset=utf-8"
_TYPES = {
    "page.css": "text/css; charset=utf-8",
    "page.js": _SCRIPT,
    "rpc.js": _SCRIPT,
    "tables.js": _SCRIPT,
    "talk.js": _SCRIPT,
    "units.js": _SCRIPT,
    "icon.svg": "image/svg+xml",
}


def load() -> dict[str, Page]:
    """Return what there is, by target."""
    here = files(__name__)
    found = {
        PAGE_TARGET + name: page(type, (here / name).read_bytes()) for name, type in _TYPES.items()
    }
    index = page("text/html; charset=utf-8", (here / "index.html").read_bytes())
    return {**found, PAGE_TARGET: index, BARE_TARGET: moved(PAGE_TARGET)}
