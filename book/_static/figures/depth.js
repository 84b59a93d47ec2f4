// Activations: what slopes do to a gradient on its way through the layers of a random network.
import {Figure, SERIES, number, range, register, seeded} from "./core.js";

const WIDTH = 48, BATCH = 16, MOST = 12, [BARS, DOTS, SIZE] = SERIES, LEAK = 0.1;
const steep = (s) => (a) => [a > 0 ? a : s * a, a > 0 ? 1 : s];
export const PHI = { // value and slope
  sigmoid: (a) => { const h = 1 / (1 + Math.exp(-a)); return [h, h * (1 - h)]; },
  tanh: (a) => { const h = Math.tanh(a); return [h, 1 - h * h]; },
  relu: steep(0),
  leaky: steep(LEAK),
};
const norm = (z) => Math.sqrt(z.reduce((sum, v) => sum + v * v, 0));

/** c[i][j] = Σ_k a[i][k] b[j][k], for arrays of rows. */
const product = (a, b) => a.map((u) => b.map((v) => { let sum = 0; for (let k = 0; k < u.length; k++) sum += u[k] * v[k]; return sum; }));
const turned = (a) => a[0].map((_, j) => a.map((row) => row[j]));

/**
 * A batch x (a row an example) through layers with weights (a row a unit) and back, for the mean
 * over the batch of the sum of the outputs. sums: pre-activations a_1 … a_L; sizes: root mean
 * squares of h_1 … h_L; norms: of the gradient of each W_l.
 */
export function through(weights, x, name) {
  const inputs = [x], slopes = [], sums = [];
  for (const W of weights) {
    const a = product(inputs.at(-1), W), both = a.map((row) => row.map(PHI[name]));
    sums.push(a);
    inputs.push(both.map((row) => row.map(([h]) => h)));
    slopes.push(both.map((row) => row.map(([, s]) => s)));
  }
  let delta = slopes.at(-1).map((row) => row.map((s) => s / x.length));
  const norms = [];
  for (let l = weights.length - 1; l >= 0; l--) {
    norms.unshift(norm(product(turned(delta), turned(inputs[l])).map(norm)));
    if (l) delta = product(delta, turned(weights[l])).map((row, i) => row.map((z, j) => z * slopes[l - 1][i][j]));
  }
  return {sums, norms, sizes: inputs.slice(1).map((h) => norm(h.map(norm)) / Math.sqrt(h.length * h[0].length))};
}

class Depth extends Figure {
  build() {
    this.seed = 1;
    this.plot = this.addPlot({label: "Size of the gradient and of the activations in each layer", aspect: 1.2,
      x: {min: 0.3, max: MOST + 0.7, label: "layer", ticks: range(MOST, (i) => i + 1)},
      y: {min: 1e-12, max: 1e3, log: true, label: "size", ticks: range(6, (i) => 10 ** (3 * i - 12))}});
    this.slope = this.addPlot({label: "Slope of the activation, with the units of one layer on it", aspect: 1.2,
      x: {min: -8, max: 8, label: "pre-activation a"}, y: {min: 0, max: 1.1, label: "slope φ′(a)"}});
    this.depth = this.slider({label: "layers", min: 2, max: MOST, step: 1, value: this.settings.depth});
    this.gain = this.slider({label: "gain g of the weights", min: 0.3, max: 20, log: true, value: this.settings.gain});
    this.layer = this.slider({label: "show the units of layer", min: 1, max: MOST, step: 1, value: 1});
    this.phi = this.select({label: "activation φ", options: {sigmoid: "sigmoid", tanh: "tanh", relu: "ReLU", leaky: `leaky ReLU (slope ${LEAK})`}});
    this.button("Draw again", () => { this.seed++; this.changed(); });
    this.legend([{label: "gradient of the layer's weights (norm)", style: BARS}, {label: "activations h (rms)", style: SIZE}, {label: "units of one layer, on the slope", style: DOTS}]);
  }

  compute() {
    if (this.drawn !== this.seed) {
      const {normal} = seeded(this.seed), rows = (n) => range(n, () => range(WIDTH, normal));
      Object.assign(this, {drawn: this.seed, x: rows(BATCH), normals: range(MOST, () => rows(WIDTH))});
    }
    const depth = this.depth.value, scale = this.gain.value / Math.sqrt(WIDTH);
    this.layer.input.max = depth;
    if (this.layer.value > depth) this.layer.set(depth);
    const weights = this.normals.slice(0, depth).map((W) => W.map((row) => row.map((z) => scale * z)));
    Object.assign(this, through(weights, this.x, this.phi.value));
    this.units = this.sums[this.layer.value - 1].flat();
    this.mean = this.units.reduce((sum, a) => sum + PHI[this.phi.value](a)[1], 0) / this.units.length;
  }

  draw() {
    const {plot, slope, norms, sizes, units} = this, phi = PHI[this.phi.value];
    plot.x.max = norms.length + 0.7;
    plot.bars(norms.map((z, l) => [l + 1, z]), BARS);
    const line = sizes.map((z, l) => [l + 1, z]);
    plot.line(line, SIZE);
    plot.points(line, SIZE, {halo: true});
    slope.line(range(321, (i) => [(i - 160) / 20, phi((i - 160) / 20 + 1e-9)[1]]), "muted", {width: 1.5});
    slope.rule({y: this.mean, label: "mean of the units"});
    slope.points(units.map((a) => [Math.max(-8, Math.min(8, a)), phi(a)[1]]), DOTS, {size: 2.5, alpha: 0.35});
  }

  reset() { this.seed = 1; super.reset(); }

  describe() {
    const {norms, units, mean} = this, L = norms.length, ratio = norms[0] / norms[L - 1], l = this.layer.value;
    const far = units.filter((a) => Math.abs(a) > 4).length / units.length;
    return `Gradient of layer 1 over that of layer ${L}: ${number(ratio, 2)}, a factor ${number(ratio ** (1 / (L - 1)), 2)} a layer. `
      + `Layer ${l}: mean slope ${number(mean, 2)}; ${number(100 * far, 2)} % of the units beyond ±4.`;
  }
}
register("depth", Depth);
