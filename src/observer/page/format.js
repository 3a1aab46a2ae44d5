// SPDX-License-Identifier: MIT
// Figures as people read them. What is not known is a dash.

const NONE = "\u2013";
const DAY = 86400;
const whole = new Intl.NumberFormat("en", {maximumFractionDigits: 0});
const short = new Intl.NumberFormat("en", {notation: "compact", maximumFractionDigits: 1});
const tenths = new Intl.NumberFormat("en", {minimumFractionDigits: 1, maximumFractionDigits: 1});
const hundredths = new Intl.NumberFormat("en", {maximumFractionDigits: 2});

const isKnown = value => value !== null && value !== undefined;

function formatCount(value) {
  if (!isKnown(value))
    return NONE;
  return value < 100000 ? whole.format(value) : short.format(value);
}

function formatRate(value) {
  if (!isKnown(value))
    return NONE;
  if (value === 0)
    return "0";
  if (value < 0.1)
    return "<0.1";
  return value < 10 ? tenths.format(value) : formatCount(value);
}

// part of 1
function formatShare(value) {
  if (!isKnown(value))
    return NONE;
  if (value === 0)
    return "0";
  if (value < 0.001)
    return "<0.1%";
  return (value < 0.1 ? tenths : whole).format(100 * value) + "%";
}

function formatLatency(seconds) {
  if (!isKnown(seconds))
    return NONE;
  const ms = 1000 * seconds;
  if (ms < 1000)
    return (ms < 10 ? tenths : whole).format(ms) + " ms";
  return hundredths.format(seconds) + " s";
}

// The two largest units that count.
function formatSpan(seconds) {
  const units = [["d", DAY], ["h", 3600], ["m", 60], ["s", 1]];
  const parts = [];
  let rest = Math.max(0, Math.floor(seconds));
  for (const [name, size] of units) {
    const count = Math.floor(rest / size);
    if (count > 0 || (parts.length > 0 && parts.length < 2) || size === 1)
      parts.push(count + " " + name);
    rest -= count * size;
    if (parts.length === 2)
      break;
  }
  return parts.join(" ");
}

function formatBytes(bytes) {
  if (!isKnown(bytes))
    return NONE;
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let unit = 0;
  while (bytes >= 1024 && unit < units.length - 1) {
    bytes /= 1024;
    unit++;
  }
  return (unit === 0 || bytes >= 100 ? whole : tenths).format(bytes) + " " + units[unit];
}

function formatMoment(seconds) {
  return new Date(1000 * seconds).toLocaleString("sv").slice(0, 19);
}

function formatDate(seconds) {
  return formatMoment(seconds).slice(0, 10);
}

function formatTime(seconds) {
  return formatMoment(seconds).slice(11);
}

// ---- states ----

// The worst comes first; each has a sign of its own, so that colour is not all that tells.
const STATES = [
  {name: "refused", sign: "\u2715", level: "bad"},
  {name: "blocked", sign: "\u25a0", level: "bad"},
  {name: "waiting", sign: "\u25cb", level: "warn"},
  {name: "degraded", sign: "\u25d0", level: "warn"},
  {name: "serving", sign: "\u25cf", level: "good"},
];

function stateOf(name) {
  return STATES.find(state => state.name === name) || {name, sign: "?", level: "warn"};
}

function stateRank(name) {
  const rank = STATES.findIndex(state => state.name === name);
  return rank < 0 ? 0 : rank;
}

// ---- certificates ----

// expires, now: seconds since 1970
function expiry(expires, now) {
  if (!expires)
    return {text: NONE, level: "none", spoken: "no certificate"};
  const left = expires - now;
  const on = formatMoment(expires);
  if (left <= 0)
    return {text: "\u2715 expired", level: "urgent", spoken: "expired " + on};
  const [size, unit] = left > 2 * DAY ? [DAY, " d"] : left > 3600 ? [3600, " h"] : [60, " m"];
  const text = formatCount(Math.floor(left / size)) + unit;
  if (left <= DAY)
    return {text: "\u25b2 " + text, level: "urgent", spoken: "expires within a day, " + on};
  if (left <= 7 * DAY)
    return {text: "\u25b2 " + text, level: "bad", spoken: "expires within a week, " + on};
  if (left <= 30 * DAY)
    return {text: "\u25b3 " + text, level: "warn", spoken: "expires within 30 days, " + on};
  return {text, level: "", spoken: "expires " + on};
}
