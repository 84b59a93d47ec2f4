// Regularization's chapter: L1 and L2 as contours and as a path of weights, early stopping beside them.
import {Figure, SERIES, clamp, number, range, register} from "./core.js";

const LOW = 0.001, HIGH = 100, ALPHA = 0.1;

/** Matrix with eigenvalues 1 and 1/κ, the steep direction turned by some degrees from θ₁. */
export function hessian(kappa, degrees) {
  const a = (degrees * Math.PI) / 180, c = Math.cos(a), s = Math.sin(a), flat = 1 / kappa;
  return [[c * c + flat * s * s, (1 - flat) * c * s], [(1 - flat) * c * s, s * s + flat * c * c]];
}

const times = (A, [x, y]) => A.map((row) => row[0] * x + row[1] * y);
function solve([[a, b], [c, d]], [x, y]) {
  const det = a * d - b * c;
  return [(d * x - b * y) / det, (a * y - c * x) / det];
}

/** ½ (θ − star)ᵀ H (θ − star) */
export function loss(H, star, theta) {
  const d = theta.map((z, i) => z - star[i]);
  return 0.5 * times(H, d).reduce((sum, z, i) => sum + z * d[i], 0);
}

/** Minimum of the loss plus ½ λ ‖θ‖₂². */
export const ridge = (H, star, lambda) =>
  solve([[H[0][0] + lambda, H[0][1]], [H[1][0], H[1][1] + lambda]], times(H, star));

/** Minimum of the loss plus λ ‖θ‖₁: the best of all choices of signs that agree with themselves. */
export function lasso(H, star, lambda) {
  const b = times(H, star), soft = (z) => Math.sign(z) * Math.max(0, Math.abs(z) - lambda);
  const tried = [[0, 0], [soft(b[0]) / H[0][0], 0], [0, soft(b[1]) / H[1][1]]];
  for (const s of [[1, 1], [1, -1], [-1, 1], [-1, -1]]) {
    const found = solve(H, b.map((z, i) => z - lambda * s[i]));
    if (found.every((z, i) => z * s[i] > 0)) tried.push(found);
  }
  const cost = (w) => loss(H, star, w) + lambda * (Math.abs(w[0]) + Math.abs(w[1]));
  return tried.reduce((a, w) => (cost(w) < cost(a) ? w : a));
}

/** θ after t steps of gradient descent from 0; t need not be whole. */
export function stopped(kappa, degrees, star, alpha, t) {
  const a = (degrees * Math.PI) / 180, c = Math.cos(a), s = Math.sin(a);
  const steep = (c * star[0] + s * star[1]) * (1 - (1 - alpha) ** t), flat = (-s * star[0] + c * star[1]) * (1 - (1 - alpha / kappa) ** t);
  return [c * steep - s * flat, s * steep + c * flat];
}

const GRID = range(181, (i) => LOW * (HIGH / LOW) ** (i / 180));

class Penalties extends Figure {
  build() {
    this.star = this.settings.star;
    this.map = this.addPlot({label: "Contours of the loss, and minima with a penalty", inside: true, aspect: 1.15,
      x: {min: -1.4, max: 2, label: "θ₁"}, y: {min: -1.2, max: 1.8, label: "θ₂"}});
    this.weights = this.addPlot({label: "Both weights against the strength of the penalty", aspect: 1.15,
      x: {min: LOW, max: HIGH, log: true, label: "strength λ"}, y: {min: -1.1, max: 1.6, label: "weight"},
      onpick: ([z]) => this.lambda.set(clamp(Number(z.toPrecision(3)), LOW, HIGH))});
    this.map.handle({label: "Minimum without a penalty", step: 0.05, get: () => this.star, set: (point) => { this.star = point; }});
    this.kind = this.select({label: "penalty", options: {l2: "L2", l1: "L1"}});
    this.lambda = this.slider({label: "strength λ", min: LOW, max: HIGH, log: true, value: this.settings.lambda});
    this.kappa = this.slider({label: "condition number κ", min: 1, max: 100, log: true, value: this.settings.kappa});
    this.degrees = this.slider({label: "turned by", min: 0, max: 90, step: 5, value: this.settings.degrees, format: (z) => `${z}°`});
    this.early = this.checkbox({label: "early stopping at t = 1/(αλ)"});
    this.button("Reset", () => this.reset());
    this.legend([{label: "minimum with the penalty", style: SERIES[0]}, {label: "gradient descent from 0", style: SERIES[1]},
      {label: "weight θ₁", style: SERIES[2]}, {label: "weight θ₂", style: SERIES[3]}]);
  }

  compute() {
    const kappa = this.kappa.value, degrees = this.degrees.value, {star} = this, H = hessian(kappa, degrees);
    const best = this.kind.value === "l1" ? lasso : ridge, stop = (z) => stopped(kappa, degrees, star, ALPHA, 1 / (ALPHA * z));
    Object.assign(this, {H, path: GRID.map((z) => best(H, star, z)), line: GRID.map(stop),
      here: best(H, star, this.lambda.value), there: stop(this.lambda.value)});
  }

  draw() {
    const {map, weights, H, star, here, there} = this, [x, y] = here, lambda = this.lambda.value, one = this.kind.value === "l1";
    map.surface((a, b) => Math.sqrt(loss(H, star, [a, b])), {key: [H, star].join()});
    map.line([[-9, 0], [9, 0]], "muted", {width: 1});
    map.line([[0, -9], [0, 9]], "muted", {width: 1});
    const size = one ? Math.abs(x) + Math.abs(y) : Math.hypot(x, y), corners = one ? 4 : 72;
    map.line(range(corners + 1, (i) => [0, 1].map((k) => size * Math.cos((2 * Math.PI * i) / corners - (k * Math.PI) / 2))), "text", {width: 1.5});
    map.line(this.path, SERIES[0], {halo: true});
    if (this.early.value) {
      map.line(this.line, SERIES[1], {halo: true});
      map.points([there], SERIES[1], {size: 6, halo: true});
    }
    map.points([here], SERIES[0], {size: 6, halo: true});
    weights.rule({y: 0});
    weights.rule({x: lambda, label: "λ"});
    for (const k of [0, 1]) {
      weights.line(this.path.map((w, i) => [GRID[i], w[k]]), SERIES[2 + k]);
      if (this.early.value) weights.line(this.line.map((w, i) => [GRID[i], w[k]]), SERIES[1], {width: 1.5});
      weights.points([[lambda, here[k]]], SERIES[2 + k], {size: 5});
    }
  }

  reset() {
    this.star = this.settings.star;
    super.reset();
  }

  describe() {
    const {here, there} = this, say = (w) => `(${w.map((z) => number(Math.abs(z) < 1e-12 ? 0 : z, 3)).join(", ")})`;
    const zeros = here.filter((z) => Math.abs(z) < 1e-12).length, none = zeros ? ` ${zeros === 2 ? "Both weights are" : "One weight is"} exactly zero.` : "";
    const stop = this.early.value ? ` Gradient descent stopped after ${number(1 / (ALPHA * this.lambda.value), 3, true)} steps is at ${say(there)}, ${number(Math.hypot(here[0] - there[0], here[1] - there[1]), 2)} away.` : "";
    return `With λ = ${number(this.lambda.value, 3, true)} the ${this.kind.value.toUpperCase()} penalty has its minimum at ${say(here)}.${none}${stop}`;
  }
}
register("penalties", Penalties);
