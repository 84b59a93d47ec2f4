// Many runs of SGD on ½ Σ λᵢ θᵢ² in the plane: a constant rate ends in a cloud.
import {Figure, SERIES, number, range, register, seeded} from "./core.js";

const CHAINS = 300, MORE = 240;

/** One step of every run: points are x₀, y₀, x₁, y₁, ...; normals as many standard normal numbers. */
export const advance = (points, rate, batch, curvatures, normals) =>
  points.map((z, i) => z - rate * (curvatures[i % 2] * z - normals[i] / Math.sqrt(batch)));

/** Variance at which the cloud rests along a direction of curvature λ. */
export const variance = (rate, batch, lambda) => rate / (batch * lambda * (2 - rate * lambda));

/** Mean squares along both directions. */
export function squares(points) {
  const sums = [0, 0];
  points.forEach((z, i) => { sums[i % 2] += z * z; });
  return sums.map((s) => (2 * s) / points.length);
}

/** Mean of f, from the mean squares. */
export const meanLoss = (both, curvatures) => 0.5 * (both[0] * curvatures[0] + both[1] * curvatures[1]);

class Cloud extends Figure {
  build() {
    this.map = this.addPlot({label: "The cloud of runs and the ellipse of the formula", aspect: 1.25,
      x: {min: -1.1, max: 1.1, label: "x, curvature 1"}, y: {min: -0.45, max: 0.45, label: "y, curvature 10"}});
    this.plot = this.addPlot({label: "Mean of f over the steps, and the floor", aspect: 1.25,
      x: {min: 0, max: MORE, label: "step t"}, y: {min: 1e-3, max: 2, log: true, label: "mean of f"}});
    this.transport({steps: MORE, perSecond: 40});
    this.rate = this.slider({label: "learning rate α", min: 0.005, max: 0.16, log: true, value: this.settings.rate});
    this.batch = this.slider({label: "batch size B", min: 0, max: 6, step: 1, value: Math.log2(this.settings.batch),
      format: (z) => `${2 ** z}`});
    this.row();
    const times = (label, control, f) => this.button(label, () => { control.set(f(control.value)); this.changed(); });
    times("Double α", this.rate, (z) => Math.min(0.16, 2 * z));
    times("Halve α", this.rate, (z) => Math.max(0.005, z / 2));
    times("Double B", this.batch, (z) => Math.min(6, z + 1));
    times("Halve B", this.batch, (z) => Math.max(0, z - 1));
    this.begin();
  }

  begin() {
    this.random = seeded(7);
    const points = Float64Array.from({length: 2 * CHAINS}, (_, i) => this.settings.start[i % 2]);
    this.history = [{points, both: squares(points)}];
    this.setting = null;
  }

  // A changed rate or batch holds from this moment on; what has happened stays.
  compute() {
    const rate = this.rate.value, batch = 2 ** this.batch.value, now = `${rate} ${batch}`, {curvatures} = this.settings;
    if (this.setting && now !== this.setting) {
      this.history.length = this.at + 1;
      this.total = this.at + MORE;
      this.more = true;
    }
    this.setting = now;
    while (this.history.length <= this.total) {
      const points = advance(this.history.at(-1).points, rate, batch, curvatures, range(2 * CHAINS, this.random.normal));
      this.history.push({points, rate, batch, both: squares(points)});
    }
  }

  changed() {
    super.changed();
    if (this.more && !this.timer) this.animate(); // go on by itself after a change
    this.more = false;
  }

  get now() {
    const {rate, batch} = this.history[Math.max(1, this.at)], {curvatures} = this.settings;
    return {rate, batch, both: this.history[this.at].both, rest: curvatures.map((z) => variance(rate, batch, z))};
  }

  draw() {
    const {map, plot, history, at} = this, {rest} = this.now, [dots, line] = SERIES, {points} = history[at], {curvatures} = this.settings;
    map.points(range(CHAINS, (i) => [points[2 * i], points[2 * i + 1]]), dots, {size: 2, alpha: 0.6});
    map.line(range(121, (i) => [2 * Math.sqrt(rest[0]) * Math.cos((i * Math.PI) / 60), 2 * Math.sqrt(rest[1]) * Math.sin((i * Math.PI) / 60)]), line, {halo: true});
    plot.x.max = Math.max(MORE, this.total);
    plot.rule({y: meanLoss(rest, curvatures), label: "floor", style: line});
    plot.line(history.slice(0, at + 1).map(({both}, t) => [t, meanLoss(both, curvatures)]), dots);
  }

  reset() { this.begin(); super.reset(); }

  describe() {
    const {rate, batch, both, rest} = this.now, {curvatures} = this.settings, [a, b] = both.map(Math.sqrt), [c, d] = rest.map(Math.sqrt);
    return `Step ${this.at}, α = ${number(rate, 3, true)}, B = ${batch}: the cloud measures ${number(a, 2)} along x (formula ${number(c, 2)}) and ${number(b, 2)} along y (formula ${number(d, 2)}), as root mean squares. `
      + `Mean of f ${number(meanLoss(both, curvatures), 2)}, floor ${number(meanLoss(rest, curvatures), 2)}.`;
  }
}
register("cloud", Cloud);
