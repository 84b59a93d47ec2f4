// The optimizer figure: update rules as paths on a loss surface.
//
// Every element with data-optimizer-figure='{"surface": ..., "methods": [...], ...}' inside a
// <figure> becomes one. The picture already in the figure stays for print and where no script runs.
import {Figure, STYLES, clamp, drawMarker, number} from "./figures/core.js";
import {RULES, SURFACES, VIEWS, run} from "./optimizer-rules.js";

// By the names that rules use; ε only where the author sets it, as each rule has its own.
const SLIDERS = {
  alpha: {label: "learning rate α", min: 1e-4, max: 3.2, log: true},
  mu: {label: "momentum μ", min: 0, max: 0.99, step: 0.01},
  gamma: {label: "decay γ", min: 0.5, max: 0.999, step: 0.001},
  gamma1: {label: "decay γ₁", min: 0, max: 0.99, step: 0.01},
  gamma2: {label: "decay γ₂", min: 0.5, max: 0.999, step: 0.001},
  eps: {label: "ε", min: 1e-10, max: 10, log: true},
  minus: {label: "η⁻ after a change of sign", min: 0.1, max: 1, step: 0.01},
  plus: {label: "η⁺ while the sign stays", min: 1, max: 2, step: 0.01},
  norm: {label: "longest gradient c", min: 0.01, max: 1000, log: true},
  damping: {label: "damping λ", min: 0, max: 50, step: 0.1},
  decay: {label: "weight decay λ", min: 0, max: 5, step: 0.01},
  noise: {label: "gradient noise σ", min: 0, max: 50},
};
const SWITCHES = {correct: "corrected means", warm: "r starts at g²"};

const uses = (key, m) => RULES[m].uses.includes(key);

class OptimizerFigure extends Figure {
  build() {
    const given = this.settings, {methods} = given;
    const used = (key, some = methods) => some.some((m) => uses(key, m));
    const still = this.figure.querySelector("img");
    this.readout.hidden = true; // the legend shows it
    this.plot = this.addPlot({label: still?.alt || "Paths of optimizers on a loss surface", aspect: 4 / 3, inside: true,
      x: {label: "θ₁"}, y: {label: "θ₂"}, onpick: (point) => this.moveTo(point)});
    this.plot.handle({label: "Start point. Arrow keys move it, with Shift in large steps.",
      get: () => this.start, set: (point) => this.moveTo(point),
      step: () => (this.plot.x.max - this.plot.x.min) / (this.plot.box.right < 500 ? 100 : 200)}); // some pixels wide
    this.transport({steps: given.steps, most: 2000});
    const legend = this.legend(methods.map((m) => ({label: STYLES[m].label, style: STYLES[m], box: true})),
      "Optimizers, and the loss at step t");
    this.entries = Object.fromEntries(methods.map((m, i) => [m, legend[i]]));
    methods.forEach((m, i) => legend[i].set(legend[i].initial = given.shown.includes(m)));

    this.hyper = {};
    this.rates = {};
    const own = Object.keys(given.rates), shared = methods.filter((m) => !own.includes(m));
    for (const [key, options] of Object.entries(SLIDERS)) {
      if (used(key, key === "alpha" ? shared : methods) && given[key] !== null) {
        const rprop = key === "alpha" && shared.every((m) => m === "rprop" || !uses(key, m));
        this.hyper[key] = this.slider({...options, value: given[key], ...(rprop && {label: "first step Δ₀"})});
      }
      if (key === "alpha") for (const m of own)
        this.rates[m] = this.slider({...options, label: `${m === "rprop" ? "Δ₀" : "α"} of ${STYLES[m].label}`, value: given.rates[m]});
    }
    for (const [key, label] of Object.entries(SWITCHES)) if (used(key)) this.hyper[key] = this.checkbox({label, value: given[key]});
    this.row("lf-setting");
    this.surface = this.select({label: "surface", value: given.surface,
      options: Object.fromEntries(Object.entries(VIEWS).map(([key, v]) => [key, `${v.label}: ${v.formula}`]))});
    this.surface.take = (name) => { this.choose(name); this.changed(); };
    this.axes = [0, 1].map((i) => this.numberField({label: `start θ${"₁₂"[i]}`, step: 0.1, value: given.start[i]}));
    this.choose(given.surface);
  }

  get shown() { return this.settings.methods.filter((m) => this.entries[m].shown); }

  get start() { return this.axes.map((axis) => axis.value); }

  /** Go to a surface: its own start, rate and noise, or the author's on the author's surface. */
  choose(name) {
    const view = VIEWS[name], own = name === this.settings.surface ? this.settings : view;
    this.surface.set(name);
    this.axes.forEach((axis, i) => axis.set(own.start[i]));
    const {alpha, noise} = this.hyper;
    alpha?.set(own.alpha);
    if (noise) {
      noise.input.max = 4 * own.noise || view.noise;
      noise.input.step = noise.input.max / 100;
      noise.set(own.noise);
    }
  }

  moveTo(point) { this.axes.forEach((axis, i) => axis.set(Number(point[i].toFixed(3)))); }

  compute() {
    const name = this.surface.value, [x0, x1, y0, y1] = VIEWS[name].window, {plot, settings} = this;
    Object.assign(plot.x, {min: x0, max: x1});
    Object.assign(plot.y, {min: y0, max: y1});
    [[x0, x1], [y0, y1]].forEach((ends, i) => { this.axes[i].value = clamp(this.axes[i].value, ...ends); });
    for (const [key, {node}] of Object.entries({...this.hyper, ...this.rates})) // what none that is shown uses is hidden
      node.style.display = this.shown.some((m) => m === key || uses(key, m)) ? "" : "none";
    const shared = Object.fromEntries(Object.entries(this.hyper).map(([key, control]) => [key, control.value]));
    this.runs = Object.fromEntries(settings.methods.map((m) => [m, run(m, name, this.start,
      {...shared, alpha: this.rates[m]?.value ?? shared.alpha}, this.total, settings.seed)]));
  }

  // While one tries things, what lies after step t shows faintly.
  changed() { this.faint = true; super.changed(); }
  advance() { this.faint = false; super.advance(); }
  animate() { this.faint = false; super.animate(); }

  reset() {
    this.choose(this.settings.surface);
    super.reset();
    this.faint = false;
    this.paint();
  }

  /** What a method's loss is at step t, in words. */
  report(method) {
    const {states, diverged} = this.runs[method];
    if (diverged !== null && this.at >= diverged) return `diverged at step ${diverged}`;
    return number(SURFACES[this.surface.value].f(...states[this.at].theta));
  }

  describe() {
    const losses = this.shown.map((m) => {
      const text = this.report(m);
      return `${STYLES[m].label} ${text.startsWith("diverged") ? text : `loss ${text}`}`;
    });
    return `Step ${this.at}: ${losses.join("; ") || "no optimizer shown"}.`;
  }

  draw() {
    const {plot, shown, settings: {methods}} = this, name = this.surface.value, {lowest, power, minima} = VIEWS[name], {f} = SURFACES[name];
    plot.surface((x, y) => Math.max(f(x, y) - lowest, 0) ** power, {key: name});
    for (const [x, y] of minima.map(([a, b]) => [plot.px(a), plot.py(b)])) {
      plot.stroke([[x - 4, y], [x + 4, y]], "text", 1.5);
      plot.stroke([[x, y - 4], [x, y + 4]], "text", 1.5);
    }
    for (const m of shown) this.drawPath(m);
    for (const m of shown) this.drawHead(m);
    for (const m of methods) {
      const text = this.report(m);
      this.entries[m].text(text);
      this.entries[m].words.classList.toggle("lf-alert", text.startsWith("diverged"));
    }
  }

  drawPath(method) {
    const {plot, at} = this, style = STYLES[method], path = this.runs[method].states.map((s) => s.theta);
    plot.line(path.slice(0, at + 1), style, {width: 2.25, halo: true});
    if (this.faint) plot.line(path.slice(at), style, {width: 1.25, alpha: 0.45});
    let last = [1e9, 0];
    const dots = path.slice(1, at + 1).filter((point) => { // dots must not bury the dashes
      const [x, y] = [plot.px(point[0]), plot.py(point[1])], far = Math.hypot(x - last[0], y - last[1]) > 9;
      if (far) last = [x, y];
      return far;
    });
    plot.points(dots, style, {size: 2, marker: "circle"});
  }

  /** The marker at step t; at the border, a cross for a run that diverged, the marker for one outside. */
  drawHead(method) {
    const {plot, at} = this, {states, diverged} = this.runs[method], style = STYLES[method], {right, bottom} = plot.box;
    const [a, b] = states[Math.min(at, states.length - 1)].theta, px = plot.px(a), py = plot.py(b);
    const mx = right / 2, my = bottom / 2, edge = 12;
    const shrink = Math.min(1, (mx - edge) / Math.abs(px - mx || 1e-9), (my - edge) / Math.abs(py - my || 1e-9));
    const x = mx + shrink * (px - mx), y = my + shrink * (py - my);
    if (diverged !== null && at >= diverged) {
      for (const [ink, width] of [["halo", 7], [style, 3]]) for (const s of [6, -6])
        plot.stroke([[x - 6, y - s], [x + 6, y + s]], ink, width, {dash: []});
      return;
    }
    plot.fill((c) => drawMarker(c, style.marker, x, y, 8), "halo");
    plot.fill((c) => drawMarker(c, style.marker, x, y, 6), style);
  }
}

for (const mount of document.querySelectorAll("[data-optimizer-figure]"))
  new OptimizerFigure(mount.closest("figure"), JSON.parse(mount.dataset.optimizerFigure), mount);
