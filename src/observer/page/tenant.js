// SPDX-License-Identifier: MIT
// One tenant: all that is known of it.

function pairs(entries) {
  return make("dl", {class: "pairs"}, ...entries.flatMap(([title, value]) =>
    [make("dt", {}, title), make("dd", {}, ...(Array.isArray(value) ? value : [value]))]));
}

function card(title, content, isWide = false) {
  return make("section", isWide ? {class: "wide"} : {}, make("h2", {}, title), content);
}

function expiryText(expires, now) {
  const told = expiry(expires, now);
  return [make("span", {class: told.level}, told.text), make("span", {class: "spoken"}, told.spoken)];
}

class TenantView {
  constructor(name) {
    this.name = name;
    this.heading = make("h1", {tabindex: "-1"}, make("bdi", {}, name));
    this.state = make("span", {class: "state"});
    this.cards = make("div", {class: "cards"});
    this.element = make("article", {},
      make("p", {class: "back"}, make("a", {href: "#/"}, "\u2190 All tenants")),
      make("div", {class: "head"}, this.heading, this.state), this.cards);
  }

  update(row, now) {
    if (!row) {
      this.state.replaceChildren();
      this.cards.replaceChildren(make("p", {class: "empty"}, "There is no tenant of this name."));
      return;
    }
    stateCell(this.state, row.state);
    this.cards.replaceChildren(
      ...(row.error ? [card("Last error", make("p", {class: "told"}, row.error), true)] : []),
      card("Where it listens", pairs([
        ["Namespace", row.namespace || NONE],
        ["Inode", isKnown(row.inode) ? String(row.inode) : NONE],
        ["Addresses bound", `${row.bound} of ${row.listeners}`],
      ])),
      card("Clients", pairs([
        ["Connections", formatCount(row.connections)],
        ["of them draining", formatCount(row.draining)],
        ["Requests per second", formatRate(row.rate)],
        ["Requests so far", formatCount(row.requests)],
        ["Refused by limits", formatCount(row.refused)],
      ])),
      card("Configuration", pairs([
        ["Generation", formatCount(row.generation)],
        ["Certificate", expiryText(row.expires, now)],
      ])));
  }
}
