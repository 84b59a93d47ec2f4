// Which optimizer, at which budget: the end loss at every rate, and the expected best of k trials.
import {Figure, STYLES, number, range, register} from "./core.js";

const name = (m) => STYLES[m].label.replace(/ \(.*/, "");

/** What counts: a run that diverged, or that learned nothing, has the loss of a network that knows nothing. */
export const capped = (losses, level) => losses.map((z) => Math.min(z ?? level, level));

/** Expected lowest of k losses, each drawn at random from all of them. */
export function expected(losses, k) {
  const n = losses.length, sorted = [...losses].sort((a, b) => a - b);
  return sorted.reduce((sum, z, i) => sum + z * (((n - i) / n) ** k - ((n - i - 1) / n) ** k), 0);
}

/** Methods, the lowest expected best of k trials first. */
export function ranking({ends, level}, k) {
  const best = Object.fromEntries(Object.entries(ends).map(([m, z]) => [m, expected(capped(z, level), k)]));
  return Object.keys(ends).sort((a, b) => best[a] - best[b]).map((m) => [m, best[m]]);
}

class Budget extends Figure {
  build() {
    const {rates, tasks, shown, k = 4} = this.settings, methods = Object.keys(Object.values(tasks)[0].ends);
    this.basin = this.addPlot({label: "Loss at the end against learning rate", aspect: 1.2,
      x: {min: rates[0], max: rates.at(-1), log: true, label: "learning rate"}, y: {log: true, label: "loss at the end"}});
    this.gain = this.addPlot({label: "Expected best loss against the number of trials", aspect: 1.2,
      x: {min: 1, max: rates.length, label: "trials k"}, y: {log: true, label: "expected best loss"}});
    this.gain.handle({label: "Number of trials k", axis: "x", step: 1,
      get: () => [this.k.value, this.gain.y.min], set: ([x]) => this.k.set(x)});
    this.task = this.select({label: "network", options: Object.fromEntries(Object.entries(tasks).map(([key, {label}]) => [key, label]))});
    this.k = this.slider({label: "trials k", min: 1, max: rates.length, step: 1, value: k});
    const legend = this.legend(methods.map((m) => ({label: name(m), style: STYLES[m], box: true})), "Methods, and the expected best loss after k trials");
    this.entries = Object.fromEntries(methods.map((m, i) => [m, legend[i]]));
    methods.forEach((m, i) => legend[i].set(legend[i].initial = shown.includes(m)));
  }

  compute() {
    const {rates, tasks} = this.settings, {ends, level} = this.now = tasks[this.task.value];
    this.order = ranking(this.now, this.k.value);
    this.lines = Object.fromEntries(Object.entries(ends).map(([m, z]) => {
      const losses = capped(z, level);
      return [m, {basin: losses.map((loss, i) => [rates[i], loss]), gain: range(rates.length, (i) => [i + 1, expected(losses, i + 1)])}];
    }));
    const lowest = Math.min(...Object.values(ends).flat().filter((z) => z !== null));
    for (const plot of [this.basin, this.gain]) Object.assign(plot.y, {min: 0.8 * lowest, max: 1.4 * level});
  }

  draw() {
    const {basin, gain, entries, lines, k: {value: k}, now: {level}} = this;
    basin.rule({y: level, label: "nothing learned"});
    gain.rule({x: k, label: `k = ${k}`});
    for (const [m, best] of this.order) {
      entries[m].text(number(best, 2));
      if (!entries[m].shown) continue;
      basin.line(lines[m].basin, STYLES[m], {halo: true});
      basin.points([lines[m].basin.reduce((a, b) => (b[1] < a[1] ? b : a))], STYLES[m], {size: 5, halo: true});
      gain.line(lines[m].gain, STYLES[m], {halo: true});
      gain.points([lines[m].gain[k - 1]], STYLES[m], {size: 5, halo: true});
    }
  }

  describe() {
    const said = this.order.map(([m, best], i) => `${i + 1}. ${name(m)} ${number(best, 2)}`).join(", ");
    return `${this.now.label}, best of ${this.k.value} trial${this.k.value === 1 ? "" : "s"}: ${said}.`;
  }
}
register("budget", Budget);
