// Batch normalization: a layer's inputs as a cloud, and the loss of a unit that reads them.
import {Figure, SERIES, number, range, register, seeded} from "./core.js";

const COUNT = 80, STEPS = 60, EPS = 1e-5, GOAL = [0.6, 0.3], START = [-1.2, 1], [CLOUD, CHANGED, PATH] = SERIES;
const mean = (z) => z.reduce((sum, v) => sum + v, 0) / z.length;

/** Means of two features over a batch of points, and the entries xx, xy, yy of their covariance. */
export function statistics(points) {
  const c = [0, 1].map((i) => mean(points.map((p) => p[i])));
  const [xx, xy, yy] = [[0, 0], [0, 1], [1, 1]].map(([i, j]) => mean(points.map((p) => (p[i] - c[i]) * (p[j] - c[j]))));
  return {c, xx, xy, yy};
}

/** Eigenvalues of a symmetric matrix, the smaller first, with unit eigenvectors. */
export function eigen({xx, xy, yy}) {
  const middle = (xx + yy) / 2, far = Math.hypot((xx - yy) / 2, xy), angle = Math.atan2(2 * xy, xx - yy) / 2;
  const long = [Math.cos(angle), Math.sin(angle)];
  return {values: [middle - far, middle + far], vectors: [[-long[1], long[0]], long]};
}

/** The batch as it is, centred, normalized (each feature by itself), or whitened. */
export function transform(points, kind) {
  if (kind === "raw") return points;
  const {c, xx, xy, yy} = statistics(points), moved = points.map(([a, b]) => [a - c[0], b - c[1]]);
  if (kind === "centred") return moved;
  if (kind === "normalized") return moved.map(([a, b]) => [a / Math.sqrt(xx + EPS), b / Math.sqrt(yy + EPS)]);
  const {values, vectors} = eigen({xx: xx + EPS, xy, yy: yy + EPS});
  const rows = vectors.map(([a, b], i) => {
    const s = (Math.abs(a) > Math.abs(b) ? Math.sign(a) : Math.sign(b)) / Math.sqrt(values[i]);
    return [s * a, s * b];
  });
  return moved.map(([a, b]) => rows.map(([u, v]) => u * a + v * b));
}

/** Second derivatives of the mean of ½(w·x − y)² in the weights w: the mean of x xᵀ. */
export const hessian = (points) => ({xx: mean(points.map(([a]) => a * a)), xy: mean(points.map(([a, b]) => a * b)), yy: mean(points.map(([, b]) => b * b))});

/** Gradient descent on ½(w − goal)ᵀH(w − goal), from step 0 on. */
export function descend({xx, xy, yy}, rate, start, goal, steps) {
  const path = [start];
  while (path.length <= steps) {
    const [a, b] = path.at(-1).map((z, i) => z - goal[i]), g = [xx * a + xy * b, xy * a + yy * b];
    path.push(path.at(-1).map((z, i) => z - rate * g[i]));
  }
  return path;
}

/** A cloud of this centre whose long axis ends at centre + axis, with another spread across. */
export const spread = (base, centre, axis, across) => {
  const size = Math.hypot(...axis), [u, v] = axis.map((z) => z / size);
  return base.map(([p, q]) => [centre[0] + p * axis[0] - q * across * v, centre[1] + p * axis[1] + q * across * u]);
};

class Whiten extends Figure {
  build() {
    const {normal} = seeded(5);
    this.base = transform(range(COUNT, () => [normal(), normal()]), "whitened"); // exactly round
    this.take();
    this.left = this.addPlot({label: "The batch of inputs, before and after", inside: true, aspect: 1,
      x: {min: -4, max: 4, label: "first input"}, y: {min: -4, max: 4, label: "second input"}});
    this.right = this.addPlot({label: "Loss of the unit in its two weights, and gradient descent", inside: true, aspect: 1,
      x: {min: -2.5, max: 2.5, label: "w₁"}, y: {min: -2.5, max: 2.5, label: "w₂"}});
    this.left.handle({label: "Centre of the cloud", step: 0.1, get: () => this.centre, set: (point) => { this.centre = point; }});
    this.left.handle({label: "End of the long axis", step: 0.1, get: () => this.centre.map((z, i) => z + this.axis[i]),
      set: (point) => { const axis = point.map((z, i) => z - this.centre[i]); if (Math.hypot(...axis) > 0.15) this.axis = axis; }});
    this.transport({steps: STEPS, perSecond: 15});
    this.kind = this.select({label: "the unit reads the inputs", options: {raw: "as they are", centred: "centred", normalized: "normalized", whitened: "whitened"}});
    this.across = this.slider({label: "spread across the long axis", min: 0.1, max: 2, log: true, value: this.settings.across});
    this.legend([{label: "inputs of the layer: drag the rings", style: CLOUD}, {label: "what the unit reads", style: CHANGED}, {label: "gradient descent at its best rate", style: PATH}]);
  }

  take() { Object.assign(this, {centre: this.settings.centre, axis: this.settings.axis}); }

  compute() {
    this.batch = spread(this.base, this.centre, this.axis, this.across.value);
    this.read = transform(this.batch, this.kind.value);
    this.H = hessian(this.read);
    const [low, high] = eigen(this.H).values;
    Object.assign(this, {kappa: high / low, rate: 2 / (high + low)});
    this.path = descend(this.H, this.rate, START, GOAL, STEPS);
    this.needed = Math.max(1, Math.ceil(Math.log(1000) / Math.log((high + low) / (high - low))));
  }

  draw() {
    const {left, right, batch, read, path, at, H} = this, {xx, xy, yy} = H;
    left.rule({x: 0, dash: []});
    left.rule({y: 0, dash: []});
    left.points(batch, CLOUD, {size: 2.5, alpha: 0.8});
    if (read !== batch) left.points(read, CHANGED, {size: 2.5, alpha: 0.8});
    right.surface((x, y) => {
      const a = x - GOAL[0], b = y - GOAL[1];
      return Math.sqrt(xx * a * a + 2 * xy * a * b + yy * b * b); // the root, for even bands
    }, {key: [xx, xy, yy].join()});
    right.text("+", GOAL, {bold: true});
    right.line(path.slice(0, at + 1), PATH, {halo: true});
    right.points([path[at]], PATH, {size: 6, halo: true});
  }

  reset() { this.take(); super.reset(); }

  describe() {
    const {at, kappa, needed, path} = this, far = (w) => Math.hypot(...w.map((z, i) => z - GOAL[i]));
    return `Condition number ${number(kappa, 3)}: a thousandfold smaller distance takes about ${needed.toLocaleString("en-US")} step${needed > 1 ? "s" : ""}. `
      + `After step ${at} the distance is ${number(far(path[at]), 2)} of ${number(far(START), 2)}.`;
  }
}
register("whiten", Whiten);
