// How long is a step of Adam? Gradients of a pattern after a silence, and the step in units of α.
import {Figure, SERIES, STYLES, number, range, register, seeded} from "./core.js";

const SHOWN = 60;
const PATTERNS = {constant: "constant", alternating: "alternating", spike: "constant with one spike",
  growing: "growing by γ₂/γ₁ a step", noise: "noise around zero"};

/** SHOWN gradients of a pattern; "growing" grows by γ₂/γ₁ a step, the worst case of the text. */
export function gradients(pattern, gamma1, gamma2) {
  const {normal} = seeded(7);
  return range(SHOWN, (k) => ({constant: 1, alternating: k % 2 ? -1 : 1, spike: k === 20 ? 100 : 1,
    growing: (gamma2 / gamma1) ** (k - SHOWN + 1), noise: normal()})[pattern]);
}

/**
 * What the rule makes of gradients that come after `silence` updates without one: a list of
 * {step: v/α, r: the mean of gradients, root: what it is divided by}, both as used.
 */
export function steps(list, silence, gamma1, gamma2, correct, adamax) {
  let r = 0, p = 0;
  return list.map((g, k) => {
    const t = silence + k + 1, one = correct ? 1 - gamma1 ** t : 1, two = correct ? 1 - gamma2 ** t : 1;
    r = gamma1 * r + (1 - gamma1) * g;
    p = adamax ? Math.max(gamma2 * p, Math.abs(g)) : gamma2 * p + (1 - gamma2) * g * g;
    const mean = r / one, root = adamax ? p : Math.sqrt(p / two);
    return {step: mean / (root + 1e-12), r: mean, root};
  });
}

class AdamStep extends Figure {
  build() {
    this.means = this.addPlot({label: "Gradients, their mean and the divisor", aspect: 2.2,
      x: {min: 0.5, max: SHOWN + 0.5, label: "step after the silence"}, y: {min: -1, max: 1, label: "gradient"}});
    this.plot = this.addPlot({label: "Length of the step in units of alpha", aspect: 1.7,
      x: {min: 0.5, max: SHOWN + 0.5, label: "step after the silence"}, y: {min: -1.5, max: 8, label: "v / α"}});
    this.entries = this.legend([{label: "gradient g", style: SERIES[4]}, {label: "mean of gradients", style: SERIES[0]},
      {label: "divisor", style: SERIES[1]}, {label: "step v/α", style: STYLES.adam}]);
    this.row();
    this.pattern = this.select({label: "gradients", options: PATTERNS, value: this.settings.pattern});
    const counts = {0: "none", 10: "10 steps", 100: "100 steps", 1000: "1,000 steps", 20000: "20,000 steps"};
    this.silence = this.select({label: "silence before", options: counts, value: String(this.settings.silence)});
    this.gamma1 = this.slider({label: "γ₁", min: 0, max: 0.99, step: 0.01, value: this.settings.gamma1});
    // What matters is the memory 1/(1 − γ₂), so that is what the slider moves.
    this.memory = this.slider({label: "γ₂", min: 2, max: 10000, log: true, value: Math.round(1 / (1 - this.settings.gamma2)),
      format: (m) => number(1 - 1 / m, m > 900 ? 4 : 3, true)});
    this.correct = this.checkbox({label: "bias correction", value: this.settings.correct});
    this.adamax = this.checkbox({label: "AdaMax", value: false});
    this.row();
    this.button("Reset", () => this.reset());
  }

  compute() {
    const gamma2 = 1 - 1 / this.memory.value, gamma1 = this.gamma1.value;
    this.list = gradients(this.pattern.value, Math.max(gamma1, 0.01), gamma2);
    this.run = steps(this.list, Number(this.silence.value), gamma1, gamma2, this.correct.value, this.adamax.value);
    const sizes = this.run.map(({step}) => step), most = Math.max(...sizes.map(Math.abs));
    this.top = sizes.findIndex((z) => Math.abs(z) > most * (1 - 1e-6));
    Object.assign(this.plot.y, {min: Math.min(-1.5, ...sizes), max: Math.max(1.6, 1.15 * most)});
    const high = Math.max(...this.list.map(Math.abs), ...this.run.map(({root}) => root));
    Object.assign(this.means.y, {min: Math.min(0, ...this.list) * 1.1, max: 1.1 * high});
  }

  draw() {
    const at = (f) => this.run.map((entry, k) => [k + 1, f(entry, k)]);
    this.means.bars(at((_, k) => this.list[k]), SERIES[4], {width: 0.7, base: 0, alpha: 0.45});
    this.means.line(at(({r}) => r), SERIES[0]);
    this.means.line(at(({root}) => root), SERIES[1]);
    this.plot.band([[0.5, -1, 1], [SHOWN + 0.5, -1, 1]], SERIES[2], {alpha: 0.12});
    this.plot.rule({y: 1, label: "α"});
    this.plot.rule({y: 0, dash: []});
    this.plot.line(at(({step}) => step), STYLES.adam, {dash: []});
    this.plot.points([[this.top + 1, this.run[this.top].step]], STYLES.adam, {size: 6, halo: true});
  }

  describe() {
    const {step} = this.run[this.top], times = (z) => `${number(Math.abs(z), 3)} α`;
    return `First step ${times(this.run[0].step)}, longest ${times(step)} at step ${this.top + 1}, last ${times(this.run.at(-1).step)}.`;
  }
}
register("adam-step", AdamStep);
