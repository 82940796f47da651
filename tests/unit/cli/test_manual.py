"""docs/cli.md holds every command, exit code and JSON field there is, and no others."""

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import click
import pytest

from coordinator.access import AccessRule
from coordinator.administrators import Administrator
from coordinator.audit import PROGRAM, Change
from coordinator.cascade import Cascade, CascadeState, CascadeStatus
from coordinator.election import Leader
from coordinator.groups import Group
from coordinator.history import Event
from coordinator.hub_log import HubLog, Syslog
from coordinator.masks import read_network
from coordinator.model import Hub, NewSession, Node, Role, SessionRecord, Totals, Traffic, User
from coordinator.placement import Ownership
from coordinator.sources import SourceRule
from coordinator.times import Timestamp
from coordinator.trust import Revocation
from gateway.admin.cascades import CascadeReport
from gateway.admin.conditions import FORMS
from gateway.admin.fleet_status import HubCounts, Judgement, Snapshot, StoreReport, Verdict
from gateway.admin.groups import GroupReport
from gateway.admin.hubs import HubReport, HubState
from gateway.admin.named_administrators import AdministratorReport, State
from gateway.admin.nodes import Health, NodeReport
from gateway.admin.policies import POLICIES, Enforced
from gateway.admin.rates import Rate, Rates
from gateway.admin.trust import AuthorityReport
from gateway.admin.users import UserReport
from gateway.cli import (
    access,
    admin,
    audit,
    ca,
    cascade_report,
    doctor,
    group,
    history,
    hub,
    leader,
    logs,
    node,
    session,
    source,
    status,
    top,
    user,
    wait,
)
from gateway.cli.config import VARIABLES
from gateway.cli.exits import ExitCode
from gateway.cli.main import cli
from gateway.doctor.findings import Finding, Level
from gateway.wire.certificates import read_certificate
from tests import certificates

NOW = Timestamp("2026-01-31T12:00:00.000Z")
MANUAL = (Path(__file__).parents[3] / "docs" / "cli.md").read_text()


def commands(group: click.Group, path: str = "etherfleet") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        if not isinstance(command, click.Group) or command.invoke_without_command:
            yield f"{path} {name}", command


COMMANDS = dict(commands(cli))
SECTIONS = dict(re.findall(r"^### `(.+?)`\n(.*?)(?=^##)", MANUAL, re.M | re.S))


def test_every_command_has_a_section_and_every_section_a_command():
    words = (re.match(r"[a-z -]+[a-z]", heading) for heading in SECTIONS)
    assert {match[0] for match in words if match} == set(COMMANDS)


@pytest.mark.parametrize("path", COMMANDS)
def test_the_arguments_are_those_of_the_command(path):
    command = COMMANDS[path]
    names = [
        p.make_metavar(click.Context(command))
        for p in command.params
        if p.param_type_name == "argument"
    ]
    heading = next(h for h in SECTIONS if re.fullmatch(rf"{path}( .*)?", h))
    shown = [re.sub(r"{.*}", "SHELL", name) for name in names]
    assert heading == " ".join([path, *shown])


@pytest.mark.parametrize("path", COMMANDS)
def test_every_option_is_in_the_manual(path):
    for param in COMMANDS[path].params:
        if param.param_type_name == "option" and not getattr(param, "hidden", False):
            assert any(f"`{name}" in MANUAL for name in param.opts), f"{path} {param.opts}"


def test_exit_codes_are_those_there_are():
    listed = re.findall(r"^\| (\d+) \|", MANUAL, re.M)
    assert [int(code) for code in listed] == list(ExitCode)
    root = " ".join((cli.epilog or "").split())
    for code in ExitCode:
        assert f"{int(code)} " in root


def test_variables_of_the_environment_are_in_the_manual_where_an_option_has_them():
    for variable in (VARIABLES["store.url"], VARIABLES["gateway.state_dir"], "ETHERFLEET_PASSWORD"):
        assert variable in MANUAL


def row(title: str) -> set[str]:
    line = next(line for line in MANUAL.splitlines() if line.startswith(f"| {title}"))
    return set(re.findall(r"`([a-z_][a-z0-9_]*)`", line.split("|")[2]))


def test_json_fields_are_those_there_are():
    hub_fields = set(hub._as_json(Hub("X")))
    user_fields = set(user._as_json(User("X", "x")))
    record = SessionRecord(hub="X", user="x", node="n", address="192.0.2.1:1")
    kinds = {"dynamic", "static"}
    assert row("hub (") == hub_fields | kinds
    report = HubReport(Hub("X"), 0, 0, Totals())
    assert row("hub with numbers") == set(hub._report_as_json(report)) - hub_fields
    assert row("user (") == user_fields | {"password", "anonymous", "signed"}
    group_fields = set(group._as_json(Group("X", "x")))
    assert row("group (") == group_fields
    members = GroupReport(Group("X", "x"), ())
    assert row("group with members") == set(group._report_as_json(members)) - group_fields
    rules = set(access.rule_as_json(AccessRule(1)))
    assert row("access rule (") == rules | {"pass", "discard", "null"}
    sources = set(source.source_as_json(SourceRule(read_network("::"))))
    assert row("source rule (") == sources | {"allow", "deny"}
    authority = AuthorityReport(
        1, read_certificate(certificates.issue(certificates.name(CN="CA")).der)
    )
    assert row("authority (") == set(ca.authority_as_json(authority))
    assert row("revocation (") == set(ca.revocation_as_json(Revocation())) | {"null"}
    account = UserReport(User("X", "x"), (), Totals())
    assert row("user with numbers") == set(user._report_as_json(account)) - user_fields
    assert row("session (") == set(session._as_json(record))
    assert row("`traffic`") == {f.name for f in fields(Traffic) if f.name.startswith("received")}


def test_json_fields_of_the_fleet_are_those_there_are():
    who = Node("n", 1, "h", "192.0.2.1:1", "1", NOW)
    there = NodeReport(who, Health.UP, 0, 0)
    leads = Leader("n", 1, 1, NOW, 1)
    store = StoreReport("redis://h", "valkey 9", 0.1, 1)
    seen = Snapshot(NOW, "default", store, leads, [there], HubCounts())
    told = status.status_as_json(seen, Judgement(Verdict.OK))
    assert row("status (") == {*told, *map(str, Verdict)}
    assert row("its `store`") == {*told["store"], "leader", "nodes", "hubs"}
    assert row("its `hubs`") == set(told["hubs"])
    assert row("node (") == set(node.report_as_json(there))
    change = Change("hub set", PROGRAM, id="1-1")
    owned = node._owned_as_json(Ownership("x", "n", 1, 1, "active", NOW, ""))
    assert row("`node show`") == {"owned", *owned}
    assert row("`node drain`") == set(node._drain_as_json(there, there, 1))
    assert row("leader (") == set(leader.leader_as_json(leads, True))
    finding = doctor.finding_as_json(Finding(Level.OK, "x", "y"))
    levels = {level.name.lower() for level in Level}
    assert row("`doctor`") == {"verdict", "at", "findings", *finding, *levels}
    rated = Rates([(there, Rate())], [(HubReport(Hub("X"), 0, 0, Totals()), Rate(), 0.0)], [])
    measured = top.rates_as_json(rated, "bytes", None)
    (one_node,), (one_hub,) = measured["nodes"], measured["hubs"]
    assert row("`top`") == {*measured, *one_node, *one_hub, "hub", "user"}
    assert row("`hub log`") == {"hub", *logs.log_as_json(HubLog())}
    assert row("`syslog show`") == set(logs.syslog_as_json(Syslog()))
    assert row("event (") == set(history.event_as_json(Event("1-1", NOW, "x", "y")))
    named = AdministratorReport(Administrator("a", Role.READ_ONLY), State.ACTIVE)
    assert row("administrator (") == set(admin.report_as_json(named)) | {"active", "expired"}
    assert row("change (") == set(audit.change_as_json(change))
    report = HubReport(Hub("X"), 0, 0, Totals())
    assert row("`hub move`") == set(hub._move_as_json(report, report))


def test_json_fields_of_cascades_are_those_there_are():
    made = Cascade("X", "up", "h", 5555, "Y", "x", secret=b"s" * 20)
    set_up = set(cascade_report.as_json(made))
    words = {"anonymous", "password", "any"}  # those without a dash, which are no fields as well
    assert row("cascade (") - set_up == words
    told = CascadeStatus("X", "up", "n", 1, 1, 1, CascadeState.CONNECTED)
    report = cascade_report.report_as_json(CascadeReport(made, told.state, "", "n", told))
    assert row("cascade and how") == set(report) - set_up
    assert row("its `status`") == set(report["status"])
    assert made.secret.hex() not in repr(report) + repr(made)


def test_words_of_the_fleet_are_those_there_are():
    for word in (*HubState, *Health, *CascadeState):
        assert f"| `{word}` |" in MANUAL
    for form in FORMS:
        assert f"`{form.replace('[', '').replace(']', '')}`" in MANUAL
    assert [word.rstrip("=") for word in wait.WORDS] == [re.split(r"[\[=]", f)[0] for f in FORMS]
    assert all(f"| `{code}` | {word} |" in MANUAL for word, code in status.CODES.items())


def test_no_answer_holds_a_secret():
    account = User("X", "x", secret=b"\xabsecret-of-twenty-byt")
    assert account.secret is not None
    everything = repr(user._as_json(account)) + repr(account)
    assert account.secret.hex() not in everything
    assert "secret-of" not in everything
    assert "key_hash" not in session._as_json(
        SessionRecord(hub="X", user="x", node="n", address="192.0.2.1:1", key_hash="abc")
    )


def test_every_field_of_a_session_that_is_no_secret_is_told():
    told = set(row("session ("))
    stored = {f.name for f in fields(SessionRecord)} | {f.name for f in fields(NewSession)}
    # A hash, what is always so, and what its node's writes are fenced by.
    assert stored - told == {"key_hash", "use_encrypt", "inc", "hub_epoch"}


def test_policies_with_an_effect_are_those_there_are():
    table = MANUAL.partition("## Policies")[2]
    for name, kind in POLICIES.items():
        assert (f"`{name}`" in table) == (kind.enforced is not Enforced.NOBODY), name
