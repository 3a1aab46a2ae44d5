// SPDX-License-Identifier: MIT
// The page itself: asks for the figures again and again, and shows them where they belong.

const EVERY = 5000;      // milliseconds between two answers
const AGAIN = 2000;      // until an observer that is away is asked again
const PATIENCE = 15000;  // for an answer

const page = {
  table: new TenantTable(),
  tenant: null, // the view of one; null: that of all
  data: null,
  counts: new Map(),
  timer: 0,
};

const at = id => document.getElementById(id);

// ---- what is asked ----

// Requests per second since the answer before.
function rateOf(told, now) {
  const before = page.counts.get(told.tenant);
  page.counts.set(told.tenant, {requests: told.requests, now});
  return before && told.requests >= before.requests ? (told.requests - before.requests) / (now - before.now) : null;
}

function readTenant(told, now) {
  return {
    name: told.tenant, namespace: told.namespace || "", inode: told.inode, state: told.state,
    bound: told.bound, listeners: told.listeners, connections: told.connections,
    draining: told.draining, requests: told.requests, refused: told.refused_handshakes,
    expires: told.certificate_expiry ? Date.parse(told.certificate_expiry) / 1000 : 0,
    rate: rateOf(told, now), generation: told.generation, error: told.last_error || "",
  };
}

async function ask() {
  const answer = await fetch("status.json", {cache: "no-store", signal: AbortSignal.timeout(PATIENCE)});
  if (!answer.ok)
    throw new Error("the observer answers " + answer.status);
  const gateway = await answer.json();
  const now = Date.now() / 1000;
  return {gateway, now, rows: gateway.tenants.map(told => readTenant(told, now))};
}

async function poll() {
  clearTimeout(page.timer);
  if (page.isAsking)
    return;
  page.isAsking = true;
  const began = performance.now();
  let wait = AGAIN;
  try {
    page.data = await ask();
    showAway(false);
    show();
    // Who takes long to answer is not asked all the time.
    wait = Math.max(EVERY, 5 * (performance.now() - began));
  } catch (error) {
    showAway(true);
  }
  page.isAsking = false;
  if (!document.hidden)
    page.timer = setTimeout(poll, wait);
}

// ---- what is shown ----

function showAway(isAway) {
  const since = page.data ? `What is shown is of ${formatTime(page.data.now)}.` : "";
  const note = at("away");
  setText(note, isAway ? `The observer does not answer. ${since} It is asked again by and by.` : "");
  note.hidden = !isAway;
  at("main").classList.toggle("stale", isAway);
}

// One sentence, which changes only when something does.
function verdict({gateway, rows}) {
  const counts = STATES.slice(0, -1).map(state =>
    [state.name, rows.filter(row => row.state === state.name).length]).filter(([, count]) => count > 0);
  const troubled = counts.reduce((sum, [, count]) => sum + count, 0);
  if (gateway.state !== "serving")
    return {level: "warn", text: `The gateway is ${gateway.state}.`};
  if (troubled > 0) {
    const level = counts.some(([name]) => stateOf(name).level === "bad") ? "bad" : "warn";
    const parts = counts.map(([name, count]) => `${formatCount(count)} ${name}`).join(", ");
    return {level, text: `${formatCount(troubled)} of ${formatCount(rows.length)} tenants ` +
                         `${troubled === 1 ? "is" : "are"} not as they should be: ${parts}.`};
  }
  return {level: "good", text: "All is well."};
}

function showHeader(data) {
  const {gateway} = data;
  const told = verdict(data);
  setText(at("version"), gateway.version);
  setText(at("verdict"), told.text);
  setAttribute(at("verdict"), "data-level", told.level);
  const facts = [
    ["Up for", formatSpan(gateway.uptime)],
    ["Workers", formatCount(gateway.workers) + (gateway.draining ? `, ${gateway.draining} draining` : "")],
    ["Generation", formatCount(gateway.generation)],
    ["Connections", formatCount(gateway.connections)],
    ["Sandbox", gateway.sandbox],
  ];
  const list = at("facts");
  if (list.childElementCount !== facts.length)
    list.replaceChildren(...facts.map(([title]) => make("div", {}, make("dt", {}, title), make("dd"))));
  facts.forEach(([, value], i) => setText(list.children[i].lastChild, value));
}

function show() {
  if (!page.data)
    return;
  showHeader(page.data);
  if (page.tenant)
    page.tenant.update(page.data.rows.find(row => row.name === page.tenant.name), page.data.now);
  else
    page.table.update(page.data.rows, page.data.now);
}

// ---- where we are ----

// The name in #/tenant/NAME; null: none.
function chosenTenant() {
  const found = /^#\/tenant\/(.+)$/.exec(location.hash);
  try {
    return found ? decodeURIComponent(found[1]) : null;
  } catch (error) {
    return null; // half an escape
  }
}

function route() {
  const name = chosenTenant();
  const before = page.tenant;
  if (before && before.name === name)
    return;
  if (name !== null && !before)
    page.scroll = scrollY;
  page.tenant = name === null ? null : new TenantView(name);
  at("main").replaceChildren((page.tenant || page.table).element);
  document.title = name === null ? "nsgate" : name + " \u2013 nsgate";
  show();
  if (page.tenant) {
    scrollTo(0, 0);
    page.tenant.heading.focus({preventScroll: true});
  } else if (before) {
    scrollTo(0, page.scroll || 0);
    page.table.render();
    page.table.nodes.get(before.name)?.querySelector("a").focus({preventScroll: true});
  }
}

addEventListener("hashchange", route);
addEventListener("keydown", event => {
  if (event.key === "/" && !page.tenant && document.activeElement !== page.table.input) {
    event.preventDefault();
    page.table.input.focus();
  } else if (event.key === "Escape" && page.tenant) {
    location.hash = "#/";
  }
});
document.addEventListener("visibilitychange", () => document.hidden || poll());
route();
poll();
