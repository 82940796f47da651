"""Where the fleet's logs go besides the nodes' own files: one setting for all nodes."""

from coordinator.hub_log import Syslog, check_syslog
from coordinator.records import flat
from coordinator.store import Store


class SyslogSettings:
    """The setting in the store. Raises StoreUnavailable from every method."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self) -> Syslog:
        """Return the setting; off unless somebody set it."""
        return Syslog.from_fields(self._store.fields(self._store.keys.syslog()))

    def set(self, settings: Syslog) -> Syslog:
        """Replace it; return what it was. Nodes follow within a second or two. Raises
        InvalidValue."""
        was = self.get()
        keys = [self._store.keys.syslog(), self._store.keys.directory_version()]
        self._store.step("syslog_set", keys, flat(check_syslog(settings).to_fields()))
        return was
