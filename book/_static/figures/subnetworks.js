// Dropout's chapter: a net with four hidden units, its sixteen sub-networks, and two ways to test.
import {Figure, SERIES, clamp, number, range, register, seeded} from "./core.js";

const UNITS = 4, STEPS = 600, RATE = 0.5, FAR = 3;
const THIN = {...SERIES[4], dash: []};
const sigmoid = (z) => 1 / (1 + Math.exp(-z));
const dot = (a, b) => a.reduce((sum, z, i) => sum + z * b[i], 0);
const count = (mask) => mask.reduce((a, b) => a + b, 0);

/** All masks, those with few units first. */
export const MASKS = range(2 ** UNITS, (k) => range(UNITS, (i) => (k >> i) & 1)).sort((a, b) => count(a) - count(b));

/** Probability of each mask. */
export const chances = (keep) => MASKS.map((mask) => keep ** count(mask) * (1 - keep) ** (UNITS - count(mask)));

/** A net [w, b, v, c] answers sigmoid(Σ v mask tanh(w x + b) + c). */
export const hidden = ([w, b], x) => w.map((z, i) => Math.tanh(z * x + b[i]));
export const score = ([, , v, [c]], h, mask) => c + h.reduce((sum, z, i) => sum + v[i] * mask[i] * z, 0);

/** Mean cross-entropy of answers p. */
export const loss = (p, y) => -p.reduce((sum, q, i) => sum + Math.log(Math.max(1e-300, y[i] ? q : 1 - q)), 0) / y.length;

/** One step of gradient descent on the sub-network of a mask. */
export function step(net, mask, {x, y}) {
  const [w, b, v, [c]] = net, change = {w: w.map(() => 0), b: b.map(() => 0), v: v.map(() => 0), c: 0};
  x.forEach((z, k) => {
    const h = hidden(net, z), back = (RATE * (sigmoid(score(net, h, mask)) - y[k])) / x.length;
    change.c += back;
    h.forEach((a, i) => {
      const inner = back * v[i] * mask[i] * (1 - a * a);
      change.v[i] += back * mask[i] * a;
      change.w[i] += inner * z;
      change.b[i] += inner;
    });
  });
  const less = (a, d) => a.map((z, i) => z - d[i]);
  return [less(w, change.w), less(b, change.b), less(v, change.v), [c - change.c]];
}

/** Nets from step 0 on, and the masks they were trained with; only: always this mask. */
export function train(start, data, keep, steps, only) {
  const {uniform} = seeded(3), nets = [start], masks = [null];
  for (let t = 0; t < steps; t++) {
    const drawn = range(UNITS, () => (uniform() < keep ? 1 : 0)), mask = only ?? drawn;
    nets.push(step(nets[t], mask, data));
    masks.push(mask);
  }
  return {nets, masks};
}

/** What all sub-networks answer at each x, their mean, and the net with v × keep. */
export function answers(net, xs, keep) {
  const weights = chances(keep), hs = xs.map((x) => hidden(net, x));
  const each = MASKS.map((mask) => hs.map((h) => sigmoid(score(net, h, mask))));
  return {each, mean: xs.map((_, k) => dot(weights, each.map((p) => p[k]))),
    scaled: hs.map((h) => sigmoid(score(net, h, Array(UNITS).fill(keep))))};
}

const GRID = range(121, (i) => -FAR + (i * 2 * FAR) / 120);
const named = (mask) => (count(mask) ? `with unit${count(mask) > 1 ? "s" : ""} ${range(UNITS).filter((i) => mask[i]).map((i) => i + 1).join(", ")}` : "without any unit");

class Subnetworks extends Figure {
  build() {
    this.curves = this.addPlot({label: "Answers of the sub-networks", aspect: 1.25,
      x: {min: -FAR, max: FAR, label: "x"}, y: {min: -0.04, max: 1.04, label: "p(y = 1 | x)"}});
    this.bars = this.addPlot({label: "Loss of each sub-network", aspect: 1.25,
      x: {min: -0.6, max: 15.6, label: "units that are on", ticks: [0, 2.5, 7.5, 12.5, 15], format: (z) => ({0: "0", 2.5: "1", 7.5: "2", 12.5: "3", 15: "4"})[z]},
      y: {min: 0.01, max: 5, log: true, label: "loss"},
      onpick: ([k]) => MASKS[clamp(Math.round(k), 0, 15)].forEach((on, i) => this.units[i].set(!!on))});
    this.transport({steps: STEPS, perSecond: 60, label: "update t"});
    this.keep = this.slider({label: "keep", min: 0.2, max: 1, step: 0.05, value: this.settings.keep});
    this.mode = this.select({label: "train", options: {drawn: "one drawn each time", ticked: "always the ticked one"}});
    this.units = range(UNITS, (i) => this.checkbox({label: `unit ${i + 1}`, value: i < 2}));
    this.shown = this.legend([{label: "16 sub-networks", style: THIN, box: true}, {label: "the ticked one", style: SERIES[3], box: true},
      {label: "mean of all answers", style: SERIES[0], box: true}, {label: "weights × keep", style: SERIES[1], box: true}]);
  }

  compute() {
    this.mask = this.units.map((unit) => (unit.value ? 1 : 0));
    const {start, x, y} = this.settings, only = this.mode.value === "ticked" ? this.mask : undefined;
    const key = `${this.keep.value} ${only}`;
    if (key !== this.key) Object.assign(this, {key, run: train(start, {x, y}, this.keep.value, STEPS, only)});
  }

  draw() {
    const {curves, bars, settings: {x, y}, shown} = this, net = this.run.nets[this.at], keep = this.keep.value;
    const weights = chances(keep), most = Math.max(...weights), {each, mean, scaled} = answers(net, GRID, keep);
    const line = (p, style, look) => curves.line(p.map((q, i) => [GRID[i], q]), style, look);
    const mine = MASKS.findIndex((mask) => String(mask) === String(this.mask));
    if (shown[0].shown) each.forEach((p, k) => line(p, THIN, {width: 1, alpha: 0.25 + (0.6 * weights[k]) / most}));
    if (shown[1].shown) line(each[mine], SERIES[3], {halo: true});
    if (shown[2].shown) line(mean, SERIES[0], {width: 3, halo: true});
    if (shown[3].shown) line(scaled, SERIES[1], {width: 2.5, halo: true});
    curves.points(x.map((z, i) => [z, y[i]]), "text", {size: 2.5});
    const here = answers(net, x, keep), losses = here.each.map((p) => loss(p, y));
    bars.bars(losses.map((z, k) => [k, z]), SERIES[4]);
    bars.bars([[mine, losses[mine]]], SERIES[3]);
    const drawn = MASKS.findIndex((mask) => String(mask) === String(this.run.masks[this.at]));
    if (drawn >= 0) bars.text("▲", [drawn, 0.01], {dy: -8, bold: true});
    this.told = {mine: losses[mine], chance: weights[mine], average: dot(weights, losses), mean: loss(here.mean, y), scaled: loss(here.scaled, y)};
    bars.line([[-0.6, this.told.mean], [15.6, this.told.mean]], SERIES[0], {width: 1.5});
    bars.line([[-0.6, this.told.scaled], [15.6, this.told.scaled]], SERIES[1], {width: 1.5});
    const gaps = mean.map((p, i) => Math.abs(p - scaled[i]));
    this.told.gap = Math.max(...gaps);
    this.told.where = GRID[gaps.indexOf(this.told.gap)];
  }

  describe() {
    const {mine, chance, average, mean, scaled, gap, where} = this.told, two = (z) => number(z, 2);
    const apart = gap < 1e-9 ? "The two agree everywhere." : `The two differ most at x = ${number(where, 2, true)}, by ${two(gap)}.`;
    return `Update ${this.at}: the sub-network ${named(this.mask)}, drawn with probability ${two(chance)}, has the loss ${two(mine)}; an average one ${two(average)}; ` +
      `the mean of all answers ${two(mean)}; weights × keep ${two(scaled)}. ${apart}`;
  }
}
register("subnetworks", Subnetworks);
