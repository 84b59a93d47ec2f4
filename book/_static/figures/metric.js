// Natural gradient: a normal distribution fitted to data of mean 1 and deviation 1, by steps of
// gradient descent and of the natural gradient taken in σ, in log σ or in the precision 1/σ².
import {Figure, SERIES, number, range, register} from "./core.js";

const STEPS = 250, RADIUS = 0.25, X = {min: -3, max: 3, label: "mean μ"}, Y = {min: 0.35, max: 6, log: true, label: "deviation σ"};

// of: the coordinate of a σ, back: the σ of a coordinate, slope: its derivative in σ
export const COORDINATES = {
  sigma: {label: "σ", of: (s) => s, back: (z) => (z > 0 ? z : NaN), slope: () => 1},
  log: {label: "log σ", of: Math.log, back: Math.exp, slope: (s) => 1 / s},
  precision: {label: "1/σ²", of: (s) => 1 / (s * s), back: (z) => (z > 0 ? 1 / Math.sqrt(z) : NaN), slope: (s) => -2 / s ** 3},
};
const NAMES = Object.keys(COORDINATES);

/** Mean negative log-likelihood of the data, less its minimum. */
export const loss = (mu, s) => Math.log(s) + (1 + (mu - 1) ** 2) / (2 * s * s) - 0.5;

/** One step −α g, or −α F⁻¹ g, in (μ, coordinate), from a point (μ, σ) to the next. */
export function step(natural, [mu, s], name, alpha) {
  const {of, back, slope} = COORDINATES[name], to = slope(s);
  const g = [(mu - 1) / (s * s), (1 / s - (1 + (mu - 1) ** 2) / s ** 3) / to];
  const F = [1 / (s * s), 2 / (s * to) ** 2]; // diagonal
  const v = g.map((z, i) => alpha * (natural ? z / F[i] : z));
  return [mu - v[0], back(of(s) - v[1])];
}

export function path(natural, start, name, alpha, steps) {
  const points = [start];
  for (let t = 0; t < steps; t++) points.push(step(natural, points[t], name, alpha));
  return points;
}

/** Points (μ, σ) at the same length from a point: by the coordinates, or by the metric F. */
export function sphere(natural, [mu, s], name, radius, many = 72) {
  const {of, back, slope} = COORDINATES[name], size = natural ? [s, Math.abs(s * slope(s)) / Math.SQRT2] : [1, 1];
  return range(many + 1, (k) => {
    const turn = (2 * Math.PI * k) / many;
    return [mu + radius * size[0] * Math.cos(turn), back(of(s) + radius * size[1] * Math.sin(turn))];
  });
}

/** Greatest distance of paths from each other at the same step, up to step at, with log σ for height. */
export function apart(paths, at) {
  const pairs = paths.flatMap((one, i) => paths.slice(i + 1).map((other) => [one, other]));
  return Math.max(...pairs.flatMap(([one, other]) => range(at + 1, (t) => Math.hypot(one[t][0] - other[t][0], Math.log(one[t][1] / other[t][1])))));
}

class Metric extends Figure {
  build() {
    this.start = this.settings.start;
    this.planes = [false, true].map((natural) => {
      const plane = this.addPlot({label: `${natural ? "Natural gradient" : "Gradient descent"}: paths in the plane of mean and deviation, with lines of equal length`,
        aspect: 1.05, inside: true, x: {...X}, y: {...Y, ticks: [0.5, 1, 2, 4]}});
      plane.handle({label: `Start, ${natural ? "natural gradient" : "gradient descent"}`, step: [0.25, 2 ** 0.25], get: () => this.start, set: (point) => { this.start = point; }});
      return plane;
    });
    this.transport({steps: STEPS, perSecond: 60});
    this.coordinate = this.select({label: "coordinates: μ and", options: Object.fromEntries(NAMES.map((z) => [z, COORDINATES[z].label])), value: "sigma"});
    this.alpha = this.slider({label: "learning rate α", min: 0.005, max: 0.3, log: true, value: this.settings.alpha});
    this.legend(NAMES.map((name, i) => ({label: `steps in μ and ${COORDINATES[name].label}`, style: SERIES[i]})));
  }

  compute() { this.paths = [false, true].map((natural) => NAMES.map((name) => path(natural, this.start, name, this.alpha.value, STEPS))); }

  draw() {
    const chosen = this.coordinate.value;
    this.planes.forEach((plane, natural) => {
      plane.surface((mu, s) => Math.log1p(loss(mu, s)), {key: "loss"});
      for (const mu of [-2, 0, 2]) for (const s of [0.6, 1.2, 2.4, 4.2]) plane.line(sphere(natural, [mu, s], natural ? "log" : chosen, RADIUS), "muted", {width: 1.25});
      plane.text("+", [1, 1], {bold: true});
      plane.text(natural ? "natural gradient" : "gradient descent", [-2.9, 5.5], {align: "left", bold: true, dy: 20});
      NAMES.forEach((name, i) => {
        const points = this.paths[natural][i].slice(0, this.at + 1), width = name === chosen ? 3 : 1.5;
        plane.line(points, SERIES[i], {width, halo: name === chosen});
        plane.points(points.slice(-1), SERIES[i], {size: name === chosen ? 6 : 4, halo: true});
      });
    });
  }

  reset() { this.start = this.settings.start; super.reset(); }

  describe() {
    const chosen = this.coordinate.value, i = NAMES.indexOf(chosen), [mu, s] = this.start;
    const first = [false, true].map((natural) => number(step(natural, this.start, chosen, this.alpha.value)[0] - mu, 2));
    const gaps = this.paths.map((three) => apart(three, this.at));
    const gap = (z) => (Number.isFinite(z) ? number(z, 2) : "without bound");
    const here = (natural) => { const [a, b] = this.paths[natural][i][this.at]; return Number.isFinite(a + b) ? `(${number(a, 2)}, ${number(b, 2)})` : "nowhere: σ is no longer positive"; };
    return `Start at μ = ${number(mu, 3, true)}, σ = ${number(s, 2)}. First step in μ: gradient descent ${first[0]}, natural gradient ${first[1]}. `
      + `Step ${this.at} in μ and ${COORDINATES[chosen].label}: gradient descent is at ${here(0)}, natural gradient at ${here(1)}. `
      + `So far the three paths were apart by at most ${gap(gaps[0])} and ${gap(gaps[1])}.`;
  }
}
register("metric", Metric);
