// The chapter on efficient models: what each row of Inception-v1's table costs.
import {Figure, SERIES, number, range, register} from "./core.js";

// Row, side of its output for images of 224 pixels, then the columns: channels in, 1×1, 3×3 reduced
// to, 3×3, 5×5 reduced to, 5×5, 1×1 after the pool. The first row is a case of its own.
export const TABLE = [
  ["c1", 112, 3, 0, 24, 64, 0, 0, 0],
  ["c2", 56, 64, 0, 64, 192, 0, 0, 0],
  ["3a", 28, 192, 64, 96, 128, 16, 32, 32],
  ["3b", 28, 256, 128, 128, 192, 32, 96, 64],
  ["4a", 14, 480, 192, 96, 208, 16, 48, 64],
  ["4b", 14, 512, 160, 112, 224, 24, 64, 64],
  ["4c", 14, 512, 128, 128, 256, 24, 64, 64],
  ["4d", 14, 512, 112, 144, 288, 32, 64, 64],
  ["4e", 14, 528, 256, 160, 320, 32, 128, 128],
  ["5a", 7, 832, 256, 160, 320, 32, 128, 128],
  ["5b", 7, 832, 384, 192, 384, 48, 128, 128],
  ["out", 0, 1024, 1000, 0, 0, 0, 0, 0],
];

/** Weights of a k × k convolution from c channels to n, after a 1×1 reduction to r of them. */
export function branch(c, r, n, k, {reductions, width, separable}) {
  if (!n) return 0;
  const seen = reductions ? Math.max(1, Math.round(r * width)) : c;
  return (reductions ? c * seen : 0) + (separable ? k * k * seen + seen * n : k * k * seen * n);
}

/** [{name, params, ops}] of all rows. first: "separable" or "plain"; side: of the image in pixels. */
export function bill({first = "separable", side = 224, ...choice}) {
  return TABLE.map(([name, out, c, n1, r3, n3, r5, n5, pool]) => {
    const params = name !== "c1" ? c * (n1 + pool) + branch(c, r3, n3, 3, choice) + branch(c, r5, n5, 5, choice)
      : first === "plain" ? 49 * c * n3 : 49 * r3 + r3 * n3;
    return {name, params, ops: params * (out ? (out * side) / 224 : 1) ** 2};
  });
}

const LINES = [SERIES[0], SERIES[1], SERIES[4]].map((style) => ({...style, dash: [], marker: "square"}));
const AS_PRINTED = {first: "separable", side: 224, reductions: true, width: 1, separable: false};
const UNIT = {params: 1e3, ops: 1e6};
export const sum = (rows, what) => rows.reduce((total, row) => total + row[what], 0);

class Costs extends Figure {
  build() {
    const x = {min: 0.4, max: TABLE.length + 0.6, ticks: range(TABLE.length, (i) => i + 1), format: (i) => TABLE[i - 1][0]};
    this.bars = ["params", "ops"].map((what, i) => [what, LINES[i], this.addPlot({
      label: what === "ops" ? "Operations of each row" : "Weights of each row", aspect: 1.35, x: {...x, label: "row of the table"},
      y: {min: 0, max: 1, label: what === "ops" ? "million operations" : "thousand weights"}})]);
    this.reductions = this.checkbox({label: "1×1 reductions", value: true});
    this.separable = this.checkbox({label: "separable 3×3 and 5×5"});
    this.width = this.slider({label: "width of the reductions", min: 0.25, max: 2, step: 0.05, value: 1, format: (z) => `× ${number(z, 3, true)}`});
    this.side = this.select({label: "side of the image", value: "224", options: {112: "112 pixels", 224: "224 pixels", 448: "448 pixels"}});
    this.first = this.select({label: "first row, 7×7", options: {separable: "separable, as built", plain: "plain, as it reads"}});
    this.scale = this.select({label: "scale", options: {linear: "linear", log: "logarithmic"}});
    this.legend(["weights", "operations", "as in the table"].map((label, i) => ({label, style: LINES[i]})));
    this.table = bill(AS_PRINTED);
  }

  compute() {
    const {reductions, separable, width, side, first} = this;
    this.rows = bill({first: first.value, side: Number(side.value), reductions: reductions.value, width: width.value, separable: separable.value});
    for (const [what, , plot] of this.bars) {
      const all = [...this.rows, ...this.table].map((row) => row[what] / UNIT[what]), log = this.scale.value === "log";
      Object.assign(plot.y, {log, max: Math.max(...all) * (log ? 2 : 1.08), min: log ? Math.min(...all) / 2 : 0});
    }
  }

  draw() {
    for (const [what, style, plot] of this.bars) {
      const heights = (rows) => rows.map((row, i) => [i + 1, row[what] / UNIT[what]]);
      plot.bars(heights(this.rows), style);
      for (const [i, z] of heights(this.table)) plot.line([[i - 0.45, z], [i + 0.45, z]], LINES[2]);
    }
  }

  /** The two rows with the most, and their shares. */
  most(what) {
    const total = sum(this.rows, what), [a, b] = [...this.rows].sort((p, q) => q[what] - p[what]);
    return `${a.name} (${number((100 * a[what]) / total, 2)} %) and ${b.name} (${number((100 * b[what]) / total, 2)} %)`;
  }

  describe() {
    const times = (what) => number(sum(this.rows, what) / sum(this.table, what));
    const factor = (i) => this.rows[i].ops / this.table[i].ops;
    const blocks = range(TABLE.length - 3, (i) => i + 2).sort((i, j) => factor(j) - factor(i)), worst = blocks[0];
    return `${number(sum(this.rows, "params") / 1e6)} million weights, ${times("params")} times the table's; ${number(sum(this.rows, "ops") / 1e6)} million operations, ${times("ops")} times. `
      + `Most weights: ${this.most("params")}. Most operations: ${this.most("ops")}. `
      + (factor(worst) > 1 ? `The block that suffers most is ${TABLE[worst][0]}: ${number(factor(worst))} times the operations.` : "");
  }
}
register("costs", Costs);
