// Adam on ½λθ² without noise: how far from the minimum, and what it divides by.
import {Figure, SERIES, number, range, register} from "./core.js";

const STEPS = 20000, EVERY = 10;

/** From θ = 1, γ₁ = 0.9, γ₂ = 0.999: the largest |θ| of every so many steps, and √p̂ at their end. */
export function run(lambda, alpha, eps, steps, every) {
  let theta = 1, r = 0, p = 0, most = 0;
  const seen = {distance: [1], root: [NaN]};
  for (let t = 1; t <= steps; t++) {
    const g = lambda * theta;
    r = 0.9 * r + (1 - 0.9) * g;
    p = 0.999 * p + (1 - 0.999) * g * g;
    const root = Math.sqrt(p / (1 - 0.999 ** t));
    theta -= ((alpha * r) / (1 - 0.9 ** t)) / (root + eps);
    most = Math.max(most, Math.abs(theta));
    if (t % every === 0) {
      seen.distance.push(most);
      seen.root.push(root);
      most = 0;
    }
  }
  return seen;
}

class AdamRest extends Figure {
  build() {
    const x = {min: 0, max: STEPS / 1000, label: "step t, in thousands"};
    this.place = this.addPlot({label: "Distance from the minimum over the steps", aspect: 1.4, x,
      y: {min: 1e-20, max: 10, log: true, label: "|θ|"}});
    this.divisor = this.addPlot({label: "The divisor over the steps", aspect: 1.4, x: {...x},
      y: {min: 1e-5, max: 10, log: true, label: "√p̂ + ε"}});
    this.row();
    this.eps = this.slider({label: "ε", min: 1e-10, max: 0.01, log: true, value: this.settings.eps});
    this.alpha = this.slider({label: "learning rate α", min: 0.001, max: 0.1, log: true, value: this.settings.alpha});
    this.lambda = this.slider({label: "curvature λ", min: 0.1, max: 10, log: true, value: 1});
    this.row();
    this.button("Reset", () => this.reset());
  }

  compute() {
    this.seen = run(this.lambda.value, this.alpha.value, this.eps.value, STEPS, EVERY);
    this.limit = (this.alpha.value * this.lambda.value) / 38;
    const {distance} = this.seen, half = distance.length / 2;
    this.late = Math.max(...distance.slice(half));
    this.first = distance.findIndex((z, i) => i > 0 && z > 1e-6 && Math.min(...distance.slice(0, i)) < 1e-7);
  }

  draw() {
    const at = (list, f) => range(list.length, (i) => [(i * EVERY) / 1000, f(list[i])]);
    this.place.line(at(this.seen.distance, (z) => Math.max(z, 1e-24)), SERIES[0], {width: 1.5});
    this.divisor.line(at(this.seen.root, (z) => z + this.eps.value), SERIES[0], {width: 1.5});
    this.divisor.rule({y: this.limit});
    this.divisor.text("αλ/38", [0.4, this.limit], {align: "left", dy: 10});
  }

  describe() {
    const limit = `The limit αλ/38 is ${number(this.limit)}`;
    return this.first < 0 ? `${limit}. No burst in ${STEPS.toLocaleString("en-US")} steps; in the second half |θ| is at most ${number(this.late, 2)}.`
      : `${limit}. The first burst comes near step ${(this.first * EVERY).toLocaleString("en-US")}; in the second half |θ| is up to ${number(this.late, 2)}.`;
  }
}
register("adam-rest", AdamRest);
