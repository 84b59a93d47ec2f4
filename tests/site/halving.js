// The example of a live figure: copy it to book/_static/figures/NAME.js and change it.
import {Figure, SERIES, number, register} from "./core.js";

// Pure, exported, tested in Node against the reference.
export const path = (rate, start, steps) =>
  Array.from({length: steps + 1}, (_, t) => start * (1 - rate) ** t);

class Halving extends Figure {
  build() { // once: controls and plots, in the order of the page
    this.start = this.settings.start;
    this.plot = this.addPlot({label: "Distance from the minimum over the steps",
      x: {min: 0, max: 20, label: "step t"}, y: {min: -2, max: 2, label: "θ"}});
    this.plot.handle({label: "Start", axis: "y", step: 0.1, get: () => [0, this.start],
      set: ([, y]) => { this.start = y; }});
    this.transport({steps: 20});
    this.rate = this.slider({label: "rate α", min: 0.01, max: 3, log: true, value: this.settings.rate});
    this.dots = this.checkbox({label: "points", value: true});
  }
  compute() { this.path = path(this.rate.value, this.start, 20); } // after each change of a control
  draw() { // after that, at each step in time, and when size or theme change
    const points = this.path.slice(0, this.at + 1).map((y, t) => [t, y]);
    this.plot.rule({y: 0, label: "minimum"});
    this.plot.line(points, SERIES[0]);
    if (this.dots.value) this.plot.points(points, SERIES[0]);
  }
  reset() { this.start = this.settings.start; super.reset(); } // what is not a control
  describe() { return `Step ${this.at}: θ is ${number(this.path[this.at])}.`; } // shown and announced
}
register("halving", Halving);
