// The chapter on strategies: gradient descent on a wavy curve, directly or through blurred versions.
import {Figure, SERIES, clamp, number, range, register} from "./core.js";

const PLAIN = {...SERIES[4], dash: []};
const STEPS = 600, RATE = 0.1, STARTS = 161, WIDE = 8;

/** A curve is x²/20 plus waves a·cos(k(x − centre)), [a, k, centre], and wells [depth, centre, width]. */
export const CURVES = {
  waves: {waves: [[-1, 3, 0.4]], wells: [], y: [-1.5, 4.5]},
  wells: {waves: [], wells: [[2, 3, 0.4], [1, -2, 1.5]], y: [-2.1, 4.5]},
};

/** The mean of the curve around x, over a normal distribution of width s. */
export function blurred(name, x, s) {
  const {waves, wells} = CURVES[name];
  let sum = (x * x + s * s) / 20;
  for (const [a, k, centre] of waves) sum += a * Math.exp((-k * k * s * s) / 2) * Math.cos(k * (x - centre));
  for (const [depth, centre, width] of wells) {
    const v = width * width + s * s;
    sum -= depth * (width / Math.sqrt(v)) * Math.exp(-((x - centre) ** 2) / (2 * v));
  }
  return sum;
}

/** Its slope. */
export function slope(name, x, s) {
  const {waves, wells} = CURVES[name];
  let sum = x / 10;
  for (const [a, k, centre] of waves) sum -= a * k * Math.exp((-k * k * s * s) / 2) * Math.sin(k * (x - centre));
  for (const [depth, centre, width] of wells) {
    const v = width * width + s * s;
    sum += depth * (width / Math.sqrt(v)) * ((x - centre) / v) * Math.exp(-((x - centre) ** 2) / (2 * v));
  }
  return sum;
}

/** The blur at step t: constant; or constant for half of the run, then lowered to 0 by five sixths. */
export const blurAt = (s, lower, t) => s * (lower ? clamp(2.5 - (3 * t) / STEPS, 0, 1) : 1);

/** Where gradient descent goes from x, STEPS + 1 points. */
export function descend(name, x, s, lower) {
  const path = [x];
  for (let t = 0; t < STEPS; t++) path.push(path[t] - RATE * slope(name, path[t], blurAt(s, lower, t)));
  return path;
}

/** The lowest point of a curve without blur, on a grid and then by gradient descent. */
export function lowest(name) {
  let best = 0;
  for (let i = -800; i <= 800; i++) if (blurred(name, i / 100, 0) < blurred(name, best, 0)) best = i / 100;
  return descend(name, best, 0, false).at(-1);
}

/** The part of STARTS starts on [−8, 8] that end at the lowest point. */
export function share(name, s, lower) {
  const goal = lowest(name);
  const ends = range(STARTS, (i) => descend(name, -WIDE + (2 * WIDE * i) / (STARTS - 1), s, lower).at(-1));
  return ends.filter((x) => Math.abs(x - goal) < 0.3).length / STARTS;
}

class Continuation extends Figure {
  build() {
    this.start = this.settings.start ?? 6;
    this.plot = this.addPlot({label: "A curve, its blurred version, and the ball", aspect: 1.9,
      x: {min: -WIDE, max: WIDE, label: "x"}, y: {min: -1.5, max: 4.5, label: "f(x)"}, onpick: ([x]) => { this.start = Math.round(x * 10) / 10; }});
    this.plot.handle({label: "Start", axis: "x", step: 0.1, get: () => [this.start, clamp(blurred(this.curve.value, this.start, 0), ...CURVES[this.curve.value].y)],
      set: ([x]) => { this.start = x; }});
    this.transport({steps: STEPS, perSecond: 120});
    this.curve = this.select({label: "curve", options: {waves: "a bowl with waves", wells: "a narrow and a wide well"}});
    this.s = this.slider({label: "width of the blur s", min: 0, max: 2.5, step: 0.05, value: 0, format: (z) => number(z, 3, true)});
    this.lower = this.checkbox({label: "lower s to 0 in the second half", value: true});
    this.legend([{label: "the curve", style: PLAIN}, {label: "blurred", style: SERIES[1]}, {label: "ball", style: SERIES[0]}]);
  }

  compute() {
    const name = this.curve.value, s = this.s.value, lower = this.lower.value, now = [name, s, lower].join();
    this.path = descend(name, this.start, s, lower);
    if (this.kept !== now) [this.kept, this.part] = [now, share(name, s, lower)];
    this.goal = lowest(name);
    [this.plot.y.min, this.plot.y.max] = CURVES[name].y;
  }

  draw() {
    const {plot, path, at} = this, name = this.curve.value, s = blurAt(this.s.value, this.lower.value, at);
    const line = (blur) => range(641, (i) => [-WIDE + i / 40, blurred(name, -WIDE + i / 40, blur)]);
    plot.line(line(0), PLAIN, {width: 1.5});
    if (s > 0) plot.line(line(s), SERIES[1]);
    plot.rule({x: this.goal, label: "lowest"});
    plot.line(path.slice(0, at + 1).map((x, t) => [x, blurred(name, x, blurAt(this.s.value, this.lower.value, t))]), SERIES[0], {width: 1.5, dash: [], alpha: 0.7});
    plot.points([[path[at], blurred(name, path[at], s)]], SERIES[0], {size: 8, halo: true});
  }

  reset() {
    this.start = this.settings.start ?? 6;
    super.reset();
  }

  describe() {
    const {at, path, goal} = this, x = path[at], s = blurAt(this.s.value, this.lower.value, at), end = path.at(-1);
    return `Step ${at}: blur ${number(s, 2, true)}, the ball is at ${number(x, 3, true)}. ${Math.abs(end - goal) < 0.3 ? "It ends at the lowest point." : `It ends at ${number(end, 3, true)}, not at the lowest point, ${number(goal, 3, true)}.`} `
      + `Of ${STARTS} starts between −8 and 8, ${number(100 * this.part, 2, true)} % end there.`;
  }
}
register("continuation", Continuation);
