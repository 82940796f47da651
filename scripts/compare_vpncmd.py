"""What stock vpncmd prints of a fleet, beside what it prints of the stock server.

  store    host-a  host-b  host-c      stock                      site
  Valkey   one worker on each          vpnserver, a controller    vpnserver, two hubs
                     ▲                     ▲                        │ cascades
                     └─────────────────────┴────────────────────────┘ to hub LAB of both

Every command runs on both sides, first as the server's administrator, then as the hub's. Times and
random names are masked; a command whose answers are alike is named, of others the lines that
differ are printed, `-` the stock server's and `+` ours.
"""

import difflib
import re
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from coordinator.times import utc_now
from gateway.admin import administrators
from gateway.wire.auth import admin_password_hash
from tests import certificates
from tests.identities import pem
from tests.stock import server as stock
from tests.stock.fleet import Fleet
from tests.stock.host import TCP_PORT
from tests.stock.needs import missing
from tests.stock.server import StockServer
from tests.stock.vpncmd import VpncmdError
from tests.stock.waiting import until

PASSWORD, HUB_PASSWORD = "fleet-password", "hub-password"
RULE = "/SRCUSERNAME: /DESTUSERNAME: /SRCMAC: /DESTMAC: "
RULE_4 = f"{RULE}/SRCIP:10.0.0.0/8 /DESTIP:0.0.0.0/0"
RULE_6 = f"{RULE}/SRCIP:2001:db8::/32 /DESTIP:::/0"
PORTS = "/PROTOCOL:tcp /SRCPORT: /DESTPORT:80-90 /TCPSTATE:"
DELAY = "/DELAY:0 /JITTER:0 /LOSS:0"

SERVER = """
ServerInfoGet
ServerStatusGet
ListenerList
Caps
ConnectionList
ServerCertGet cert.crt
ServerKeyGet key.key
ServerCipherGet
ClusterSettingGet
ClusterMemberList
ClusterMemberInfoGet {member}
ClusterMemberCertGet {member} /SAVECERT:member.crt
ClusterConnectionStatusGet
HubCreate MADE /PASSWORD:x
HubCreate MADE /PASSWORD:x
HubCreateDynamic DYN /PASSWORD:x
HubCreateStatic STAT /PASSWORD:x
HubSetStatic MADE
HubSetDynamic MADE
HubList
HubDelete DYN
HubDelete STAT
HubDelete MADE
HubDelete NOWHERE
Hub NOWHERE
ConnectionGet {connection}
ConnectionGet NOWHERE
ConnectionDisconnect NOWHERE
SyslogGet
SyslogEnable 3 /HOST:192.0.2.1:5514
SyslogGet
SyslogDisable
BridgeDeviceList
BridgeCreate LAB /DEVICE:eft0 /TAP:no
BridgeCreate LAB /DEVICE:eft0 /TAP:no
BridgeList
BridgeDelete LAB /DEVICE:eft0
BridgeDelete LAB /DEVICE:eft0
Flush
LogFileList
LogFileGet {log} /SERVER:{host} /SAVEPATH:read.log
LogFileGet nothing.log /SERVER:{host} /SAVEPATH:read.log
ServerPasswordSet {password}
ServerCertSet /LOADCERT:made.crt /LOADKEY:made.key
ServerCertGet new2.crt
ListenerList
"""

HUB = f"""
Hub LAB
StatusGet
OptionsGet
SetMaxSession 50
SetEnumDeny
OptionsGet
SetEnumAllow
SetMaxSession 0
SetHubPassword {HUB_PASSWORD}
UserCreate carol /GROUP:none /REALNAME:Carol /NOTE:note
UserCreate carol /GROUP:none /REALNAME:Carol /NOTE:note
UserCreate dave /GROUP:nobody /REALNAME:none /NOTE:none
UserPasswordSet carol /PASSWORD:secret
UserSet carol /GROUP:none /REALNAME:Caroline /NOTE:other
UserExpiresSet carol /EXPIRES:"2030/01/02 03:04:05"
UserPolicySet carol /NAME:MaxUpload /VALUE:1000000
UserGet carol
UserList
UserPolicyRemove carol
UserAnonymousSet carol
UserGet carol
UserCertGet carol /SAVECERT:back.crt
UserCertSet carol /LOADCERT:made.crt
UserGet carol
UserCertGet carol /SAVECERT:back.crt
UserSignedSet carol /CN:carol /SERIAL:0155
UserGet carol
UserList
UserGet nobody
UserRadiusSet carol /ALIAS:none
UserNTLMSet carol /ALIAS:none
CAList
CAAdd made.crt
CAAdd made.crt
CAList
CrlList
CrlAdd /SERIAL:0155 /MD5: /SHA1: /CN:eve /O: /OU: /C: /ST: /L:
CrlList
---
CAGet {{ca}} /SAVECERT:back.crt
CAGet 99 /SAVECERT:back.crt
CADelete 99
CADelete {{ca}}
CAList
CrlGet {{crl}}
CrlGet 99
CrlDel 99
CrlDel {{crl}}
CrlList
GroupCreate staff /REALNAME:Staff /NOTE:none
GroupCreate staff /REALNAME:Staff /NOTE:none
GroupSet staff /REALNAME:Stuff /NOTE:x
GroupSet nobody /REALNAME:x /NOTE:x
GroupGet nobody
GroupPolicySet staff /NAME:MaxUpload /VALUE:1000000
GroupJoin staff /USERNAME:carol
GroupGet staff
GroupList
GroupUnjoin carol
GroupPolicyRemove staff
GroupDelete staff
GroupDelete staff
UserDelete carol
UserDelete carol
AccessAdd discard /MEMO:web /PRIORITY:10 {RULE_4} {PORTS}
AccessAddEx pass /MEMO:slow /PRIORITY:20 {RULE_4} {PORTS} {DELAY}
AccessAdd6 pass /MEMO:six /PRIORITY:5 {RULE_6} {PORTS}
AccessAddEx6 pass /MEMO:slow6 /PRIORITY:30 {RULE_6} {PORTS} {DELAY}
AccessAddEx pass /MEMO:page /PRIORITY:40 {RULE_4} {PORTS} {DELAY} /REDIRECTURL:http://192.0.2.1/
AccessList
---
AccessDisable {{web}}
AccessList
AccessEnable {{web}}
AccessList
AccessDelete 99
AccessDelete {{slow6}}
AccessDelete {{slow}}
AccessDelete {{web}}
AccessDelete {{six}}
AccessDelete {{page}}
AccessList
SessionList
SessionGet {{session}}
SessionGet SID-NOBODY-1
MacTable
IpTable
MacDelete 1
MacDelete {{mac}}
IpDelete 1
SessionDisconnect SID-NOBODY-1
AdminOptionList
AdminOptionSet max_users /VALUE:100
AdminOptionSet nonsense /VALUE:1
AdminOptionList
ExtOptionList
ExtOptionSet DenyAllRules /VALUE:0
ExtOptionSet FilterBPDU /VALUE:1
ExtOptionList
ExtOptionSet FilterBPDU /VALUE:0
AcList
AcAdd deny /PRIORITY:1 /IP:192.0.2.0/24
AcAdd6 allow /PRIORITY:2 /IP:2001:db8::/32
AcList
AcDel 1
AcDel 1
AcDel 1
AcList
LogGet
LogSwitchSet security /SWITCH:hour
LogSwitchSet packet /SWITCH:month
LogPacketSaveType /TYPE:tcpconn /SAVE:full
LogEnable packet
LogDisable security
LogGet
LogEnable security
LogDisable packet
CascadeList
CascadeCreate up /SERVER:192.0.2.1:443 /HUB:FAR /USERNAME:me
CascadeList
CascadeStatusGet up
CascadeDelete up
SessionDisconnect {{session}}
Offline
StatusGet
Online
"""

OF_HUB_ADMINISTRATOR = """
ServerInfoGet
ServerStatusGet
ListenerList
Caps
ServerCertGet cert2.crt
ServerKeyGet key2.key
ServerCertSet /LOADCERT:made.crt /LOADKEY:made.key
ServerCipherGet
HubList
HubCreate MINE /PASSWORD:x
HubCreateDynamic MINE /PASSWORD:x
HubCreateStatic MINE /PASSWORD:x
HubSetStatic LAB
HubSetDynamic LAB
HubSetDynamic ST
HubDelete LAB
Hub ST
ServerPasswordSet x
ConnectionList
ConnectionGet NOWHERE
ConnectionDisconnect NOWHERE
ClusterSettingGet
ClusterMemberList
ClusterMemberInfoGet {member}
ClusterMemberCertGet {member} /SAVECERT:member2.crt
ClusterConnectionStatusGet
SyslogGet
SyslogEnable 3 /HOST:192.0.2.1:5514
SyslogDisable
BridgeList
BridgeDeviceList
BridgeCreate LAB /DEVICE:eft0 /TAP:no
BridgeDelete LAB /DEVICE:eft0
Flush
LogFileList
LogFileGet {log} /SERVER:{host} /SAVEPATH:read.log
LogFileGet security_log/ST/sec_20200101.log /SERVER:{host} /SAVEPATH:read.log
"""

MASKS = (
    (r"\d{4}-\d{2}-\d{2} \([A-Z][a-z]{2}\) \d{2}:\d{2}:\d{2}", "<time>"),
    (r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}(\.\d+)?", "<time>"),
    (r"\b[0-9A-F]{2}(-[0-9A-F]{2}){5}\b", "<mac>"),
    (r"\b[0-9A-F]{32,}\b", "<id>"),
    (r"\b\d{1,3}(,\d{3})+ bytes|\b\d+ bytes", "<n> bytes"),
    (r"\b\d+ packets|\b[\d,]+ packets", "<n> packets"),
    (r"^((?:Unique )?ID) *\|\d+$", r"\1|<number>"),
    (r"CID-[\w-]+", "<connection>"),
    (r"^(Name of the connection source host) *\|.*", r"\1|<host>"),
    (r" +\|", "|"),
    (r"\| +", "|"),
    (r"-{4,}[-+]*", "----"),
)


def main() -> None:
    if missing():
        sys.exit(missing())
    with (
        Fleet("stock", "site", workers=1) as fleet,
        StockServer(fleet["stock"]) as reference,
        # Else it does not come back when a hub was offline.
        StockServer(fleet["site"], clear_errors=True) as site,
    ):
        secret = admin_password_hash(PASSWORD)
        administrators.set_fleet_hash(fleet.records, secret, utc_now())
        make_controller(reference)
        subject, end = certificates.name(CN="made", O="Example"), datetime(2040, 1, 1, tzinfo=UTC)
        made = certificates.issue(subject, end=end, may_sign=True)
        (reference.daemon.directory / "made.crt").write_text(made.pem)
        (reference.daemon.directory / "made.key").write_text(pem(made.key))
        targets = {
            "stock": f"{fleet['stock'].ip}:{stock.TCP_PORT}",
            "ours": f"{fleet.hosts['host-a'].namespace.ip}:{TCP_PORT}",
        }
        for name, target in targets.items():
            furnish(site, name, target, reference)
        for role, commands, login in ROLES:
            print(f"=== {role}", flush=True)
            for target in targets.values():
                wait_for_site(reference, target)
            answers = [
                list(carry_out(reference, target, login, commands)) for target in targets.values()
            ]
            for (command, theirs), (_, ours) in zip(*answers, strict=True):
                show(command, theirs, ours)


def make_controller(server: StockServer) -> None:
    """Make a stock server a cluster's controller with a password; it starts anew meanwhile."""
    server.vpncmd("ClusterSettingController /WEIGHT:100 /ONLY:no")

    def is_controller() -> bool:
        try:
            return "Controller" in server.vpncmd("ClusterSettingGet")[0]
        except VpncmdError:
            return False

    until(is_controller, "the stock server to be a controller", 30, pause=1)
    server.vpncmd(f"ServerPasswordSet {PASSWORD}")


def furnish(site: StockServer, name: str, target: str, runner: StockServer) -> None:
    """Make hubs LAB and ST on a side, and have `site` join LAB."""
    made = (
        f"HubCreateDynamic LAB /PASSWORD:{HUB_PASSWORD}",
        f"HubCreateStatic ST /PASSWORD:{HUB_PASSWORD}",
        "Hub LAB",
        "UserCreate site /GROUP:none /REALNAME:none /NOTE:none",
        "UserPasswordSet site /PASSWORD:secret",
    )
    for command, answer in zip(made, run(runner, target, AT_SERVER, made), strict=True):
        assert "completed successfully" in answer, (command, answer)
    host, _, port = target.partition(":")
    site.create_hub(name)
    site.cascade(name, host=host, tcp_port=int(port), to_hub="LAB", user="site", password="secret")
    site.vpncmd(f"Hub {name}", "SecureNatEnable")


def wait_for_site(runner: StockServer, target: str) -> None:
    """Wait until the site has joined LAB and is known there by its address."""

    def has_joined() -> bool:
        asked = ("Hub LAB", "SessionList", "MacTable")
        _, *lists = run(runner, target, AT_SERVER, asked)
        return all("SID-SITE-" in answer for answer in lists)

    until(has_joined, "the site to join LAB and say something", 90, pause=1)


def carry_out(
    runner: StockServer, target: str, login: Sequence[str], commands: str
) -> Iterator[tuple[str, str]]:
    """Yield each command with what vpncmd printed for it; `---` among them: look names up anew."""
    for part in commands.split("---\n"):
        names = look_up(runner, target, login)
        lines = [line for line in part.splitlines() if line]
        given = ["Hub LAB", *(line.format_map(names) for line in lines)]
        yield from zip(lines, run(runner, target, login, given)[1:], strict=True)


def look_up(runner: StockServer, target: str, login: Sequence[str]) -> dict[str, str]:
    """Return what commands have to name otherwise on each side."""
    asked = ("ClusterMemberList", "ConnectionList", "LogFileList", "Hub LAB")
    asked += ("SessionList", "AccessList", "MacTable", "CAList", "CrlList")
    answers = run(runner, target, login, asked)
    members, connections, logs, _, sessions, rules, macs, authorities, revoked = answers
    ids = re.findall(r"^ID +\|(\d+).*?^Memo +\|(\S+)", rules, re.MULTILINE | re.DOTALL)
    return {
        "member": _first(r"^(\d+) *\|Controller", members),
        "session": _first(r"SID-SITE-\S+", sessions),
        "connection": _first(r"CID-[\w-]+", connections),
        "log": _first(r"^Log File Name *\|(\S+)", logs),
        "host": _first(r"^Location *\|(\S+)", logs),
        "mac": _first(r"^ID *\|(\d+)", macs),
        "password": PASSWORD,
        "ca": _first(r"^ID *\|(\d+)", authorities),
        "crl": _first(r"^ID *\|(\d+)", revoked),
        **{memo: number for number, memo in ids},
    }


def _first(pattern: str, text: str) -> str:
    """Return what the pattern's group, or all of it, matches first; what is nowhere is "1"."""
    found = re.search(pattern, text, re.MULTILINE)
    return found[found.lastindex or 0] if found else "1"


def run(
    runner: StockServer, target: str, login: Sequence[str], commands: Sequence[str]
) -> list[str]:
    """Carry out commands in one run of vpncmd; return what it printed for each."""
    script = runner.daemon.directory / "compared"
    script.write_text("\n".join(commands) + "\n")
    here = ("env", "-C", str(script.parent))  # where it saves what it is told to save
    words = ("vpncmd", target, "/SERVER", *login, f"/IN:{script}")
    printed = runner.daemon.run(*here, *words, check=False)
    _, *parts = re.split(r"^VPN Server(?:/\S+)?>", printed, flags=re.MULTILINE)
    answers = [part.partition("\n")[2] for part in parts[: len(commands)]]
    assert len(answers) == len(commands), printed
    return answers


def show(command: str, theirs: str, ours: str) -> None:
    before, after = masked(theirs), masked(ours)
    if before == after:
        print(f"    {command}")
        return
    print(f"[!] {command}")
    for line in difflib.unified_diff(before, after, lineterm="", n=0):
        if not line.startswith(("---", "+++", "@@")):
            print(f"      {line}")


def masked(text: str) -> list[str]:
    for pattern, mask in MASKS:
        text = re.sub(pattern, mask, text, flags=re.MULTILINE)
    return [line.strip() for line in text.splitlines() if line.strip()]


AT_SERVER = (f"/PASSWORD:{PASSWORD}",)
AT_HUB = ("/HUB:LAB", f"/PASSWORD:{HUB_PASSWORD}")
ROLES = (
    ("the server's administrator", SERVER, AT_SERVER),
    ("the server's administrator, at a hub", HUB, AT_SERVER),
    ("the hub's administrator", OF_HUB_ADMINISTRATOR, AT_HUB),
    ("the hub's administrator, at his hub", HUB, AT_HUB),
)

if __name__ == "__main__":
    main()
