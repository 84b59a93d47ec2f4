// The quadratic model and the function: Newton's steps, damped or with |H|, on ½x² − ½y² + ¼y⁴.
import {Figure, SERIES, number, register} from "./core.js";

const STEPS = 30, EDGE = {x: 1.6, y: 1.5};

export const f = (x, y) => 0.5 * x * x - 0.5 * y * y + 0.25 * y ** 4;
const gradient = (x, y) => [x, y ** 3 - y];
const curvatures = (y) => [1, 3 * y * y - 1]; // the Hessian is diagonal: these are its eigenvalues

/** One step: −g/(h + λ) in each direction, with |h| for h where absolute. */
export function step([x, y], damping, absolute) {
  const g = gradient(x, y), h = curvatures(y).map((z) => (absolute ? Math.abs(z) : z) + damping);
  return [x - g[0] / h[0], y - g[1] / h[1]];
}

export function path(start, damping, absolute, steps) {
  const points = [start];
  for (let t = 0; t < steps; t++) points.push(step(points[t], damping, absolute));
  return points;
}

/** The contour of value c of the model at a point: [x, y] with gaps, solved along y or along x. */
export function contour(point, c, many = 480) {
  const g = gradient(...point), h = curvatures(point[1]), edge = [EDGE.x, EDGE.y];
  const along = (i) => { // for each value of coordinate i the two of the other one, j
    const j = 1 - i;
    return [1, -1].flatMap((sign) => [...Array.from({length: many + 1}, (_, k) => {
      const z = edge[i] * ((2 * k) / many - 1), d = z - point[i];
      const root = g[j] ** 2 - 2 * h[j] * (f(...point) - c + g[i] * d + 0.5 * h[i] * d * d);
      const other = root < 0 ? NaN : point[j] + (sign * Math.sqrt(root) - g[j]) / h[j];
      return i ? [other, z] : [z, other];
    }), [NaN, NaN]]);
  };
  const gaps = (points) => points.filter((z) => z.some(Number.isNaN)).length, [a, b] = [along(0), along(1)];
  return gaps(a) <= gaps(b) ? a : b;
}

class Model extends Figure {
  build() {
    this.start = this.settings.start;
    this.plot = this.addPlot({label: "Contours of the function, and of its quadratic model at the start, with the steps", aspect: 1.1,
      inside: true, x: {min: -EDGE.x, max: EDGE.x, label: "x"}, y: {min: -EDGE.y, max: EDGE.y, label: "y"}});
    this.plot.handle({label: "Start", step: 0.05, get: () => this.start, set: (point) => { this.start = point; }});
    this.transport({steps: STEPS});
    this.damping = this.slider({label: "damping λ", min: 0, max: 3, step: 0.05, value: this.settings.damping});
    this.kind = this.select({label: "divide the gradient by", options: {no: "H + λ", yes: "|H| + λ"}});
    this.shown = this.checkbox({label: "contours of the model", value: true});
  }

  compute() { this.points = path(this.start, this.damping.value, this.kind.value === "yes", STEPS); }

  draw() {
    const {plot} = this, [way, model] = SERIES, so = this.points.slice(0, this.at + 1), here = f(...this.start);
    plot.surface((x, y) => f(x, y) + 0.25, {key: "saddle"});
    if (this.shown.value) for (const c of [-0.3, -0.1, 0, 0.15, 0.4]) plot.line(contour(this.start, here + c), model, {width: 1.25});
    plot.line(so, way, {halo: true});
    plot.points(so.slice(1), way, {size: 4});
    if (this.at < 1) plot.arrow(this.start, this.points[1], way);
    plot.text("minimum", [0, 1], {dy: -12});
    plot.text("minimum", [0, -1], {dy: 14});
    plot.text("saddle", [0, 0], {dy: 14});
  }

  reset() { this.start = this.settings.start; super.reset(); }

  describe() {
    const [[, y0], [, y1]] = this.points, point = this.points[this.at], downhill = (y1 - y0) * gradient(0, y0)[1];
    const words = downhill < 0 ? "downhill" : downhill > 0 ? "uphill" : "nowhere";
    const gone = point.every(Number.isFinite) ? `at (${point.map((z) => number(z, 3, true)).join(", ")}), f = ${number(f(...point), 3, true)}` : "out of the picture";
    return `In y the model's curvature is ${number(curvatures(y0)[1], 3, true)}, and the first step goes ${words} there. Step ${this.at}: ${gone}.`;
  }
}

register("model", Model);
