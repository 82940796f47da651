"""What the documents say is what the program does."""

from pathlib import Path

from gateway.config import Settings, load

DOCS = Path(__file__).parents[2] / "docs"


def test_the_documented_settings_are_the_defaults() -> None:
    assert load(str(DOCS / "etherfleet.toml"), {}) == Settings()


def test_every_link_between_documents_leads_somewhere() -> None:
    for page in [*DOCS.rglob("*.md"), *DOCS.parent.glob("*.md")]:
        for piece in page.read_text().split("](")[1:]:
            target = piece.split(")")[0].split("#")[0]
            if target and "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"
