// Two stand-ins: the training error of a threshold, its smooth surrogate, and the risk.
import {Figure, SERIES, clamp, number, range, register, seeded} from "./core.js";

/** n points from N(±1, 1), sorted, each label flipped with probability flipped: [[x, label], ...]. */
export function draw(n, flipped, seed) {
  const random = seeded(seed);
  return range(n, () => {
    const side = random.uniform() < 0.5 ? -1 : 1, x = side + random.normal();
    return [x, random.uniform() < flipped ? -side : side];
  }).sort((a, b) => a[0] - b[0]);
}

/** Share of points on the wrong side of b: above it the machine says +1. */
export const stepError = (points, b) => points.filter(([x, label]) => (x > b) !== (label > 0)).length / points.length;

/** Mean cross-entropy of the scores (0, slope · (x − b)). */
export const surrogate = (points, b, slope) => points.reduce((sum, [x, label]) => {
  const z = -label * slope * (x - b);
  return sum + Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));
}, 0) / points.length;

/** Its derivative in b. */
export const surrogateSlope = (points, b, slope) => points.reduce((sum, [x, label]) =>
  sum + (slope * label) / (1 + Math.exp(label * slope * (x - b))), 0) / points.length;

/** The first interval between points on which the training error is lowest. */
export function bestStep(points) {
  let wrong = points.filter(([, label]) => label < 0).length, least = wrong, best = 0;
  points.forEach(([, label], i) => { // the threshold moves past point i
    wrong += label > 0 ? 1 : -1;
    if (wrong < least) [least, best] = [wrong, i + 1];
  });
  return [best ? points[best - 1][0] : -Infinity, best < points.length ? points[best][0] : Infinity];
}

/** Where the surrogate is lowest, by bisection of its slope, which rises with b. */
export function bestSurrogate(points, slope) {
  let [low, high] = [-6, 6];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (surrogateSlope(points, middle, slope) > 0) high = middle;
    else low = middle;
  }
  return (low + high) / 2;
}

// The normal distribution function: a series near 0, a continued fraction in the tails
function below(z) {
  const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI), a = Math.abs(z);
  let sum = a, term = a, tail = a;
  if (a < 4) {
    for (let k = 3; k < 120; k += 2) sum += term *= (a * a) / k;
    return 0.5 + Math.sign(z) * density * sum;
  }
  for (let k = 60; k > 0; k--) tail = a + k / tail;
  return z < 0 ? density / tail : 1 - density / tail;
}

/** Error on all the world at threshold b. */
export const risk = (b, flipped) => flipped + (1 - 2 * flipped) * 0.5 * (below(b - 1) + 1 - below(b + 1));

export function deviation(values) {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return Math.sqrt(values.reduce((sum, z) => sum + (z - mean) ** 2, 0) / (values.length - 1));
}

class StandIns extends Figure {
  build() {
    this.seed = 3;
    this.plot = this.addPlot({label: "Training error, surrogate and risk over the threshold", aspect: 1.7,
      x: {min: -3, max: 3, label: "threshold b"}, y: {min: -0.35, max: 2.2, label: "mean loss", ticks: [0, 0.5, 1, 1.5, 2]}});
    this.b = this.slider({label: "threshold b", min: -3, max: 3, step: 0.01, value: 1.5});
    this.n = this.select({label: "examples n", options: {10: "10", 100: "100", 1000: "1,000"}});
    this.button("Draw again", () => { this.points = null; this.changed(); });
    const [a, b, c] = SERIES;
    [this.said, this.smooth] = this.legend([{label: "training error", style: a}, {label: "surrogate", style: b}, {label: "risk", style: c}]);
  }

  compute() {
    const {slope, flipped} = this.settings, n = Number(this.n.value);
    if (n !== this.size) { this.size = n; this.points = null; this.trail = []; }
    if (!this.points) {
      this.points = draw(n, flipped, this.seed++);
      this.flat = bestStep(this.points);
      this.low = bestSurrogate(this.points, slope);
      this.trail = [[clamp((Math.max(this.flat[0], -6) + Math.min(this.flat[1], 6)) / 2, -3, 3), this.low], ...this.trail].slice(0, 20);
      this.steps = [[-3, stepError(this.points, -3)]];
      for (const [x] of this.points.filter(([z]) => Math.abs(z) < 3))
        this.steps.push([x, this.steps.at(-1)[1]], [x, stepError(this.points, x)]);
      this.steps.push([3, this.steps.at(-1)[1]]);
      this.curve = range(121, (i) => [i / 20 - 3, surrogate(this.points, i / 20 - 3, slope)]);
      this.truth = range(121, (i) => [i / 20 - 3, risk(i / 20 - 3, flipped)]);
    }
    const b = this.b.value;
    this.error = stepError(this.points, b);
    this.loss = surrogate(this.points, b, slope);
    this.rise = surrogateSlope(this.points, b, slope);
  }

  draw() {
    const {plot, b: {value: b}, loss, rise} = this, [first, second, third] = SERIES;
    plot.rule({x: b, label: "b"});
    plot.line(this.truth, third);
    plot.line(this.curve, second);
    plot.line(this.steps, first);
    plot.line([[b - 0.4, loss - 0.4 * rise], [b + 0.4, loss + 0.4 * rise]], "text", {width: 3});
    plot.line([[b - 0.15, this.error], [b + 0.15, this.error]], "text", {width: 3});
    plot.points([[b, loss]], second, {size: 5, halo: true});
    plot.points([[b, this.error]], first, {size: 5, halo: true});
    plot.points(this.trail.map(([z]) => [z, -0.1]), first, {size: 4, alpha: 0.45});
    plot.points(this.trail.map(([, z]) => [z, -0.23]), second, {size: 4, alpha: 0.45});
    plot.points([[this.trail[0][0], -0.1]], first, {size: 6, halo: true});
    plot.points([[this.low, -0.23]], second, {size: 6, halo: true});
  }

  reset() { this.size = 0; super.reset(); }

  describe() {
    const {flat: [low, high], trail} = this, wander = trail.length > 1
      ? ` Over the last ${trail.length} draws the two minima wandered by ${number(deviation(trail.map(([z]) => z)), 2)} and ${number(deviation(trail.map(([, z]) => z)), 2)} (standard deviation).` : "";
    return `b = ${number(this.b.value, 3, true)}: the step curve is at ${number(this.error, 3, true)} with slope 0, the surrogate at ${number(this.loss)} with slope ${number(this.rise, 2)}. `
      + `The step curve is lowest from ${number(low, 2)} to ${number(high, 2)}, the surrogate at ${number(this.low, 2)}.${wander}`;
  }
}
register("stand-ins", StandIns);
