// The chapter on parallel training: who waits, and how late a gradient is when nobody does.
import {Figure, SERIES, number, range, register} from "./core.js";

const TIME = 40, WINDOW = 10, PER_UNIT = 4;

/** Below this αλ gradients that are all tau updates late still lead to the minimum. */
export const limit = (tau) => 2 * Math.sin(Math.PI / (2 * (2 * tau + 1)));

/**
 * K workers on ½λθ² from θ = 1 until some time; a is αλ. A gradient takes one unit of time, on the
 * last worker slow units. {bars: [{k, start, end, stale}], path: [[time, θ]]}: one bar a gradient,
 * stale: updates between fetching θ and using the gradient; one point of the path an update.
 */
export function simulate(workers, slow, scheme, a, until) {
  const takes = (k) => (k === workers - 1 ? slow : 1), bars = [], path = [[0, 1]];
  if (scheme === "sync") {
    const round = Math.max(1, takes(workers - 1));
    for (let t = 0; (t + 1) * round <= until; t++) {
      for (const k of range(workers)) bars.push({k, start: t * round, end: t * round + takes(k), stale: 0});
      path.push([(t + 1) * round, path[t][1] * (1 - a)]);
    }
    return {bars, path};
  }
  // one after another, so that they do not all finish at once
  const now = range(workers, (k) => ({k, start: k / workers, end: k / workers + takes(k), version: 0}));
  for (;;) {
    const next = now.reduce((x, y) => (y.end < x.end ? y : x)), {k, start, end, version} = next, t = path.length - 1;
    if (end > until) return {bars, path};
    bars.push({k, start, end, stale: t - version});
    path.push([end, path[t][1] - a * path[version][1]]);
    Object.assign(next, {start: end, end: end + takes(k), version: t + 1});
  }
}

/** Whether the last third of a path stays nearer to zero than the third before. */
export function settles(path) {
  const n = Math.floor(path.length / 3), size = (part) => Math.max(...part.map(([, z]) => Math.abs(z)));
  return size(path.slice(-n)) < size(path.slice(-2 * n, -n));
}

const mean = (list) => list.reduce((a, b) => a + b, 0) / (list.length || 1);

class Staleness extends Figure {
  build() {
    const {workers = 5, rate = 0.2} = this.settings;
    this.lanes = this.addPlot({label: "What each worker does", aspect: 1.3, x: {min: 0, max: WINDOW, label: "time"}, y: {min: 0.4, max: 5.6, label: "worker"}});
    this.plot = this.addPlot({label: "The component over time", aspect: 1.3, x: {min: 0, max: TIME, label: "time"}, y: {min: -1.5, max: 1.5, label: "component"}});
    this.transport({steps: TIME * PER_UNIT, perSecond: 24, label: "time, in quarters"});
    this.scheme = this.select({label: "scheme", options: {async: "asynchronous", sync: "synchronous"}});
    this.rate = this.slider({label: "αλ", min: 0.02, max: 2.5, log: true, value: rate, format: (z) => number(z)});
    this.workers = this.slider({label: "workers", min: 1, max: 8, step: 1, value: workers});
    this.slow = this.slider({label: "the last worker is slower by", min: 1, max: 5, step: 0.5, value: 1, format: (z) => `× ${number(z, 2, true)}`});
    [this.colours, this.other] = [SERIES[0], SERIES[1]];
    this.legend([{label: "a gradient; component, this scheme", style: SERIES[0]}, {label: "component, the other scheme", style: SERIES[1]}, {label: "waiting", style: SERIES[4]}]);
  }

  compute() {
    const run = (scheme) => simulate(this.workers.value, this.slow.value, scheme, this.rate.value, TIME);
    this.run = run(this.scheme.value);
    this.beside = run(this.scheme.value === "sync" ? "async" : "sync");
  }

  draw() {
    const {lanes, plot, run, scheme, workers} = this, time = this.at / PER_UNIT, from = Math.max(0, time - WINDOW);
    const block = (k, a, b, style, alpha) => {
      const [x, y] = [lanes.px(a), lanes.px(Math.min(b, time))], h = Math.abs(lanes.py(1) - lanes.py(0)) * 0.7;
      if (y > x) lanes.fill((c) => c.rect(x, lanes.py(k + 1) - h / 2, Math.max(1, y - x - 1.5), h), style, alpha);
    };
    run.bars.forEach(({k, start, end}) => {
      if (end < from || start > time) return;
      block(k, start, end, SERIES[0], 0.75);
      const round = scheme.value === "sync" ? start + this.slow.value : end;
      block(k, end, round, SERIES[4], 0.35);
    });
    const lines = [[this.beside, SERIES[1], 1.5], [run, SERIES[0], 2.5]];
    plot.rule({y: 0});
    for (const [{path}, style, width] of lines) plot.line(path.filter(([t]) => t <= time), style, {width});
    plot.text(`${workers.value} worker${workers.value > 1 ? "s" : ""}`, [TIME, 1.4], {align: "right", dx: -4, style: "muted"});
  }

  /** The frame before it is drawn: the lanes show the last units of time. */
  paint() {
    const end = Math.max(WINDOW, this.at / PER_UNIT);
    Object.assign(this.lanes.x, {min: end - WINDOW, max: end});
    Object.assign(this.lanes.y, {max: this.workers.value + 0.6, ticks: range(this.workers.value, (k) => k + 1)});
    super.paint();
  }

  describe() {
    const {run: {bars, path}, at} = this, K = this.workers.value, time = at / PER_UNIT, sync = this.scheme.value === "sync";
    const done = path.filter(([t]) => t <= time), used = bars.filter(({end}) => end <= time), late = (list) => number(mean(list.map((bar) => bar.stale)), 2, true);
    const last = used.filter(({k}) => k === K - 1), wait = sync && K > 1 ? Math.round(100 * (1 - 1 / this.slow.value)) : 0;
    return `${sync ? "Synchronous" : "Asynchronous"}, time ${number(time, 3, true)}: ${done.length - 1} updates, component ${number(done.at(-1)[1])}. `
      + (sync ? `No gradient is late. The fast workers wait ${wait} % of the time. ` : `Nobody waits. A gradient is ${late(used)} updates late on average, the last worker's ${late(last)}. `)
      + (settles(path) ? "It settles." : "It does not settle.");
  }
}
register("staleness", Staleness);
