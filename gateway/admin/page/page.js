// The page: log in, look every two seconds while somebody can see it, ask before anything is moved
// or ended. What is shown to whom is decided by the gateway; here it is only left out.

import { call, forget, NoAnswer, NotLetIn, Refused, use } from "./rpc.js";
import { Table } from "./tables.js";
import { ask, complain, say } from "./talk.js";
import { bits, clock, since, size } from "./units.js";

const EVERY_MS = 2000;
const POINTS = 90; // of a line: three minutes
const EVENTS = 30;

const $ = (id) => document.getElementById(id);

let round = 0; // counts logins: an answer to a former one is dropped
let isIn = false;
let isBusy = false;
let timer = 0;
let silentSince = null;
let hub = ""; // the caller's own; empty: all of them
let mayChange = true;
let nodes = [];
let hubNames = [];
let sessions = [];
let now = "";
const going = new Set(); // sessions that were told to end
const lines = { received: [], sent: [] };

class Late extends Error {}

// --- tables ---------------------------------------------------------------------------------

const place = (session) => `${session.SessionHubName_str}:${session.Name_str}`;
const rate = (key) => (row) => (row.IsRateKnown_bool === false ? "–" : bits(row[key]));
const RATES = [
  { head: "Received", className: "number", of: rate("Rate.RecvBytes_u64") },
  { head: "Sent", className: "number", of: rate("Rate.SendBytes_u64") },
];
const HEALTH = { up: "good", silent: "bad", dead: "bad", left: "" };
const MODES = { serving: "", cordoned: "warn", draining: "warn" };
const HUB_STATES = { waiting: "bad", assigned: "warn" };
const plural = (number, word) => `${number} ${word}${number === 1 ? "" : "s"}`;

// Events name a hub in lower case; here it is called as it is spelt, if it is still there.
function spelt(folded) {
  return hubNames.find((name) => name.toLowerCase() === folded) ?? folded;
}

function healthOf(node) {
  return node.IsAnswering_bool || node.State_str === "left" ? node.State_str : `${node.State_str}: does not answer`;
}

function modeOf(node) {
  if (node.Mode_str === "draining" && node.IsDrained_bool) return "drained";
  return node.Mode_str === "serving" && !node.IsHost_bool ? "entry" : node.Mode_str;
}

const nodesTable = new Table(
  $("nodes"),
  [
    { head: "Gateway", of: (n) => n.Name_str, title: (n) => `${n.MachineName_utf} ${n.Address_str}` },
    { head: "State", of: healthOf, mark: (n) => (n.State_str === "up" && !n.IsAnswering_bool ? "bad" : HEALTH[n.State_str]), title: (n) => n.Why_utf },
    { head: "Mode", of: modeOf, mark: (n) => MODES[n.Mode_str] },
    { head: "Hubs", className: "number", of: (n) => String(n.NumHubs_u32) },
    {
      head: "Sessions",
      className: "number",
      of: (n) => (n.NumSessionsWaiting_u32 ? `${n.NumSessionsWaiting_u32} waiting` : String(n.NumSessions_u32)),
    },
    ...RATES,
    { head: "Seen", className: "number", of: (n) => (n.State_str === "left" ? "–" : `${(n.RenewedMs_u64 / 1000).toFixed(1)} s ago`) },
    { head: "Up for", className: "number", of: (n) => (n.State_str === "up" ? since(n.StartedTime_dt, now) : "–") },
    { head: "Version", of: (n) => n.Version_str },
  ],
  {
    key: (n) => n.Name_str,
    none: "No gateways.",
    actions: [
      {
        text: (n) => (mayChange && n.State_str === "up" ? (n.Mode_str === "serving" ? "Drain" : "Undrain") : ""),
        label: (n) => `${n.Mode_str === "serving" ? "Drain" : "Undrain"} ${n.Name_str}`,
        run: drain,
      },
    ],
  },
);

const hubsTable = new Table(
  $("hubs"),
  [
    { head: "Hub", of: (h) => h.HubName_str },
    { head: "Kind", of: (h) => h.Kind_str },
    {
      head: "State",
      of: (h) => (h.Online_bool ? h.State_str : "offline"),
      mark: (h) => (h.Online_bool ? (HUB_STATES[h.State_str] ?? "") : "warn"),
    },
    { head: "On", className: "of-fleet", of: (h) => h.NodeName_str || (h.Kind_str === "static" ? "every gateway" : "–") },
    { head: "Users", className: "number", of: (h) => String(h.NumUsers_u32) },
    {
      head: "Sessions",
      className: "number",
      of: (h) => (h.MaxSessions_u32 ? `${h.NumSessions_u32} of ${h.MaxSessions_u32}` : String(h.NumSessions_u32)),
    },
    ...RATES,
    { head: "Dropped", className: "number", of: (h) => (h["Rate.DroppedFrames_u64"] ? `${h["Rate.DroppedFrames_u64"]}/s` : "–") },
    { head: "Last login", className: "number", of: (h) => { const ago = since(h.LastLoginTime_dt, now); return ago === "–" ? ago : `${ago} ago`; } },
  ],
  {
    key: (h) => h.HubName_str,
    none: "No hubs. Make one: etherfleet hub create NAME",
    actions: [
      {
        text: (h) => (mayChange && !hub && h.State_str === "active" && nodes.length > 1 ? "Move" : ""),
        label: (h) => `Move hub ${h.HubName_str}`,
        run: move,
      },
    ],
  },
);

const sessionsTable = new Table(
  $("sessions"),
  [
    { head: "Session", of: (s) => s.Name_str, className: "long", title: (s) => s.Name_str },
    { head: "Hub", of: (s) => s.SessionHubName_str },
    { head: "User", of: (s) => s.Username_utf, className: "long", title: (s) => s.Username_utf },
    {
      head: "Gateway",
      of: (s) => (hub ? (s.IsAnswering_bool ? "answers" : "does not answer") : s.IsAnswering_bool ? s.NodeName_str : `${s.NodeName_str}: does not answer`),
      mark: (s) => (s.IsAnswering_bool ? "" : "bad"),
    },
    { head: "Client", className: "long", of: (s) => [s.ClientAddress_str, s.ClientHostName_utf].filter(Boolean).join(" "), title: (s) => s.ClientProductName_utf },
    { head: "For", className: "number", of: (s) => since(s.CreatedTime_dt, now) },
    ...RATES,
    { head: "Total", className: "number", of: (s) => size(s.TotalRecvBytes_u64 + s.TotalSendBytes_u64) },
  ],
  {
    key: place,
    going: (s) => going.has(place(s)),
    none: "No sessions.",
    actions: [{ text: () => (mayChange ? "End" : ""), label: (s) => `End session ${s.Name_str}`, run: end }],
  },
);

const eventsTable = new Table(
  $("events"),
  [
    { head: "Time", of: (e) => clock(e.Time_dt) },
    { head: "Event", of: (e) => e.What_str, mark: (e) => (e.What_str === "dead" ? "bad" : "") },
    { head: "Gateway", className: "of-fleet", of: (e) => e.NodeName_str || "–" },
    { head: "Hub", of: (e) => spelt(e.EventHubName_str) || "–" },
    { head: "Why", className: "last", of: (e) => e.Why_utf },
  ],
  { key: (e) => e.Id_str, none: "Nothing has happened yet." },
);

// --- what may be done -----------------------------------------------------------------------

async function act(what, method, params) {
  try {
    await call(method, params);
    complain("");
    say(what);
    await turn();
    return true;
  } catch (error) {
    fail(error);
    return false;
  }
}

async function end(session) {
  const who = `${session.Name_str} of ${session.Username_utf} on hub ${session.SessionHubName_str}`;
  const why = "Its client logs in anew after its retry interval, unless its account is changed.";
  if (!(await ask("End this session?", `${who}. ${why}`, "End session"))) return;
  going.add(place(session));
  sessionsTable.fill(found());
  const params = { HubName_str: session.SessionHubName_str, Name_str: session.Name_str };
  if (!(await act(`Session ${session.Name_str} is ended.`, "DeleteSession", params))) {
    going.delete(place(session));
    sessionsTable.fill(found());
  }
}

async function drain(node) {
  const name = node.Name_str;
  if (node.Mode_str !== "serving") {
    await act(`${name} takes hubs and sessions again.`, "SetFleetNodeMode", { NodeName_str: name, Mode_str: "serving" });
    return;
  }
  const load = `${plural(node.NumHubs_u32, "hub")} and ${plural(node.NumSessions_u32, "session")}`;
  const text = `${load} go to other gateways; nothing new is placed on ${name} until it is undrained, over restarts too.`;
  if (!(await ask(`Drain ${name}?`, text, "Drain"))) return;
  await act(`${name} is draining.`, "SetFleetNodeMode", { NodeName_str: name, Mode_str: "draining" });
}

async function move(row) {
  const takers = nodes.filter(
    (n) => n.State_str === "up" && n.Mode_str === "serving" && n.IsHost_bool && n.Name_str !== row.NodeName_str,
  );
  const choices = [["", "the one with the most room"], ...takers.map((n) => [n.Name_str, n.Name_str])];
  const text = `It is on ${row.NodeName_str} with ${plural(row.NumSessions_u32, "session")}; their clients come back to it there.`;
  const answer = await ask(`Move hub ${row.HubName_str}?`, text, "Move hub", choices);
  if (!answer) return;
  const params = { HubName_str: row.HubName_str, NodeName_str: answer.choice };
  await act(`${row.NodeName_str} is told to hand hub ${row.HubName_str} over.`, "MoveFleetHub", params);
}

// --- looking --------------------------------------------------------------------------------

function found() {
  const wanted = $("find").value.trim().toLowerCase();
  const texts = (s) => [s.Name_str, s.SessionHubName_str, s.Username_utf, s.NodeName_str, s.ClientAddress_str, s.ClientHostName_utf];
  return sessions.filter((s) => !wanted || texts(s).some((text) => text.toLowerCase().includes(wanted)));
}

function notices(list, texts) {
  list.replaceChildren(...texts.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
}

function draw(line, points, value) {
  points.push(value);
  if (points.length > POINTS) points.shift();
  const most = Math.max(...points, 1);
  const at = (v, i) => `${POINTS - points.length + i},${(23 - (22 * v) / most).toFixed(1)}`;
  line.setAttribute("points", points.map(at).join(" "));
}

function showStatus(status) {
  now = status.CurrentTime_dt;
  hub = status.HubName_str;
  mayChange = status.MayChange_bool;
  document.body.classList.toggle("one-hub", Boolean(hub));
  $("hubs-title").textContent = hub ? "Hub" : "Hubs";
  $("fleet").textContent = hub ? `hub ${hub}` : `fleet ${status.FleetName_str}`;
  $("caller").textContent = hub ? status.CallerName_utf : `${status.CallerName_utf} at ${status.NodeName_str}`;
  $("verdict").textContent = status.Verdict_str;
  $("verdict").className = `mark ${{ ok: "good", degraded: "warn", down: "bad" }[status.Verdict_str] ?? ""}`;
  $("verdict").hidden = false;
  document.title = `${hub || status.FleetName_str}: ${status.Verdict_str} – EtherFleet`;
  notices($("warnings"), status.Warnings_utf);
  notices($("notes"), status.Notes_utf);
  $("tile-nodes").textContent = `${status.NumNodesUp_u32} of ${status.NumNodes_u32} up`;
  $("tile-hubs").textContent = String(status.NumHubs_u32);
  const waiting = status.NumSessionsWaiting_u32;
  $("tile-sessions").textContent = waiting ? `${status.NumSessions_u32} + ${waiting} waiting` : String(status.NumSessions_u32);
}

function showHubs(hubs) {
  hubsTable.fill(hubs);
  hubNames = hubs.map((h) => h.HubName_str);
  const known = hubs.filter((h) => h.IsRateKnown_bool);
  for (const [name, key] of [["received", "Rate.RecvBytes_u64"], ["sent", "Rate.SendBytes_u64"]]) {
    const sum = known.reduce((total, h) => total + h[key], 0);
    $(`tile-${name}`).textContent = known.length === hubs.length ? bits(sum) : `${bits(sum)} or more`;
    draw($(`line-${name}`), lines[name], sum);
  }
  const choice = $("hub");
  const names = ["", ...hubNames];
  const isSame = names.length === choice.length && names.every((name, i) => choice.options[i].value === name);
  if (!isSame) {
    const chosen = choice.value;
    choice.replaceChildren(...names.map((name) => new Option(name || "all", name)));
    choice.value = names.includes(chosen) ? chosen : "";
  }
}

function showSessions(answer) {
  sessions = answer.SessionList;
  const there = new Set(sessions.map(place));
  for (const key of going) if (!there.has(key)) going.delete(key);
  const rows = found();
  sessionsTable.fill(rows);
  const cut = answer.NumSessions_u32 > sessions.length;
  const hint = cut ? `the first ${sessions.length} of ${answer.NumSessions_u32}; choose a hub` : "";
  $("shown").textContent = rows.length < sessions.length ? `${rows.length} of ${sessions.length} found` : hint;
}

// Look once. One call after the other: they share a connection, and a gateway that does not answer
// is noticed by the first. What comes after somebody has logged out is not shown.
async function look() {
  const mine = round;
  const get = async (method, params) => {
    const answer = await call(method, params);
    if (mine !== round) throw new Late();
    return answer;
  };
  showStatus(await get("GetFleetStatus"));
  nodes = hub ? [] : (await get("EnumFleetNode")).NodeList;
  nodesTable.fill(nodes);
  showHubs((await get("EnumFleetHub")).HubList);
  try {
    showSessions(await get("EnumFleetSession", { HubName_str: hub ? "" : $("hub").value }));
  } catch (error) {
    if (!(error instanceof Refused)) throw error; // a hub's options may forbid it, or the hub is gone
    showSessions({ SessionList: [], NumSessions_u32: 0 });
    $("shown").textContent = `not shown: ${error.message}`;
  }
  eventsTable.fill((await get("EnumFleetEvent", { Last_u32: EVENTS })).EventList.reverse());
  silentSince = null;
  $("view").classList.remove("stale");
  $("alive").textContent = `as of ${clock(now)}`;
}

async function turn() {
  clearTimeout(timer);
  if (!isIn || isBusy || document.hidden) return;
  const mine = round;
  isBusy = true;
  try {
    const wasSilent = silentSince !== null;
    await look();
    if (wasSilent) complain("");
  } catch (error) {
    if (mine === round) fail(error);
  } finally {
    isBusy = false;
  }
  if (isIn && !document.hidden) timer = setTimeout(turn, EVERY_MS);
}

function fail(error) {
  if (error instanceof NoAnswer) {
    silentSince ??= new Date().toISOString();
    $("view").classList.add("stale");
    complain(`${error.message}, since ${clock(silentSince)}. Trying again every two seconds; what is below is older.`);
  } else if (error instanceof NotLetIn) {
    leave();
    complain("The gateway does not let you in any more: the password was changed, or the account has ended. Log in again.");
  } else if (error instanceof Refused) {
    complain(`Refused: ${error.message}.`);
  } else {
    complain("A fault of this page; load it again.");
    throw error;
  }
}

// --- coming and going -----------------------------------------------------------------------

async function enter(event) {
  event.preventDefault();
  const name = $("name").value.trim();
  if (name.includes(":")) {
    complain("No administrator's or hub's name has a colon in it.");
    return;
  }
  const button = event.target.querySelector("button");
  button.disabled = true;
  use(name, $("password").value);
  try {
    await call("GetFleetStatus");
  } catch (error) {
    forget();
    complain(error instanceof NoAnswer ? `${error.message}. Try again in a moment.` : error.message);
    $("password").select();
    return;
  } finally {
    button.disabled = false;
  }
  $("password").value = "";
  round += 1;
  isIn = true;
  complain("");
  $("entry").hidden = true;
  $("leave").hidden = false;
  $("view").hidden = false;
  await turn();
}

function leave() {
  forget();
  round += 1;
  isIn = false;
  clearTimeout(timer);
  silentSince = null;
  going.clear();
  nodes = [];
  sessions = [];
  for (const table of [nodesTable, hubsTable, sessionsTable, eventsTable]) table.fill([]);
  for (const points of Object.values(lines)) points.length = 0;
  for (const id of ["fleet", "caller", "alive", "shown"]) $(id).textContent = "";
  notices($("warnings"), []);
  notices($("notes"), []);
  $("find").value = "";
  $("hub").replaceChildren(new Option("all", ""));
  $("verdict").hidden = true;
  $("view").hidden = true;
  $("leave").hidden = true;
  $("entry").hidden = false;
  if ($("question").open) $("question").close("no");
  document.title = "EtherFleet";
  complain("");
  say("");
  $("name").focus();
}

$("login").addEventListener("submit", enter);
$("leave").addEventListener("click", leave);
$("find").addEventListener("input", () => sessionsTable.fill(found()));
$("hub").addEventListener("change", turn);
document.addEventListener("visibilitychange", turn);
