// Initialization: how the size of a signal changes from layer to layer, and of a gradient on its way back.
import {Figure, SERIES, number, range, register, seeded} from "./core.js";

const DEPTH = 30, LOW = 1e-6, HIGH = 1e6, [SIGNAL, GRADIENT, THEORY] = SERIES;
export const PHI = { // value and slope
  relu: (a) => (a > 0 ? [a, 1] : [0, 0]),
  linear: (a) => [a, 1],
  tanh: (a) => { const h = Math.tanh(a); return [h, 1 - h * h]; },
};
const rms = (h) => Math.sqrt(h.reduce((sum, z) => sum + z * z, 0) / h.length);

/** Root mean square of one layer's output for inputs of root mean square r, when it is wide. */
export function next(r, gain, name) {
  if (name !== "tanh") return gain * r * (name === "relu" ? Math.SQRT1_2 : 1);
  const c = gain * r, steep = c > 1, width = steep ? c : 1; // E tanh²(c z), z normal, by the trapezoidal rule
  let sum = 0;
  for (let i = -900; i <= 900; i++) {
    const h = Math.tanh(steep ? i / 60 : c * i / 60), z = i / 60 / width;
    sum += (steep ? 1 - h * h : h * h) * Math.exp(-z * z / 2);
  }
  const mean = sum / 60 / width / Math.sqrt(2 * Math.PI);
  return Math.sqrt(steep ? 1 - mean : mean);
}

/**
 * Root mean squares of the activations h_0 … h_L, and of the gradients δ_1 … δ_L in the
 * pre-activations when δ_L is φ'(a_L) times back. normals: one array a layer, a row for each unit;
 * weights are gain/√n times them.
 */
export function pass(normals, x, back, gain, name) {
  const n = x.length, scale = gain / Math.sqrt(n), slopes = [], signal = [rms(x)], gradient = [];
  let h = x;
  for (const W of normals) {
    const both = range(n, (i) => {
      let a = 0;
      for (let j = 0; j < n; j++) a += W[i * n + j] * h[j];
      return PHI[name](scale * a);
    });
    h = both.map(([z]) => z);
    slopes.push(both.map(([, z]) => z));
    signal.push(rms(h));
  }
  let d = back.map((z, i) => z * slopes.at(-1)[i]);
  for (let l = normals.length - 1; ; l--) {
    gradient.unshift(rms(d));
    if (l === 0) return {signal, gradient};
    const W = normals[l], sums = new Float64Array(n);
    for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) sums[j] += W[i * n + j] * d[i];
    d = slopes[l - 1].map((z, j) => scale * sums[j] * z);
  }
}

class Signal extends Figure {
  build() {
    const size = {min: LOW, max: HIGH, log: true, ticks: range(5, (i) => 10 ** (3 * i - 6)), label: "size (rms)"};
    this.plot = this.addPlot({label: "Size of the signal and of the gradient, layer by layer", aspect: 1.2,
      x: {min: 0, max: DEPTH, label: "layer"}, y: size});
    this.map = this.addPlot({label: "Factor of one layer against the size that goes in", aspect: 1.2,
      x: {...size, label: "size that goes in"}, y: {min: 0, max: 3, label: "factor of one layer"}});
    this.transport({steps: DEPTH, perSecond: 10, label: "layer"});
    this.gain = this.slider({label: "gain g", min: 0.4, max: 3, step: 0.01, value: this.settings.gain});
    this.width = this.slider({label: "units in a layer", min: 2, max: 7, step: 1, value: 7, format: (z) => `${2 ** z}`});
    this.phi = this.select({label: "activation φ", options: {relu: "ReLU", tanh: "tanh", linear: "none (linear)"}});
    this.row();
    for (const [name, gain] of [["L5, torch: 1/√3", Math.sqrt(1 / 3)], ["Xavier: 1", 1], ["He: √2", Math.SQRT2]])
      this.button(name, () => { this.gain.set(gain); this.changed(); });
    this.button("Draw again", () => { this.seed++; this.changed(); });
    this.legend([{label: "signal h", style: SIGNAL}, {label: "gradient δ, on its way back", style: GRADIENT}, {label: "theory, for wide layers", style: THEORY}]);
    this.seed = 1;
  }

  compute() {
    const n = 2 ** this.width.value, key = `${this.seed} ${n}`, {gain: {value: g}, phi: {value: name}} = this;
    if (key !== this.drawn) {
      const {normal} = seeded(this.seed), some = (count) => range(count, normal);
      const unit = (z) => { const size = rms(z); return z.map((v) => v / size); };
      Object.assign(this, {drawn: key, x: unit(some(n)), back: unit(some(n)), normals: range(DEPTH, () => Float64Array.from({length: n * n}, normal))});
    }
    Object.assign(this, pass(this.normals, this.x, this.back, g, name));
    this.theory = [1];
    while (this.theory.length <= DEPTH) this.theory.push(next(this.theory.at(-1), g, name));
  }

  draw() {
    const {plot, map, at, signal, gradient, theory} = this, g = this.gain.value, name = this.phi.value;
    plot.rule({y: 1});
    plot.line(theory.map((z, l) => [l, z]), THEORY);
    const back = gradient.map((z, l) => [l + 1, z]).slice(DEPTH - at);
    plot.line(back, GRADIENT);
    plot.points(back, GRADIENT);
    const there = signal.slice(0, at + 1).map((z, l) => [l, z]);
    plot.line(there, SIGNAL);
    plot.points(there, SIGNAL);
    const grid = range(121, (i) => LOW * (HIGH / LOW) ** (i / 120));
    map.rule({y: 1, label: "out = in"});
    map.line(grid.map((z) => [z, next(z, g, name) / z]), THEORY);
    const layers = range(at, (l) => [signal[l], signal[l + 1] / signal[l]]);
    map.points(layers, SIGNAL, {size: 3, alpha: 0.7});
    map.points(layers.slice(-1), SIGNAL, {size: 6, halo: true});
  }

  reset() { this.seed = 1; super.reset(); }

  describe() {
    const {at, signal, gradient, theory} = this, z = signal[at], g = number(this.gain.value, 3);
    const gone = signal.findIndex((s) => s < 1e-3);
    return `g = ${g}. After layer ${at} the signal has size ${number(z, 2)} (theory ${number(theory[at], 2)}). `
      + (gone < 0 ? "" : `It falls below a thousandth at layer ${gone}. `)
      + `Gradient at layer 1 over that at layer ${DEPTH}: ${number(gradient[0] / gradient.at(-1), 2)}.`;
  }
}
register("signal", Signal);
