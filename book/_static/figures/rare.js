// AdaGrad's chapter: a weight that gets a gradient at every step, and one that seldom does.
import {Figure, SERIES, STYLES, number, range, register} from "./core.js";

const STEPS = 400, EPS = 1e-10;

/** Weights of a valley turned by some degrees, from its own coordinates, and back (way −1). */
export function turn([a, b], degrees, way = 1) {
  const angle = (way * degrees * Math.PI) / 180, c = Math.cos(angle), s = Math.sin(angle);
  return [c * a - s * b, s * a + c * b];
}

/**
 * Points and sums of squared gradients, from step 0 on. Every example has the first feature, each
 * every-th the second too; the loss is the sum of their distances |u|, so gradients have size one.
 */
export function run(method, rate, every, degrees, start, steps) {
  let theta = turn(start, degrees), r = [0, 0];
  const points = [theta], sums = [r];
  for (let t = 1; t <= steps; t++) {
    const u = turn(theta, degrees, -1).map((z) => (Math.abs(z) < 1e-12 ? 0 : z)); // rounding is no side
    const g = turn([Math.sign(u[0]), t % every ? 0 : Math.sign(u[1])], degrees);
    r = r.map((z, i) => z + g[i] * g[i]);
    theta = theta.map((z, i) => z - rate * g[i] / (method === "adagrad" ? Math.sqrt(r[i]) + EPS : 1));
    points.push(theta);
    sums.push(r);
  }
  return {points, sums};
}

class Rare extends Figure {
  build() {
    const {start, every, adagrad, sgd} = this.settings;
    this.start = start;
    this.valley = this.addPlot({label: "Paths of SGD and AdaGrad in a valley", inside: true, aspect: 1.2,
      x: {min: -2.1, max: 2.1, label: "θ₁"}, y: {min: -1.75, max: 1.75, label: "θ₂"}});
    this.rates = this.addPlot({label: "Rate of each weight over the steps", aspect: 1.2,
      x: {min: 1, max: STEPS, log: true, label: "step t"},
      y: {min: 1e-3, max: 0.3, log: true, label: "rate of the weight, α/√r"}});
    this.valley.handle({label: "Start", step: 0.1, get: () => turn(this.start, this.degrees.value),
      set: (point) => { this.start = turn(point, this.degrees.value, -1); }});
    this.transport({steps: STEPS, perSecond: 80});
    this.every = this.slider({label: "second feature: one example in", min: 1, max: 50, step: 1, value: every});
    this.degrees = this.slider({label: "turn the valley by", min: 0, max: 45, step: 5, value: 0, format: (z) => `${z}°`});
    this.adagrad = this.slider({label: "α of AdaGrad", min: 0.01, max: 0.5, log: true, value: adagrad});
    this.sgd = this.slider({label: "α of SGD", min: 0.002, max: 0.2, log: true, value: sgd});
    this.legend([{label: "SGD", style: STYLES.sgd}, {label: "AdaGrad", style: STYLES.adagrad},
      {label: "AdaGrad's rate of θ₁", style: SERIES[0]}, {label: "AdaGrad's rate of θ₂", style: SERIES[1]}]);
  }

  compute() {
    const shared = [this.every.value, this.degrees.value, this.start, STEPS];
    this.slow = run("sgd", this.sgd.value, ...shared);
    this.fast = run("adagrad", this.adagrad.value, ...shared);
  }

  rate(i, t) {
    const r = this.fast.sums[t][i];
    return r > 1e-12 ? this.adagrad.value / Math.sqrt(r) : NaN; // no gradient yet
  }

  /** Distance still to go along the flat direction of the valley. */
  left({points}) {
    const far = Math.abs(turn(points[this.at], this.degrees.value, -1)[1]);
    return far < 1e-12 ? 0 : far; // rounding is no distance
  }

  draw() {
    const {valley, rates, at} = this, every = this.every.value, degrees = this.degrees.value;
    valley.surface((x, y) => {
      const [a, b] = turn([x, y], degrees, -1);
      return Math.abs(a) + Math.abs(b) / every;
    }, {key: `${every},${degrees}`});
    valley.text("+", [0, 0], {bold: true});
    for (const [{points}, style] of [[this.slow, STYLES.sgd], [this.fast, STYLES.adagrad]]) {
      valley.line(points.slice(0, at + 1), style, {halo: true});
      valley.points([points[at]], style, {size: 6, halo: true});
    }
    for (const i of [0, 1]) {
      const line = range(at, (k) => [k + 1, this.rate(i, k + 1)]);
      rates.line(line, SERIES[i]);
      rates.points(line.slice(-1), SERIES[i]);
    }
  }

  reset() {
    this.start = this.settings.start;
    super.reset();
  }

  describe() {
    const {at} = this, seen = Math.floor(at / this.every.value), ratio = this.rate(1, at) / this.rate(0, at);
    const rates = Number.isFinite(ratio) ? `The rate of θ₂ is ${number(ratio)} times that of θ₁. ` : "";
    return `Step ${at}: the first feature was seen ${at} times, the second ${seen}. ${rates}` +
      `Left to go along the flat direction: AdaGrad ${number(this.left(this.fast))}, SGD ${number(this.left(this.slow))}.`;
  }
}
register("rare", Rare);
