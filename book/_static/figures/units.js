// Change the units: five methods on a parabola, the parameter written in another unit.
import {Figure, SERIES, STYLES, number, range, register} from "./core.js";

const STEPS = 200;
const METHODS = {gd: STYLES.gd, rmsprop: STYLES.rmsprop, scaled: {...SERIES[1], label: "AdaDelta, ε scaled too"},
  adadelta: STYLES.adadelta, newton: STYLES.newton};

/**
 * Positions in metres on the loss c·½x² from x = 1 m, t = 0 ... steps, when the parameter is the
 * number θ = s·x. Rates and constants are the same numbers in every unit, but for "scaled", whose
 * two constants go with the units: the upper one with s², the lower one with (c/s)².
 */
export function path(method, s, c, steps) {
  const upper = method === "scaled" ? 1e-6 * s * s : 1e-6, lower = method === "scaled" ? 1e-6 * (c / s) ** 2 : 1e-6;
  let theta = s, r = 0, p = 0;
  const places = [1];
  for (let t = 1; t <= steps; t++) {
    const g = (c * theta) / (s * s);
    let v;
    if (method === "gd") v = 0.05 * g;
    else if (method === "newton") v = g / (c / (s * s));
    else if (method === "rmsprop") {
      r = 0.9 * r + (1 - 0.9) * g * g;
      v = (0.01 * g) / (Math.sqrt(r) + 1e-8);
    } else {
      r = 0.95 * r + (1 - 0.95) * g * g;
      v = (Math.sqrt(p + upper) / Math.sqrt(r + lower)) * g;
      p = 0.95 * p + (1 - 0.95) * v * v;
    }
    theta -= v;
    places.push(theta / s);
  }
  return places;
}

/** Whether a path in another unit leaves the one in metres by more than a centimetre. */
export const notices = (one, other) => one.some((x, t) => !(Math.abs(x - other[t]) <= 0.01));

const power = (k) => Number((10 ** k).toPrecision(1));
const unit = (k) => ["1 km", "100 m", "10 m", "1 m", "1 dm", "1 cm", "1 mm"][k + 3];

class Units extends Figure {
  build() {
    this.plot = this.addPlot({label: "Position in metres over the steps", aspect: 1.6,
      x: {min: 0, max: STEPS, label: "step t"}, y: {min: -0.35, max: 1.15, label: "position in metres"}});
    this.entries = this.legend(Object.values(METHODS).map((style) => ({label: style.label, style, box: true})), "Methods");
    this.row();
    const powers = {min: -3, max: 3, step: 1};
    this.scale = this.slider({...powers, label: "unit of the parameter", value: Math.log10(this.settings.scale), format: unit});
    this.loss = this.slider({...powers, label: "loss multiplied by", value: Math.log10(this.settings.loss),
      format: (k) => number(power(k), 1, true)});
    this.row();
    this.transport({steps: STEPS});
    this.before = Object.fromEntries(Object.keys(METHODS).map((name) => [name, path(name, 1, 1, STEPS)]));
  }

  compute() {
    const s = power(this.scale.value), c = power(this.loss.value);
    this.now = Object.fromEntries(Object.keys(METHODS).map((name) => [name, path(name, s, c, STEPS)]));
    this.other = s !== 1 || c !== 1;
  }

  draw() {
    this.plot.rule({y: 0, label: "minimum"});
    Object.entries(METHODS).forEach(([name, style], i) => {
      if (!this.entries[i].shown) return;
      const points = (list) => range(list.length, (t) => [t, list[t]]);
      if (this.other) this.plot.line(points(this.before[name]), style, {width: 1.25, alpha: 0.45});
      const line = points(this.now[name].slice(0, this.at + 1));
      this.plot.line(line, style, {width: 2.5});
      this.plot.points(line.slice(-1), style, {size: 5, halo: true});
    });
    Object.keys(METHODS).forEach((name, i) => {
      const x = this.now[name][this.at];
      this.entries[i].text(Math.abs(x) < 100 ? `${number(x, 3)} m` : "diverged");
    });
  }

  describe() {
    if (!this.other) return `Step ${this.at}, in metres. Change the unit, and these paths stay as thin lines.`;
    const who = (wanted) => Object.keys(METHODS).filter((name) => notices(this.before[name], this.now[name]) === wanted)
      .map((name) => METHODS[name].label).join("; ") || "none";
    return `These notice the change: ${who(true)}. These do not: ${who(false)}.`;
  }
}
register("units", Units);
