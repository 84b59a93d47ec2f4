// RMSProp's chapter: what one large gradient does to the divisor, and to the steps after it.
import {Figure, SERIES, STYLES, clamp, number, range, register} from "./core.js";

const STEPS = 160, EPS = {rmsprop: 1e-8, adagrad: 1e-10};

/** Gradients of size one, and one of another size at step where = 1, 2, ... */
export const strip = (where, size, steps) => range(steps, (i) => (i + 1 === where ? size : 1));

/** Divisors √r and steps v/α for gradients g; first: start from the first square, not from zero. */
export function respond(method, gamma, first, g) {
  let r = first ? g[0] * g[0] : 0;
  const divisors = [], steps = [];
  g.forEach((z, i) => {
    if (method === "adagrad") r = first && i === 0 ? r : r + z * z;
    else r = gamma * r + (1 - gamma) * z * z;
    divisors.push(Math.sqrt(r));
    steps.push(z / (Math.sqrt(r) + EPS[method]));
  });
  return {divisors, steps};
}

/** Quiet steps after step where, until one is longer than half; Infinity if there are too many. */
export function recovery(gamma, first, where, size, most = 20000) {
  const {steps} = respond("rmsprop", gamma, first, strip(where, size, where + most));
  const found = steps.slice(where).findIndex((z) => z > 0.5);
  return found < 0 ? Infinity : found + 1;
}

class Memory extends Figure {
  build() {
    const {gamma, where} = this.settings;
    Object.assign(this, {where, size: 1});
    const x = {min: 0, max: STEPS, label: "step t"};
    const place = ([t, z]) => Object.assign(this, {where: clamp(Math.round(t), 1, STEPS - 1), size: z});
    this.above = this.addPlot({label: "Gradients and divisors", x, y: {min: 0.3, max: 2000, log: true, label: "|g| and √r"},
      aspect: 1.25, onpick: ([t, z]) => place([t, Number((10 ** (Math.round(10 * Math.log10(z)) / 10)).toPrecision(12))])});
    this.below = this.addPlot({label: "Steps", x, y: {min: 0.005, max: 20, log: true, label: "step |v| / α"}, aspect: 1.25});
    this.above.handle({label: "Spike", step: [1, 10 ** 0.1], get: () => [this.where, this.size], set: place,
      text: ([t, z]) => `gradient of ${number(z, 3, true)} at step ${t}`});
    this.gamma = this.slider({label: "decay γ", min: 0.5, max: 0.99, step: 0.01, value: gamma});
    this.first = this.select({label: "mean starts at", options: {zero: "zero", square: "the first square (L4)"}});
    this.calm = this.button("No spike", () => { this.size = 1; this.changed(); });
    this.shown = this.legend([{label: "gradient", style: SERIES[4]}, {label: "RMSProp", style: STYLES.rmsprop, box: true},
      {label: "AdaGrad", style: STYLES.adagrad, box: true}]);
  }

  compute() {
    const g = strip(this.where, this.size, STEPS), first = this.first.value === "square";
    this.g = g;
    this.answers = ["rmsprop", "adagrad"].map((method) => respond(method, this.gamma.value, first, g));
    this.quiet = recovery(this.gamma.value, first, this.where, this.size);
  }

  draw() {
    const {above, below} = this, bound = 1 / Math.sqrt(1 - this.gamma.value);
    above.bars(this.g.map((z, i) => [i + 1, z]), SERIES[4]);
    below.rule({y: bound, label: `${number(bound)} α, the longest step`});
    below.rule({y: 1, label: "α"});
    for (const [i, method] of [[1, "adagrad"], [0, "rmsprop"]]) {
      if (!this.shown[i + 1].shown) continue;
      const dots = (list) => list.map((z, k) => [k + 1, z]);
      above.line(dots(this.answers[i].divisors), STYLES[method], {halo: true});
      below.line(dots(this.answers[i].steps), STYLES[method]);
    }
  }

  describe() {
    const {steps} = this.answers[0], at = this.where - 1, alpha = (z) => `${number(z)} α`;
    const start = `RMSProp's first step is ${alpha(steps[0])}. `;
    if (Math.abs(this.size - 1) < 1e-9) return `${start}No spike: after a few windows every step is α long, while AdaGrad's grow shorter for ever.`;
    const back = this.quiet === 1 ? "." : `; it takes ${this.quiet.toLocaleString("en-US")} quiet steps until one is longer than half of α.`;
    return `${start}The gradient of ${number(this.size, 3, true)} at step ${this.where} makes a step of ${alpha(steps[at])}. The next one is ${alpha(steps[at + 1])}${back}`;
  }
}
register("memory", Memory);
