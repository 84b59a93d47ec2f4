// The factor per step of momentum and NAG against αλ, with twenty directions of a quadratic on it.
import {Figure, SERIES, STYLES, number, range, register} from "./core.js";

const COUNT = 20, STEPS = 100;

/** What stands for μ along one direction: NAG's memory is shorter where it is steep. */
export const memory = (a, mu, nesterov) => (nesterov ? mu * (1 - a) : mu);

/** The eigenvalues of one direction's step: {factor, swings, negative}. */
export function modes(a, mu, nesterov) {
  const m = memory(a, mu, nesterov), trace = 1 + m - a, d = trace * trace - 4 * m;
  if (d < 0) return {factor: Math.sqrt(m), swings: true, negative: false};
  return {factor: (Math.abs(trace) + Math.sqrt(d)) / 2, swings: false, negative: trace < 0};
}

export const factor = (a, mu, nesterov) => modes(a, mu, nesterov).factor;

/** λ/λmax of the directions, flat ones first. */
export const comb = (kappa, count = COUNT) => range(count, (i) => kappa ** (i / (count - 1) - 1));

/** θ of one direction from 1, v from 0. */
export function path(a, mu, nesterov, steps) {
  let theta = 1, v = 0;
  return [1, ...range(steps, () => {
    v = mu * v + a * (nesterov ? theta - mu * v : theta);
    return (theta -= v);
  })];
}

/** C of the envelope C·factorᵗ that a swinging direction touches, started from 1 with v = 0. */
export function amplitude(a, mu, nesterov) {
  const rho = modes(a, mu, nesterov).factor, cos = (1 + memory(a, mu, nesterov) - a) / (2 * rho);
  return Math.hypot(1, ((1 - a) / rho - cos) / Math.sqrt(1 - cos * cos));
}

/** [αλmax, μ] with the lowest highest dot: gradient descent, momentum or NAG. */
export function best(method, kappa) {
  const s = Math.sqrt(3 * kappa + 1), r = (Math.sqrt(kappa) - 1) / (Math.sqrt(kappa) + 1);
  if (method === "nag") return [(4 * kappa) / (3 * kappa + 1), (s - 2) / (s + 2)];
  return method === "gd" ? [(2 * kappa) / (kappa + 1), 0] : [(1 + r) ** 2, r * r];
}

const REGIMES = {
  grows: "it grows", creeps: "it creeps home without swinging (overdamped)",
  swings: "it swings inside the dashed envelope (underdamped)", jumps: "it jumps from side to side",
};
const regime = ({factor: f, swings, negative}) => (f > 1 ? "grows" : swings ? "swings" : negative ? "jumps" : "creeps");

class Factor extends Figure {
  build() {
    const {kappa = 100, rate = 1.5, mu = 0} = this.settings;
    this.curve = this.addPlot({label: "Factor per step against αλ", aspect: 1.25,
      x: {min: 1e-3, max: 10, log: true, label: "αλ"}, y: {min: 0, max: 1.4, label: "factor per step"}});
    this.sizes = this.addPlot({label: "Size of each component", aspect: 1.25,
      x: {min: 0.3, max: COUNT + 0.7, label: "direction (flat → steep)", ticks: [1, 5, 10, 15, 20]},
      y: {min: 1e-6, max: 10, log: true, label: "what is left"}});
    this.time = this.addPlot({label: "The watched component over the steps", aspect: 2.1,
      x: {min: 0, max: STEPS, label: "step t"}, y: {min: -1.2, max: 1.2, label: "component"}});
    this.curve.handle({label: "Steepest direction, αλmax", axis: "x", step: 1.005,
      get: () => [this.rate.value, Math.min(this.top, 1.4)],
      set: ([x]) => this.rate.set(Math.min(4.2, Math.max(0.1, Number(x.toPrecision(4)))))});
    this.transport({steps: STEPS, perSecond: 15, start: 40});
    this.method = this.select({label: "method", options: {momentum: "Momentum", nag: "NAG"}});
    this.kappa = this.select({label: "condition number κ", options: {10: "10", 100: "100", 1000: "1,000"}, value: String(kappa)});
    this.rate = this.slider({label: "αλmax", min: 0.1, max: 4.2, step: 0.01, value: rate, format: (z) => number(z)});
    this.mu = this.slider({label: "momentum μ", min: 0, max: 0.99, step: 0.001, value: mu, format: (z) => z.toFixed(3)});
    this.watch = this.slider({label: "watched direction", min: 1, max: COUNT, step: 1, value: 1});
    this.button("Best setting", () => {
      const [a, m] = best(this.method.value, Number(this.kappa.value));
      this.rate.set(a);
      this.mu.set(m);
      this.changed();
    });
  }

  compute() {
    const kappa = Number(this.kappa.value), mu = this.mu.value, nesterov = this.method.value === "nag";
    this.curve.x.min = kappa > 100 ? 1e-4 : 1e-3;
    this.as = comb(kappa).map((s) => s * this.rate.value);
    this.modes = this.as.map((a) => modes(a, mu, nesterov));
    this.top = this.modes[COUNT - 1].factor;
    this.highest = Math.max(...this.modes.map((m) => m.factor));
    this.paths = this.as.map((a) => path(a, mu, nesterov, STEPS));
    this.line = range(400, (i) => this.curve.x.min * (10 / this.curve.x.min) ** (i / 399)).map((a) => [a, factor(a, mu, nesterov)]);
    this.style = nesterov ? STYLES.nag : mu ? STYLES.momentum : STYLES.gd;
  }

  draw() {
    const {curve, sizes, time, style, at} = this, w = this.watch.value - 1, seen = this.modes[w];
    curve.rule({y: 1});
    curve.rule({y: this.highest, style: SERIES[3], dash: [2, 3]});
    curve.text("above 1 it grows", [curve.x.min, 1], {align: "left", base: "bottom", dx: 6, dy: -4, style: "muted"});
    curve.text(`highest dot ${this.highest.toFixed(3)}`, [curve.x.min, 0], {align: "left", base: "bottom", dx: 6, dy: -6, style: SERIES[3]});
    curve.line(this.line, style);
    this.as.forEach((a, i) => {
      const {factor: f} = this.modes[i];
      curve.points([[a, Math.min(f, 1.38)]], i === w ? SERIES[1] : style, {size: i === w ? 6 : 4, marker: f > 1 ? "cross" : "circle", halo: true});
    });
    this.paths.forEach((p, i) => sizes.bars([[i + 1, Math.min(Math.max(Math.abs(p[at]), 1e-6), 10)]], i === w ? SERIES[1] : style));
    sizes.rule({y: 1, label: "at the start"});
    time.rule({y: 0});
    const high = seen.swings && amplitude(this.as[w], this.mu.value, this.method.value === "nag");
    if (high) for (const s of [high, -high])
      time.line(range(STEPS + 1, (t) => [t, s * seen.factor ** t]), "muted", {width: 1.25, dash: [4, 4]});
    time.line(this.paths[w].slice(0, at + 1).map((y, t) => [t, y]), SERIES[1], {dash: []});
    time.points([[at, this.paths[w][at]]], SERIES[1], {size: 5});
  }

  describe() {
    const f = this.highest, slow = Math.log(10) / -Math.log(f);
    const words = f < 1 ? `the slowest direction needs ${number(slow)} steps for a digit` : "at least one direction does not shrink";
    const left = Math.max(...this.paths.map((p) => Math.abs(p[this.at])));
    return `Highest dot ${f.toFixed(3)}: ${words}. After step ${this.at} the largest component is ${number(left)}. `
      + `Watched direction ${this.watch.value}: ${REGIMES[regime(this.modes[this.watch.value - 1])]}.`;
  }
}
register("factor", Factor);
