// SPDX-License-Identifier: MIT
// All tenants: a table that sorts and filters, and has rows for what is in sight only.

const MARGIN = 8; // rows that are there above and below what is in sight

// key: its class; value: what is sorted by; isFigure: the largest comes first
const COLUMNS = [
  {key: "state", title: "State", value: row => stateRank(row.state)},
  {key: "name", title: "Tenant", value: row => row.rank},
  {key: "namespace", title: "Namespace", value: row => row.namespace},
  {key: "rate", title: "Req/s", unit: "req/s", isFigure: true, value: row => row.rate},
  {key: "curve", title: "Last 15 minutes"},
  {key: "errors", title: "5xx", unit: "5xx", isFigure: true, value: row => shareOf(row)},
  {key: "p50", title: "p50", unit: "p50", isFigure: true, value: row => row.p50 ?? -1},
  {key: "p99", title: "p99", unit: "p99", isFigure: true, value: row => row.p99 ?? -1},
  {key: "connections", title: "Conns", unit: "conns", isFigure: true, value: row => row.connections},
  {key: "expires", title: "Certificate", isFigure: true, isRising: true, value: row => row.expires || Infinity},
  {key: "error", title: "Last error", value: row => row.error || "\uffff"},
];

// Of requests, those answered with 5xx, as a part of 1.
function shareOf(row) {
  return row.rate > 0 ? row.errors / row.rate : 0;
}

function shareCell(cell, row) {
  const share = shareOf(row);
  setText(cell, row.rate > 0 ? formatShare(share) : NONE);
  cell.classList.toggle("bad", share >= 0.05);
  cell.classList.toggle("warn", share > 0 && share < 0.05);
}

function curveCell(cell, row, data) {
  cell.curve ||= new Curve("spark");
  if (!cell.firstChild)
    cell.append(cell.curve.element);
  cell.curve.update(row.curve, row.errorCurve, data.points);
}

function stateCell(cell, name) {
  const state = stateOf(name);
  if (cell.dataset.state === name)
    return;
  cell.dataset.state = name;
  cell.replaceChildren(make("span", {class: state.level},
                            make("i", {class: "sign", "aria-hidden": "true"}, state.sign), state.name));
}

function expiryCell(cell, expires, now) {
  const told = expiry(expires, now);
  if (cell.textContent === told.text + told.spoken)
    return;
  cell.title = told.spoken;
  cell.replaceChildren(make("span", {class: told.level, "aria-hidden": "true"}, told.text),
                       make("span", {class: "spoken"}, told.spoken));
}

function textCell(cell, text) {
  setText(cell.firstChild || cell.appendChild(make("bdi")), text || NONE);
  cell.title = text || "";
}

const CELLS = {
  state: (cell, row) => stateCell(cell, row.state),
  name: (cell, row) => {
    const link = cell.firstChild || cell.appendChild(make("a", {}, make("bdi")));
    setText(link.firstChild, row.name);
    setAttribute(link, "href", "#/tenant/" + encodeURIComponent(row.name));
    cell.title = row.name;
  },
  namespace: (cell, row) => textCell(cell, row.namespace),
  rate: (cell, row) => setText(cell, formatRate(row.rate)),
  curve: curveCell,
  errors: shareCell,
  p50: (cell, row) => setText(cell, formatLatency(row.p50)),
  p99: (cell, row) => setText(cell, formatLatency(row.p99)),
  connections: (cell, row) => setText(cell, formatCount(row.connections)),
  expires: (cell, row, data) => expiryCell(cell, row.expires, data.now),
  error: (cell, row) => textCell(cell, row.error),
};

class TenantTable {
  constructor() {
    this.rows = [];
    this.view = [];
    this.nodes = new Map();
    this.query = "";
    this.state = "";
    this.sort = {column: COLUMNS[0], isDown: false};
    this.makeTools();
    this.makeTable();
    addEventListener("scroll", () => this.soon(), {passive: true});
    addEventListener("resize", () => this.soon(), {passive: true});
  }

  makeTools() {
    this.input = make("input", {type: "search", placeholder: "Filter by name or namespace",
                                "aria-label": "Filter by name or namespace", autocomplete: "off",
                                spellcheck: "false"});
    this.input.addEventListener("input", () => {
      this.query = this.input.value.trim().toLowerCase();
      this.choose();
    });
    this.states = make("div", {class: "states", role: "group", "aria-label": "Filter by state"});
    for (const name of ["", ...STATES.map(state => state.name)]) {
      const button = make("button", {type: "button", "data-state": name});
      button.addEventListener("click", () => {
        this.state = this.state === name ? "" : name;
        this.choose();
      });
      this.states.append(button);
    }
    this.shown = make("p", {id: "shown", role: "status"});
    this.tools = make("div", {class: "tools", role: "search"}, this.input, this.states, this.shown);
  }

  makeTable() {
    this.head = make("tr", {role: "row", "aria-rowindex": "1"});
    for (const column of COLUMNS) {
      const cell = make("th", {scope: "col", role: "columnheader",
                               class: column.key + (column.isFigure ? " figure" : "")});
      const button = column.value ? make("button", {type: "button"}) : make("span");
      button.textContent = column.title;
      if (column.value)
        button.addEventListener("click", () => this.sortBy(column));
      cell.append(button);
      this.head.append(cell);
    }
    this.body = make("tbody", {role: "rowgroup"});
    this.body.addEventListener("keydown", event => this.onKey(event));
    this.table = make("table", {class: "list", role: "table", "aria-label": "Tenants"},
                      make("thead", {role: "rowgroup"}, this.head), this.body);
    this.nothing = make("p", {class: "empty", hidden: ""});
    this.element = make("div", {}, make("h1", {class: "spoken"}, "Tenants"), this.tools, this.table, this.nothing);
  }

  // ---- what is chosen ----

  update(rows, data) {
    this.rows = rows;
    this.data = data;
    this.rankNames();
    this.choose();
  }

  // Names are compared by a person's order, which is slow: only when there are others.
  rankNames() {
    if (!this.ranks || this.ranks.size !== this.rows.length || this.rows.some(row => !this.ranks.has(row.name))) {
      const compare = new Intl.Collator("en", {numeric: true}).compare;
      const names = this.rows.map(row => row.name).sort(compare);
      this.ranks = new Map(names.map((name, rank) => [name, rank]));
    }
    for (const row of this.rows)
      row.rank = this.ranks.get(row.name);
  }

  sortBy(column) {
    const isDown = Boolean(column.isFigure && !column.isRising);
    this.sort = {column, isDown: this.sort.column === column ? !this.sort.isDown : isDown};
    this.choose();
  }

  choose() {
    const {column, isDown} = this.sort;
    const sign = isDown ? -1 : 1;
    this.view = this.rows.filter(row => (!this.state || row.state === this.state) &&
      (!this.query || row.name.toLowerCase().includes(this.query) ||
       row.namespace.toLowerCase().includes(this.query)));
    this.view.sort((a, b) => {
      const left = column.value(a), right = column.value(b);
      return left < right ? -sign : left > right ? sign : a.rank - b.rank;
    });
    this.showTools();
    this.render();
  }

  showTools() {
    const counts = new Map();
    for (const row of this.rows)
      counts.set(row.state, (counts.get(row.state) || 0) + 1);
    for (const button of this.states.children) {
      const name = button.dataset.state;
      const count = name ? counts.get(name) || 0 : this.rows.length;
      setText(button, (name || "all") + " " + formatCount(count));
      setAttribute(button, "aria-pressed", String(this.state === name));
      button.hidden = Boolean(name) && count === 0 && this.state !== name;
    }
    const isCut = this.view.length !== this.rows.length;
    setText(this.shown, isCut ? `${formatCount(this.view.length)} of ${formatCount(this.rows.length)}` : "");
    for (const [i, column] of COLUMNS.entries()) {
      const isSorted = column === this.sort.column;
      setAttribute(this.head.children[i], "aria-sort",
                   isSorted ? (this.sort.isDown ? "descending" : "ascending") : null);
    }
    this.table.hidden = this.view.length === 0;
    this.nothing.hidden = this.view.length > 0;
    setText(this.nothing, this.rows.length === 0
      ? "There are no tenants yet: each file in the tenants' folder is one."
      : "No tenant matches the filter.");
  }

  // ---- rows ----

  soon() {
    if (this.frame || !this.element.isConnected)
      return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.render();
    });
  }

  // What is in sight, as places in the view.
  range() {
    const box = this.body.getBoundingClientRect();
    const height = box.height / this.view.length || 1;
    const first = Math.floor(-box.top / height) - MARGIN;
    const last = Math.ceil((innerHeight - box.top) / height) + MARGIN;
    return [Math.max(0, Math.min(first, this.view.length)), Math.max(0, Math.min(last, this.view.length))];
  }

  render() {
    if (!this.element.isConnected)
      return;
    setAttribute(this.table, "aria-rowcount", String(this.view.length + 1));
    this.body.style.setProperty("--count", this.view.length);
    const focused = document.activeElement.closest?.(".list tbody tr")?.dataset.name;
    const [first, last] = this.range();
    const places = new Map();
    for (let place = first; place < last; place++)
      places.set(this.view[place].name, place);
    // Whoever has the focus keeps it, out of sight too.
    if (focused !== undefined && !places.has(focused)) {
      const place = this.view.findIndex(row => row.name === focused);
      if (place >= 0)
        places.set(focused, place);
    }
    for (const [name, node] of this.nodes) {
      if (!places.has(name)) {
        node.remove();
        this.nodes.delete(name);
      }
    }
    this.place([...places].sort((a, b) => a[1] - b[1]));
    if (focused !== undefined && this.nodes.has(focused) && !this.body.contains(document.activeElement))
      this.nodes.get(focused).querySelector("a").focus({preventScroll: true});
  }

  place(wanted) {
    let next = this.body.firstChild;
    for (const [name, place] of wanted) {
      const node = this.nodes.get(name) || this.makeRow(name);
      if (node === next)
        next = next.nextSibling;
      else
        this.body.insertBefore(node, next);
      node.style.setProperty("--at", place);
      setAttribute(node, "aria-rowindex", String(place + 2));
      for (const [i, column] of COLUMNS.entries())
        CELLS[column.key](node.children[i], this.view[place], this.data);
    }
  }

  makeRow(name) {
    const node = make("tr", {role: "row"});
    node.dataset.name = name;
    for (const column of COLUMNS) {
      const isName = column.key === "name";
      const cell = make(isName ? "th" : "td", {role: isName ? "rowheader" : "cell",
                                               class: column.key + (column.isFigure ? " figure" : "")});
      if (isName)
        cell.scope = "row";
      if (column.unit)
        cell.dataset.unit = column.unit;
      node.append(cell);
    }
    this.nodes.set(name, node);
    return node;
  }

  // ---- keys ----

  onKey(event) {
    const row = event.target.closest("tr");
    if (!row || event.altKey || event.ctrlKey || event.metaKey)
      return;
    const place = Number(row.getAttribute("aria-rowindex")) - 2;
    const page = Math.max(1, Math.floor(innerHeight / row.offsetHeight) - 2);
    const places = {ArrowDown: place + 1, ArrowUp: place - 1, PageDown: place + page, PageUp: place - page,
                    Home: 0, End: this.view.length - 1};
    if (!(event.key in places))
      return;
    event.preventDefault();
    this.focusRow(Math.max(0, Math.min(places[event.key], this.view.length - 1)));
  }

  focusRow(place) {
    const height = this.body.offsetHeight / this.view.length;
    const top = this.body.getBoundingClientRect().top + place * height;
    const head = this.head.parentElement.offsetHeight;
    if (top < head)
      scrollBy(0, top - head);
    else if (top + height > innerHeight)
      scrollBy(0, top + height - innerHeight);
    this.render();
    this.nodes.get(this.view[place].name)?.querySelector("a").focus({preventScroll: true});
  }
}
