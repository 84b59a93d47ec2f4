// Mean or majority: one weight with two-valued noise in its gradient, under SGD, Manhattan and Rprop.
import {Figure, SERIES, STYLES, clamp, number, range, register, seeded} from "./core.js";

const STEPS = 400, METHODS = ["sgd", "manhattan", "rprop"];

/** The noise of every step: common with probability q, else rare; in turn: nine common, one rare. */
export function noise({q, common, rare, turn}, steps, seed = 7) {
  const {uniform} = seeded(seed);
  return range(steps, (t) => ((turn ? t % 10 < 9 : uniform() < q) ? common : rare));
}

/** θ from start under the gradient slope·θ + noise; rate is α, Δ, or Rprop's first Δ. */
export function run(method, noises, slope, rate, start) {
  let theta = start, delta = rate, before = 0;
  return [start, ...noises.map((z) => {
    let g = slope * theta + z;
    if (method === "sgd") return (theta -= rate * g);
    if (method === "rprop") {
      const agreement = Math.sign(g) * Math.sign(before);
      delta = clamp(delta * (agreement > 0 ? 1.2 : agreement < 0 ? 0.5 : 1), 1e-6, 50);
      if (agreement < 0) g = 0;
      before = g;
    }
    return (theta -= delta * Math.sign(g));
  })];
}

/** Mean and median of the noise. */
export const centre = ({q, common, rare}) => ({mean: q * common + (1 - q) * rare, median: q >= 0.5 ? common : rare});

class Majority extends Figure {
  build() {
    const {q = 0.9, common = 0.1, rare = -0.9, rate = 0.02} = this.settings;
    this.bars = this.addPlot({label: "The noise: two values and their probabilities", aspect: 1.25,
      x: {min: -2, max: 2, label: "noise in the gradient"}, y: {min: 0, max: 1, label: "probability"}});
    this.walk = this.addPlot({label: "θ over the steps", aspect: 1.25,
      x: {min: 0, max: STEPS, label: "step t", ticks: [0, 100, 200, 300, 400]}, y: {min: -1.2, max: 1.2, label: "θ"}});
    this.bars.handle({label: "Rare value and its probability", step: [0.1, 0.05],
      get: () => [this.rare.value, this.often.value],
      set: ([x, y]) => { this.rare.set(x); this.often.set(clamp(y, 0.05, 0.95)); }});
    this.transport({steps: STEPS, perSecond: 60});
    this.loss = this.select({label: "gradient", options: {bowl: "½θ² with random noise", turn: "no slope, nine then one"}});
    this.rare = this.slider({label: "rare value", min: -2, max: 2, step: 0.1, value: rare, format: (z) => number(z, 2, true)});
    this.often = this.slider({label: "its probability", min: 0.05, max: 0.95, step: 0.05, value: 1 - q, format: (z) => z.toFixed(2)});
    this.common = this.slider({label: "common value", min: -1, max: 1, step: 0.1, value: common, format: (z) => number(z, 2, true)});
    this.rate = this.slider({label: "α, Δ and Rprop's first Δ", min: 0.001, max: 0.1, log: true, value: rate});
    this.entries = this.legend(METHODS.map((m) => ({label: STYLES[m].label, style: STYLES[m], box: true})), "Where each method is, on average over the last 100 steps");
  }

  compute() {
    const turn = this.loss.value === "turn", q = turn ? 0.9 : 1 - this.often.value;
    this.law = {q, common: this.common.value, rare: this.rare.value, turn};
    const noises = noise(this.law, STEPS);
    this.paths = METHODS.map((m) => run(m, noises, turn ? 0 : 1, this.rate.value, 0.5));
    this.middle = centre(this.law);
    const reach = 0.2 + Math.max(0.5, ...Object.values(this.middle).map(Math.abs));
    Object.assign(this.walk.y, turn ? {min: -3, max: 1} : {min: -reach, max: reach});
  }

  /** Mean of a path over the last 100 steps before now. */
  late(path) {
    const part = path.slice(Math.max(0, this.at - 99), this.at + 1);
    return part.reduce((a, b) => a + b, 0) / part.length;
  }

  draw() {
    const {bars, walk, law: {q, common, rare, turn}, middle: {mean, median}} = this;
    bars.bars([[common, q], [rare, 1 - q]], SERIES[0], {width: 0.14});
    bars.rule({x: mean, label: "mean", style: SERIES[1], dash: SERIES[1].dash});
    bars.rule({x: median, style: SERIES[2], dash: SERIES[2].dash});
    bars.text("median", [median, 1], {align: median > mean ? "left" : "right", base: "top", dx: median > mean ? 5 : -5, dy: 20, style: SERIES[2]});
    if (!turn) {
      walk.rule({y: -mean, label: "−mean", style: SERIES[1], dash: SERIES[1].dash});
      walk.rule({y: -median, style: SERIES[2], dash: SERIES[2].dash});
      walk.text("−median", [0, -median], {align: "left", base: "top", dx: 6, dy: 4, style: SERIES[2]});
    }
    METHODS.forEach((m, i) => {
      const path = this.paths[i].slice(0, this.at + 1), {shown} = this.entries[i];
      this.entries[i].text(number(this.late(this.paths[i]), 2));
      if (!shown) return;
      walk.line(path.map((y, t) => [t, y]), STYLES[m], {alpha: 0.9});
      walk.points([[this.at, path[this.at]]], STYLES[m], {size: 5, halo: true});
    });
  }

  describe() {
    const {mean, median} = this.middle, share = Math.round(100 * this.law.q * (this.law.common > 0) + 100 * (1 - this.law.q) * (this.law.rare > 0));
    const where = METHODS.map((m, i) => `${STYLES[m].label.replace(/ \(.*/, "")} ${number(this.late(this.paths[i]), 2)}`).join(", ");
    return `The noise has mean ${number(Math.abs(mean) < 1e-9 ? 0 : mean, 2)} and median ${number(median, 2)}; ${share} per cent of it is positive. `
      + `On average over the last 100 steps before step ${this.at}: ${where}.`;
  }
}
register("majority", Majority);
