// SPDX-License-Identifier: MIT
// Curves of the last fifteen minutes. What they show is also written beside them.

const HEIGHT = 24;

// values: the newest is the last; null where nothing is known. points: how many there may be.
function curvePath(values, points, most) {
  let path = "";
  let isOn = false;
  values.forEach((value, i) => {
    if (value === null) {
      isOn = false;
      return;
    }
    const x = points - values.length + i;
    const y = HEIGHT - 1 - (HEIGHT - 2) * Math.min(1, value / most);
    path += `${isOn ? "L" : "M"}${x} ${y.toFixed(1)}`;
    isOn = true;
  });
  return path;
}

// What was before the first value was zero.
function areaPath(values, points, most) {
  const first = points - values.length;
  return `M${first} ${HEIGHT}` + curvePath(values, points, most).replace("M", "L") + `L${points - 1} ${HEIGHT}Z`;
}

class Curve {
  constructor(className) {
    this.area = draw("path", {class: "area"});
    this.line = draw("path", {class: "line"});
    this.second = draw("path", {class: "line second"});
    this.element = draw("svg", {class: className, "aria-hidden": "true", preserveAspectRatio: "none"},
                        this.area, this.line, this.second);
  }

  // first, second: arrays or null. Returns the largest value.
  update(first, second, points, isFilled = true) {
    const all = [...first || [], ...second || []].filter(value => value !== null);
    const most = Math.max(0, ...all);
    setAttribute(this.element, "viewBox", `0 0 ${points - 1} ${HEIGHT}`);
    setAttribute(this.area, "d", most > 0 && first && isFilled ? areaPath(first, points, most) : "");
    setAttribute(this.line, "d", most > 0 && first ? curvePath(first, points, most) : "");
    setAttribute(this.second, "d", most > 0 && second ? curvePath(second, points, most) : "");
    return most;
  }
}

// A large one, with its title, what it is now, and its axes.
class Chart {
  constructor(title, names) {
    this.curve = new Curve("chart");
    this.now = make("p", {class: "now"});
    this.most = make("span");
    this.start = make("span");
    const key = names.map((name, i) => make("span", {class: i ? "key second" : "key"}, name));
    this.element = make("section", {}, make("h2", {}, title), this.now,
      make("div", {class: "plot"}, make("div", {class: "most"}, this.most), this.curve.element),
      make("div", {class: "axis"}, this.start, make("span", {class: "keys"}, ...key), make("span", {}, "now")));
  }

  update(now, first, second, {points, step, format, isFilled}) {
    const most = this.curve.update(first, second, points, isFilled);
    setText(this.now, now);
    setText(this.most, most > 0 ? format(most) : "");
    setText(this.start, `${Math.round(points * step / 60)} min ago`);
  }
}
