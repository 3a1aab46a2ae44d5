// SPDX-License-Identifier: MIT
// One tenant: its curves, where it listens, its servers, certificates, limits, and what went wrong.

function pairs(entries) {
  return make("dl", {class: "pairs"}, ...entries.flatMap(([title, value]) =>
    [make("dt", {}, title), make("dd", {}, ...(Array.isArray(value) ? value : [value]))]));
}

// columns: [title, cell of an item, whether it is a figure]
function grid(label, columns, items) {
  const cells = (tag, make_cell) => columns.map((column, i) =>
    make(i || tag === "th" ? tag : "th", {...(column[2] ? {class: "figure"} : {}),
         ...(tag === "th" ? {scope: "col"} : i ? {} : {scope: "row"})}, make_cell(column)));
  return make("div", {class: "scroll"}, make("table", {"aria-label": label},
    make("thead", {}, make("tr", {}, ...cells("th", column => column[0]))),
    make("tbody", {}, ...items.map(item => make("tr", {}, ...cells("td", column => column[1](item)))))));
}

function none(text) {
  return make("p", {class: "empty"}, text);
}

function sign(level, mark, text) {
  return make("span", {class: level}, make("i", {class: "sign", "aria-hidden": "true"}, mark), text);
}

function expiryText(expires, now) {
  const told = expiry(expires, now);
  return make("span", {}, make("span", {class: told.level, "aria-hidden": "true"}, told.text),
              make("span", {class: "spoken"}, told.spoken));
}

// {label: count}, the largest first, as entries for pairs()
function counted(figure) {
  return Object.entries(figure || {}).sort((a, b) => b[1] - a[1])
    .map(([label, count]) => [label.replaceAll("_", " "), formatCount(count)]);
}

// ---- the cards ----

function listenersCard(told, row) {
  const parts = told.parts.filter(part => part.scope === "listener");
  return make("div", {}, pairs([
    ["Namespace", row.namespace || NONE],
    ["Inode", told.figures.nsgate_tenant_namespace_inode ? String(told.figures.nsgate_tenant_namespace_inode) : NONE],
    ["Addresses bound", `${row.bound} of ${row.listeners}`],
  ]), ...(parts.length === 0 ? [] : [grid("Addresses", [
    ["Address", part => part.listener],
    ["Connections", part => formatCount(part.figures.nsgate_listener_connections), true],
  ], parts)]));
}

function serversCard(told) {
  const parts = told.parts.filter(part => part.scope === "endpoint");
  if (parts.length === 0)
    return none("No server was asked yet.");
  return grid("Servers", [
    ["Server", part => part.server],
    ["Group", part => part.upstream || NONE],
    ["Health", part => part.figures.nsgate_endpoint_up ? sign("good", "\u25cf", "up") : sign("bad", "\u2715", "down")],
    ["Requests", part => formatCount(part.figures.nsgate_endpoint_requests_total), true],
    ["Failures", part => {
      const failures = counted(part.figures.nsgate_endpoint_failures_total);
      return failures.length === 0 ? "0" : failures.map(entry => entry.join(" ")).join(", ");
    }, true],
    ["p50", part => formatLatency(part.figures.nsgate_endpoint_response_duration_seconds?.p50), true],
    ["p99", part => formatLatency(part.figures.nsgate_endpoint_response_duration_seconds?.p99), true],
  ], parts);
}

function certificatesCard(told, row, data) {
  const parts = told.parts.filter(part => part.scope === "certificate");
  if (parts.length === 0)
    return none("It has none.");
  return grid("Certificates", [
    ["Server name", part => part.server_name || "(the first to expire)"],
    ["Expires", part => formatDate(part.figures.nsgate_certificate_expiry_timestamp_seconds)],
    ["In", part => expiryText(part.figures.nsgate_certificate_expiry_timestamp_seconds, data.now), true],
  ], parts);
}

function configurationCard(told, row, data) {
  const since = told.figures.nsgate_tenant_config_timestamp_seconds;
  return pairs([
    ["In force since", since ? formatMoment(since) : NONE],
    ["Times put in force", formatCount(told.figures.nsgate_tenant_generation)],
    ["Last reload of all", reloadText(data)],
  ]);
}

function limitsCard(told) {
  const refused = counted(told.figures.nsgate_connections_refused_total);
  return refused.length === 0 ? none("No client was refused by a limit.") : pairs(refused);
}

function endsCard(told) {
  const closed = counted(told.figures.nsgate_connections_closed_total);
  const failed = counted(told.figures.nsgate_handshake_failures_total)
    .map(([reason, count]) => ["handshake failed: " + reason, count]);
  return closed.length + failed.length === 0 ? none("No connection has ended yet.") : pairs([...failed, ...closed]);
}

function trafficCard(told) {
  const {figures} = told;
  return pairs([
    ...counted(figures.nsgate_requests_total).map(([label, count]) => ["requests, " + label, count]),
    ["received", formatBytes(figures.nsgate_received_bytes_total)],
    ["sent", formatBytes(figures.nsgate_sent_bytes_total)],
    ["first byte, p50 and p99", latencies(figures.nsgate_time_to_first_byte_seconds)],
    ["handshake, p50 and p99", latencies(figures.nsgate_handshake_duration_seconds)],
    ...counted(figures.nsgate_handshakes_total).map(([label, count]) => ["handshakes, " + label, count]),
    ...counted(figures.nsgate_tls_connections_total),
  ]);
}

function latencies(histogram) {
  return `${formatLatency(histogram?.p50)}, ${formatLatency(histogram?.p99)}`;
}

function errorsCard(told) {
  if (told.complaints.length === 0)
    return none("None since the observer has been running.");
  return make("ol", {class: "past"}, ...told.complaints.map(error => make("li", {},
    make("time", {}, formatMoment(error.since)), error.text ? make("p", {class: "told"}, error.text)
                                                            : make("p", {class: "told good"}, "\u25cf all is well"))));
}

function figuresCard(told) {
  const rows = Object.entries(told.figures).flatMap(([name, value]) =>
    typeof value === "number" ? [[name, "", formatCount(value)]]
      : "count" in value && "p99" in value ? [[name, "", `${formatCount(value.count)} \u00d7, ` +
        `p50 ${formatLatency(value.p50)}, p99 ${formatLatency(value.p99)}`]]
      : Object.entries(value).map(([label, count]) => [name, label, formatCount(count)]));
  return grid("All figures", [
    ["Figure", row => make("code", {title: told.help[row[0]] || ""}, row[0])],
    ["", row => row[1]],
    ["Value", row => row[2], true],
  ], rows);
}

const CARDS = [
  {title: "Servers", content: serversCard, isWide: true},
  {title: "Where it listens", content: listenersCard},
  {title: "Certificates", content: certificatesCard},
  {title: "Configuration", content: configurationCard},
  {title: "Traffic so far", content: trafficCard},
  {title: "Refused by limits", content: limitsCard},
  {title: "How connections ended", content: endsCard},
  {title: "Recent errors", content: errorsCard, isWide: true},
];

// ---- the view ----

class TenantView {
  constructor(name) {
    this.name = name;
    this.heading = make("h1", {tabindex: "-1"}, make("bdi", {}, name));
    this.state = make("span", {class: "state"});
    this.trouble = make("p", {class: "trouble told", hidden: ""});
    this.missing = none("There is no tenant of this name.");
    this.requests = new Chart("Requests per second", ["all", "5xx"]);
    this.latency = new Chart("Latency", ["p50", "p99"]);
    this.connections = new Chart("Connections", []);
    this.cards = CARDS.map(card => ({...card, element: make("section", card.isWide ? {class: "wide"} : {},
                                                            make("h2", {}, card.title), make("div"))}));
    this.figures = make("section", {class: "wide"}, make("details", {}, make("summary", {}, "All figures"), make("div")));
    const elements = isWide => this.cards.filter(card => Boolean(card.isWide) === isWide).map(card => card.element);
    const [servers, errors] = elements(true);
    this.body = make("div", {hidden: ""},
      make("div", {class: "cards"}, this.requests.element, this.latency.element, this.connections.element),
      servers, make("div", {class: "columns"}, ...elements(false)), errors, this.figures);
    this.element = make("article", {},
      make("p", {class: "back"}, make("a", {href: "#/"}, "\u2190 All tenants")),
      make("div", {class: "head"}, this.heading, this.state), this.trouble, this.missing, this.body);
    this.missing.hidden = true;
  }

  // told: the answer for this tenant; row: its line, undefined when there is none
  update(row, told) {
    this.missing.hidden = Boolean(row);
    this.body.hidden = this.state.hidden = !row;
    this.trouble.hidden = !row || !told.error;
    if (!row)
      return;
    stateCell(this.state, row.state);
    setText(this.trouble, told.error);
    this.updateCharts(row, told);
    for (const card of [...this.cards, {element: this.figures.firstChild, content: figuresCard}])
      this.updateCard(card, row, told);
  }

  // Only what has changed is made anew, so that a selection in the rest stays.
  updateCard(card, row, told) {
    const made = card.content(told, row, told);
    const old = card.element.lastChild;
    if (!old.firstChild || !old.firstChild.isEqualNode(made))
      old.replaceChildren(made);
  }

  updateCharts(row, told) {
    const {curves, points, step} = told;
    const share = row.rate > 0 && row.errors > 0 ? `, ${formatShare(shareOf(row))} answered with 5xx` : "";
    this.requests.update(formatRate(row.rate) + share, curves.rate, curves.errors,
                         {points, step, format: formatRate, isFilled: true});
    this.latency.update(`p50 ${formatLatency(row.p50)}, p99 ${formatLatency(row.p99)}`, curves.p50, curves.p99,
                        {points, step, format: formatLatency, isFilled: false});
    this.connections.update(formatCount(row.connections), curves.connections, null,
                            {points, step, format: formatCount, isFilled: true});
  }
}
