// PRONG: one unit, a = w·h + b on two inputs h, fitted by gradient descent in (w, b) and in whitened
// coordinates (V, d), each at its best rate. c and U come from the last projection.
import {Figure, SERIES, number, range, register, seeded} from "./core.js";

const STEPS = 40, WANTED = [1, -1, 0.5], GOAL = 1e-3, MOST = 20000; // w*, b*; share of the loss to reach

const times = (A, B) => A.map((row) => B[0].map((_, j) => row.reduce((sum, z, k) => sum + z * B[k][j], 0)));
const flip = (A) => A[0].map((_, j) => A.map((row) => row[j]));
const dot = (x, y) => x.reduce((sum, z, i) => sum + z * y[i], 0);
const eye = (n) => range(n, (i) => range(n, (j) => Number(i === j)));

/** Covariance of two inputs with deviations 1 and size, and their correlation. */
export const covariance = (rho, size) => [[1, rho * size], [rho * size, size * size]];

/** Eigenvalues, rising, and unit eigenvectors as rows, of a symmetric matrix, by Jacobi's rotations. */
export function eigen(matrix) {
  const n = matrix.length;
  let A = matrix, Q = eye(n);
  for (let sweep = 0; sweep < 20; sweep++)
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) {
      const angle = Math.atan2(2 * A[p][q], A[q][q] - A[p][p]) / 2, R = eye(n);
      R[p][p] = R[q][q] = Math.cos(angle);
      R[p][q] = Math.sin(angle);
      R[q][p] = -R[p][q];
      [A, Q] = [times(times(flip(R), A), R), times(Q, R)];
    }
  const order = range(n).sort((i, j) => A[i][i] - A[j][j]), rows = flip(Q);
  return {values: order.map((i) => A[i][i]), rows: order.map((i) => rows[i])};
}

/** Whitening matrix: row i is eigenvector i over the root of eigenvalue i + eps, its largest entry positive. */
export function whitening(sigma, eps) {
  const {values, rows} = eigen(sigma);
  return rows.map(([x, y], i) => {
    const by = Math.sign(Math.abs(x) >= Math.abs(y) ? x : y) / Math.sqrt(values[i] + eps);
    return [x * by, y * by];
  });
}

/** Second moments of (U(h − c), 1), the Hessian of ½ E(error²) in (V, d); with c = 0, U = I in (w, b). */
export function hessian(sigma, mean, c, U) {
  const [x, y] = U.map((row) => dot(row, mean.map((z, i) => z - c[i]))), S = times(times(U, sigma), flip(U));
  return [[S[0][0] + x * x, S[0][1] + x * y, x], [S[1][0] + x * y, S[1][1] + y * y, y], [x, y, 1]];
}

/** (w, b) in whitened coordinates: V = w U⁻¹, d = b + w·c. */
export function project([w1, w2, b], c, [[p, q], [r, s]]) {
  const det = p * s - q * r;
  return [(w1 * s - w2 * r) / det, (w2 * p - w1 * q) / det, b + w1 * c[0] + w2 * c[1]];
}

export function loss(H, goal, point) {
  const off = point.map((z, i) => z - goal[i]);
  return 0.5 * dot(off, H.map((row) => dot(row, off)));
}

/** Gradient descent on the loss, at the best rate 2/(λmax + λmin), until a share of it is left or time is out. */
export function descend(H, goal, start, share, most) {
  const {values} = eigen(H), rate = 2 / (values[0] + values[2]), first = loss(H, goal, start), points = [start];
  while (points.length <= most && loss(H, goal, points.at(-1)) > share * first) {
    const off = points.at(-1).map((z, i) => z - goal[i]);
    points.push(points.at(-1).map((z, i) => z - rate * dot(H[i], off)));
  }
  return points;
}

class Whitened extends Figure {
  build() {
    this.mean = this.settings.mean;
    const titles = ["The inputs h", "Loss and path in the weights w", "The inputs whitened, U(h − c)", "Loss and path in the weights V"];
    this.views = titles.map((label, i) => this.addPlot({label, aspect: 1.25, inside: true,
      x: {min: -7.5, max: 7.5, label: ["h₁", "w₁", "", "v₁"][i]}, y: {min: -6, max: 6, label: ["h₂", "w₂", "", "v₂"][i]}}));
    this.views[0].handle({label: "Mean of the inputs", step: 0.5, get: () => this.mean, set: (point) => { this.mean = point; }});
    this.transport({steps: STEPS, perSecond: 8});
    this.rho = this.slider({label: "correlation", min: -0.99, max: 0.99, step: 0.01, value: this.settings.rho});
    this.eps = this.slider({label: "ε, for the next projection", min: 1e-4, max: 10, log: true, value: this.settings.eps});
    this.centre = this.checkbox({label: "subtract the mean c", value: true});
    this.button("Project", () => { this.project(); this.changed(); }).classList.add("lf-primary");
    this.project();
  }

  /** New c and U, from the inputs as they are now. */
  project() {
    this.c = this.centre.value ? this.mean : [0, 0];
    this.U = whitening(covariance(this.rho.value, 1), this.eps.value);
  }

  compute() {
    const sigma = covariance(this.rho.value, 1);
    this.sides = [[[0, 0], eye(2)], [this.c, this.U]].map(([c, U]) => {
      const H = hessian(sigma, this.mean, c, U), goal = project(WANTED, c, U), {values} = eigen(H);
      return {H, goal, c, U, kappa: values[2] / values[0], path: descend(H, goal, [0, 0, 0], 0, STEPS), steps: descend(H, goal, [0, 0, 0], GOAL, MOST).length - 1};
    });
    this.sides.forEach(({goal: [x, y]}, i) => {
      const span = 1.6 * Math.hypot(x, y), plane = this.views[2 * i + 1];
      Object.assign(plane.x, {min: x - 1.25 * span, max: x + 1.25 * span});
      Object.assign(plane.y, {min: y - span, max: y + span});
    });
  }

  draw() {
    const [dots, way] = SERIES, {normal} = seeded(3), rho = this.rho.value;
    const inputs = range(150, () => [normal(), normal()]).map(([a, b]) => [this.mean[0] + a, this.mean[1] + rho * a + Math.sqrt(1 - rho * rho) * b]);
    this.sides.forEach(({H, goal, c, U, path}, i) => {
      const [cloud, plane] = this.views.slice(2 * i), so = path.slice(0, this.at + 1);
      cloud.points(inputs.map((h) => U.map((row) => dot(row, [h[0] - c[0], h[1] - c[1]]))), dots, {size: 2, alpha: 0.6});
      cloud.text("+", [0, 0], {bold: true});
      plane.surface((x, y) => Math.sqrt(loss(H, goal, [x, y, goal[2]])), {key: JSON.stringify([H, goal])});
      plane.line(so, way, {width: 1, dash: []});
      plane.points(so, way, {size: 2.5});
      plane.text("+", goal, {bold: true});
      [cloud, plane].forEach((view, j) => view.text([["inputs h", "loss in w"], ["U(h − c)", "loss in V"]][i][j], [view.x.max, view.y.max], {align: "right", dx: -8, dy: 14, bold: true}));
    });
  }

  reset() { this.mean = this.settings.mean; super.reset(); this.project(); this.changed(); }

  describe() {
    const [usual, white] = this.sides.map(({kappa, steps}) => `condition number ${number(kappa, 2)}, ${steps < MOST ? "" : "more than "}${number(steps, 6, true)} step${steps === 1 ? "" : "s"}`);
    return `To a thousandth of the loss, each at its best rate: in (w, b) ${usual}; in (V, d) ${white}. Step ${this.at}.`;
  }
}
register("whitened", Whitened);
