// SPDX-License-Identifier: MIT
// The page itself: asks for the figures again and again, and shows them where they belong.

const EVERY = 5000;      // milliseconds between two answers
const AGAIN = 2000;      // until an observer that is away is asked again
const PATIENCE = 15000;  // for an answer

const page = {
  table: new TenantTable(),
  curve: new Curve("spark"), // of all tenants together
  tenant: null, // the view of one; null: that of all
  data: null, // the last answer
  timer: 0,
};

const at = id => document.getElementById(id);

// ---- what is asked ----

// Lines are arrays in the order of `columns`.
function readRows({columns, tenants}) {
  return tenants.map(line => Object.fromEntries(line.map((value, i) => [columns[i], value])));
}

async function ask(name) {
  const query = name === null ? "" : "?tenant=" + encodeURIComponent(name);
  const answer = await fetch("page.json" + query, {cache: "no-store", signal: AbortSignal.timeout(PATIENCE)});
  if (!answer.ok)
    throw new Error("the observer answers " + answer.status);
  const data = await answer.json();
  return {...data, of: name, rows: readRows(data)};
}

async function poll() {
  clearTimeout(page.timer);
  if (page.isAsking)
    return;
  page.isAsking = true;
  const began = performance.now();
  const name = page.tenant ? page.tenant.name : null;
  let wait = AGAIN;
  try {
    page.data = await ask(name);
    showAway(false);
    show();
    // Who takes long to answer is not asked all the time.
    wait = Math.max(EVERY, 5 * (performance.now() - began));
  } catch (error) {
    showAway(true);
  }
  page.isAsking = false;
  if ((page.tenant ? page.tenant.name : null) !== name)
    wait = 0; // somebody has gone on meanwhile
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

// How the last reload ended, as far as the observer has seen it, and when.
function reloadText(data) {
  const ago = seconds => `, ${formatSpan(data.now - seconds)} ago`;
  if (data.reload)
    return data.reload + ago(data.reloadTime);
  return data.goodReload ? "done" + ago(data.goodReload) : NONE;
}

function plural(count, one, many) {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

function tenantsTrouble({states}) {
  const counts = STATES.slice(0, -1).map(({name}) => [name, states[name] || 0]).filter(([, count]) => count > 0);
  const total = Object.values(states).reduce((sum, count) => sum + count, 0);
  const troubled = counts.reduce((sum, [, count]) => sum + count, 0);
  if (troubled === 0)
    return null;
  const parts = counts.map(([name, count]) => `${formatCount(count)} ${name}`).join(", ");
  return {level: counts.some(([name]) => stateOf(name).level === "bad") ? "bad" : "warn",
          text: `${formatCount(troubled)} of ${plural(total, "tenant", "tenants")} not serving as ` +
                `${troubled === 1 ? "it" : "they"} should (${parts})`};
}

// One sentence, which changes only when something does: it is read aloud.
function verdict(data) {
  const wrong = [];
  const add = (isSo, level, text) => isSo && wrong.push({level, text});
  const [rate, errors] = data.flow;
  const trouble = tenantsTrouble(data);
  add(data.state !== "serving", "warn", `the gateway is ${data.state || "starting"}`);
  add(data.ready < data.wanted, "bad", `${data.ready} of ${plural(data.wanted, "worker", "workers")} ready`);
  add(trouble, trouble?.level, trouble?.text);
  add(data.reload === "refused", "bad", "the last reload was refused");
  add(data.reload === "partial", "warn", "the last reload is in force in part only");
  add(rate > 0 && errors / rate >= 0.05, "bad", "more than 5% of all requests fail");
  add(data.expired > 0, "bad", plural(data.expired, "certificate has expired", "certificates have expired"));
  add(data.expiring > 0, "warn", plural(data.expiring, "certificate expires within a week", "certificates expire within a week"));
  if (wrong.length === 0)
    return {level: "good", text: "\u2713 All is well."};
  const text = wrong.map(part => part.text).join("; ");
  const level = wrong.some(part => part.level === "bad") ? "bad" : "warn";
  return {level, text: (level === "bad" ? "\u2715 " : "\u25b3 ") + text[0].toUpperCase() + text.slice(1) + "."};
}

function showHeader(data) {
  const told = verdict(data);
  const [rate, errors, , p99] = data.flow;
  setText(at("version"), data.version);
  setText(at("verdict"), told.text);
  setAttribute(at("verdict"), "data-level", told.level);
  const facts = [
    ["Up for", formatSpan(data.now - data.started)],
    ["Workers ready", `${data.ready} of ${data.wanted}` + (data.draining ? `, ${data.draining} draining` : "")],
    ["Restarts", formatCount(data.restarts)],
    ["Last reload", reloadText(data)],
    ["Requests/s", formatRate(rate)],
    ["5xx", rate > 0 ? formatShare(errors / rate) : NONE],
    ["p99", formatLatency(p99)],
    ["Connections", formatCount(data.connections)],
  ];
  const list = at("facts");
  if (list.childElementCount === 0) {
    list.append(...facts.map(([title]) => make("div", {}, make("dt", {}, title), make("dd"))));
    at("flow").append(page.curve.element);
  }
  facts.forEach(([, value], i) => setText(list.children[i].lastChild, value));
  page.curve.update(data.curve, null, data.points);
}

function show() {
  const {data, tenant, table} = page;
  if (!data)
    return;
  showHeader(data);
  if (tenant && data.of === tenant.name)
    tenant.update(data.rows.find(row => row.name === tenant.name), data);
  else if (!tenant && data.of === null)
    table.update(data.rows, data);
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
  poll();
  if (page.tenant) {
    scrollTo(0, 0);
    page.tenant.heading.focus({preventScroll: true});
  } else if (before) {
    scrollTo(0, page.scroll || 0);
    page.table.render();
    page.table.nodes.get(before.name)?.querySelector("a").focus({preventScroll: true});
  }
}

// Other hashes than #/... lead to a place in the page, not to another view.
addEventListener("hashchange", () => /^#[^/]/.test(location.hash) || route());
at("skip").addEventListener("click", event => {
  event.preventDefault(); // the address stays that of the view
  at("main").focus();
});
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
if (!page.isAsking)
  poll();
