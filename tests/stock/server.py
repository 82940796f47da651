"""The stock VPN Server of the Debian package: what others are measured by.

It starts from a settings file that switches off everything which would leave the machine
(dynamic DNS, NAT traversal, keep-alive host, host name look-ups) and listens on one port.
"""

from tests.stock.daemon import Daemon
from tests.stock.namespaces import Namespace
from tests.stock.vpncmd import Record, VpncmdError, batch, quoted, records
from tests.stock.waiting import until

TCP_PORT = 5555
ADMIN_PASSWORD = "admin"

_SETTINGS = """\
declare root
{
	declare DDnsClient
	{
		bool Disabled true
	}
	declare ListenerList
	{
		declare Listener0
		{
			bool DisableDos true
			bool Enabled true
			uint Port %d
		}
	}
	declare ServerConfiguration
	{
		bool DisableDosProtection true
		bool DisableGetHostNameWhenAcceptTcp true
		bool DisableIPv6Listener true
		bool DisableNatTraversal true
		bool NoHighPriorityProcess true
		bool UseKeepConnect false
	}
}
"""


class StockServer:
    """One vpnserver; killed when the `with` block ends."""

    def __init__(self, namespace: Namespace, *, clear_errors: bool = False) -> None:
        self.namespace = namespace
        self.daemon = Daemon(namespace, "vpnserver", TCP_PORT, clear_errors=clear_errors)
        (self.daemon.state / "vpn_server.config").write_text(_SETTINGS % TCP_PORT)

    def __enter__(self) -> "StockServer":
        try:
            self.daemon.start()
        except BaseException:
            self.daemon.remove()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self.daemon.remove()

    def vpncmd(self, *commands: str) -> list[str]:
        """Carry out vpncmd commands; return what each printed. Raises VpncmdError."""
        script = str(self.daemon.directory / "commands")
        target = [f"localhost:{TCP_PORT}", "/SERVER"]
        return batch(self.daemon.run, target, script, commands)

    def create_hub(self, hub: str, **users: str | None) -> None:
        """Create a hub with users, `name="password"` each; a password of None is anonymous."""
        commands = [f"HubCreate {hub} /PASSWORD:{ADMIN_PASSWORD}", f"Hub {hub}"]
        for user, password in users.items():
            commands += [
                f"UserCreate {user} /GROUP:none /REALNAME:none /NOTE:none",
                f"UserAnonymousSet {user}"
                if password is None
                else f"UserPasswordSet {user} /PASSWORD:{quoted(password)}",
            ]
        self.vpncmd(*commands)

    def create_user_by_certificate(self, hub: str, user: str, certificate_pem: str) -> None:
        """Create a user who proves himself by this very certificate and its key."""
        path = self.daemon.directory / f"{user}.pem"
        path.write_text(certificate_pem)
        self.vpncmd(
            f"Hub {hub}",
            f"UserCreate {user} /GROUP:none /REALNAME:none /NOTE:none",
            f"UserCertSet {user} /LOADCERT:{path}",
        )

    def cascade(
        self,
        hub: str,
        *,
        host: str,
        tcp_port: int,
        to_hub: str,
        user: str,
        password: str,
        max_connection: int = 8,
        compress: bool = False,
        wait: float = 30,
    ) -> Record:
        """Join `hub` here to `to_hub` at `host` and wait up to `wait` seconds for it.

        Returns the cascade's status, or {} at once if `wait` is 0.
        """
        self.vpncmd(
            f"Hub {hub}",
            f"CascadeCreate up /SERVER:{host}:{tcp_port} /HUB:{to_hub} /USERNAME:{user}",
            f"CascadePasswordSet up /PASSWORD:{quoted(password)} /TYPE:standard",
            f"CascadeDetailSet up /MAXTCP:{max_connection} /INTERVAL:1 /TTL:0 /HALF:no /NOQOS:yes",
            f"CascadeCompress{'Enable' if compress else 'Disable'} up",
            "CascadeOnline up",
        )
        if not wait:
            return {}
        until(lambda: self.cascaded(hub), "the cascade", wait, self.log)
        return self.cascade_status(hub)

    def cascade_status(self, hub: str) -> Record:
        """What CascadeStatusGet tells; {} while it is not connected."""
        try:
            return records(self.vpncmd(f"Hub {hub}", "CascadeStatusGet up")[1])[0]
        except VpncmdError as error:
            if error.code:
                return {}
            raise

    def cascaded(self, hub: str) -> bool:
        return "Established" in self.cascade_status(hub).get("Session Status", "")

    def sessions(self, hub: str) -> list[Record]:
        return records(self.vpncmd(f"Hub {hub}", "SessionList")[1])

    def session(self, hub: str, name: str) -> Record:
        """Return what SessionGet tells of a session."""
        return records(self.vpncmd(f"Hub {hub}", f"SessionGet {name}")[1])[0]

    def sessions_of(self, hub: str, user: str) -> list[str]:
        """Return the names of a user's sessions."""
        return [row["Session Name"] for row in self.sessions(hub) if row["User Name"] == user]

    def log(self) -> str:
        return self.daemon.log()
