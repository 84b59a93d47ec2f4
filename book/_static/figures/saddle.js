// How long a saddle holds gradient descent: ½x² − ½y² + ¼y⁴, from (−1.5, δ).
import {Figure, SERIES, number, register, seeded} from "./core.js";

const START = -1.5, STEPS = 340;

/** Gradient descent; noise is the standard deviation of what is added to each gradient. */
export function path(delta, rate, steps, noise = 0) {
  const random = seeded(5), points = [[START, delta]];
  for (let t = 0; t < steps; t++) {
    const [x, y] = points[t], [e, d] = noise ? [noise * random.normal(), noise * random.normal()] : [0, 0];
    points.push([x - rate * (x + e), y - rate * (y ** 3 - y + d)]);
  }
  return points;
}

/** The first step at which |y| is above ½; Infinity if there is none. */
export function delay(points) {
  const t = points.findIndex(([, y]) => Math.abs(y) > 0.5);
  return t < 0 ? Infinity : t;
}

/** What the linear theory says. */
export const theory = (delta, rate) => Math.log(0.5 / delta) / Math.log(1 + rate);

class Saddle extends Figure {
  build() {
    this.map = this.addPlot({label: "Contours of the saddle with the path", aspect: 1.15, inside: true,
      x: {min: -1.8, max: 1.8, label: "x"}, y: {min: -1.6, max: 1.6, label: "y"}});
    this.plot = this.addPlot({label: "Distance from the ridge over the steps", aspect: 1.15,
      x: {min: 0, max: STEPS, label: "step t"}, y: {min: 1e-13, max: 5, log: true, label: "|y|"}});
    this.transport({steps: STEPS});
    this.delta = this.slider({label: "distance from the ridge δ", min: -12, max: -1, step: 1, value: this.settings.delta,
      format: (z) => number(Number(`1e${z}`), 1)});
    this.noise = this.select({label: "noise in the gradient", options: {0: "none", "1e-8": "10⁻⁸", "1e-4": "10⁻⁴", "0.01": "10⁻²"}});
    this.ridge = this.checkbox({label: "start exactly on the ridge, δ = 0"});
  }

  compute() {
    const {rate} = this.settings;
    this.first = this.ridge.value ? 0 : Number(`1e${this.delta.value}`);
    this.points = path(this.first, rate, STEPS, Number(this.noise.value));
    this.left = delay(this.points);
  }

  draw() {
    const {map, plot} = this, so = this.points.slice(0, this.at + 1), [style, other] = SERIES;
    map.surface((x, y) => 0.5 * x * x - 0.5 * y * y + 0.25 * y ** 4 + 0.25, {key: "saddle"});
    map.line([[-1.8, 0], [1.8, 0]], "muted", {width: 1, dash: [4, 4]});
    map.text("ridge", [1.2, 0], {dy: -9});
    map.line(so, style, {halo: true});
    map.points(so.slice(-1), style, {size: 6, halo: true});
    plot.rule({y: 0.5});
    plot.line(so.map(([, y], t) => [t, y ? Math.abs(y) : NaN]), style);
    if (this.at >= this.left) plot.rule({x: this.left, label: `step ${this.left}`, style: other});
  }

  describe() {
    const {left, first, settings: {rate}} = this, from = first ? `From δ = ${number(first, 1)}` : "From the ridge itself";
    const formula = first && !Number(this.noise.value) ? ` The formula says ${number(theory(first, rate), 3)}.` : "";
    return left === Infinity ? `${from} gradient descent has not left the saddle after ${STEPS} steps${first || Number(this.noise.value) ? "" : ", and never will"}.`
      : `${from} it takes ${left} steps until |y| is above ½.${formula}`;
  }
}
register("saddle", Saddle);
