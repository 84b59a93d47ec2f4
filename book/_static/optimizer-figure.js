// The interactive figure: optimizers as paths on a loss surface.
//
// Every element with data-optimizer-figure='{"surface": ..., "methods": [...], ...}' inside a
// <figure> becomes one. The picture already in the figure stays for print and where no script runs.
import {RULES, STYLES, SURFACES, VIEWS, run} from "./optimizer-rules.js";

const BANDS = 14;
const MOST_STEPS = 2000;
const THEMES = {
  light: {low: [203, 216, 227], high: [249, 251, 252], line: [150, 168, 184], halo: "#ffffffd0",
    text: "#33414d", frame: "#9aa9b6"},
  dark: {low: [17, 24, 32], high: [52, 65, 77], line: [92, 110, 126], halo: "#0c1218d0",
    text: "#c9d4dd", frame: "#5c6e7e"},
};
const SLIDERS = {
  alpha: {label: "learning rate α", min: -4, max: 0.5, step: 0.01, log: true},
  mu: {label: "momentum μ", min: 0, max: 0.99, step: 0.01},
  gamma: {label: "decay γ", min: 0.5, max: 0.999, step: 0.001},
  gamma1: {label: "decay γ₁", min: 0, max: 0.99, step: 0.01},
  gamma2: {label: "decay γ₂", min: 0.5, max: 0.999, step: 0.001},
  noise: {label: "gradient noise σ", min: 0, max: 50, step: 0.01},
};

const clamp = (z, low, high) => Math.min(high, Math.max(low, z));
const minus = (text) => text.replace("-", "−");
let figures = 0;

function number(z) {
  if (z === 0) return "0";
  const size = Math.abs(z);
  const text = size < 1e-3 || size >= 1e5 ? z.toExponential(1) : z.toPrecision(3);
  return text.replace("e+", "e").replaceAll("-", "−");
}

/** Make an element: attributes, on* listeners, children (nodes or text). */
function el(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value !== false && value != null) node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children);
  return node;
}

function isDark() {
  const {theme} = document.documentElement.dataset;
  if (theme === "dark" || theme === "light") return theme === "dark";
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

/** Corner points of a marker of radius r about the origin; null for a circle. */
function corners(marker, r) {
  const ring = (n, turn, inner = 1) => Array.from({length: inner < 1 ? 2 * n : n}, (_, i) => {
    const a = turn + (2 * Math.PI * i) / (inner < 1 ? 2 * n : n), d = i % 2 && inner < 1 ? r * inner : r;
    return [d * Math.cos(a), d * Math.sin(a)];
  });
  const up = -Math.PI / 2;
  switch (marker) {
    case "square": return ring(4, Math.PI / 4);
    case "diamond": return ring(4, 0);
    case "triangle": return ring(3, up);
    case "down": return ring(3, -up);
    case "left": return ring(3, Math.PI);
    case "right": return ring(3, 0);
    case "pentagon": return ring(5, up);
    case "hexagon": return ring(6, 0);
    case "star": return ring(5, up, 0.45);
    case "plus": return ring(4, 0, 0.35);
    default: return null;
  }
}

function drawMarker(c, marker, x, y, r) {
  const points = corners(marker, r * 1.15);
  c.beginPath();
  if (points) points.forEach(([a, b]) => c.lineTo(x + a, y + b));
  else c.arc(x, y, r, 0, 2 * Math.PI);
  c.closePath();
}

/** Filled bands with smooth edges, one value per device pixel. */
function paintSurface(name, width, height, theme) {
  const {f} = SURFACES[name], {window: [x0, x1, y0, y1], lowest, power} = VIEWS[name];
  const height1 = (v) => Math.max(v - lowest, 0) ** power;
  const values = new Float32Array(width * height);
  let top = 0;
  for (let j = 0; j < height; j++) {
    const y = y1 - ((j + 0.5) / height) * (y1 - y0);
    for (let i = 0; i < width; i++) {
      const u = height1(f(x0 + ((i + 0.5) / width) * (x1 - x0), y));
      values[j * width + i] = u;
      if (u > top) top = u;
    }
  }
  const image = new ImageData(width, height), {low, high, line} = theme;
  for (let j = 0; j < height; j++) {
    for (let i = 0; i < width; i++) {
      const k = j * width + i, u = (values[k] / top) * BANDS;
      const right = values[i + 1 < width ? k + 1 : k - 1], below = values[j + 1 < height ? k + width : k - width];
      const slope = (Math.hypot(right - values[k], below - values[k]) / top) * BANDS || 1e-9;
      const edge = Math.round(u), d = (u - edge) / slope; // signed distance to the band's edge in pixels
      const band = edge - 1 + clamp(d + 0.5, 0, 1);
      const s = clamp(band / (BANDS - 1), 0, 1);
      const ink = edge > 0 ? 0.55 * clamp(1.1 - Math.abs(d), 0, 1) : 0;
      for (let n = 0; n < 3; n++) {
        const fill = low[n] + s * (high[n] - low[n]);
        image.data[4 * k + n] = fill + ink * (line[n] - fill);
      }
      image.data[4 * k + 3] = 255;
    }
  }
  return image;
}

class OptimizerFigure {
  constructor(mount) {
    this.mount = mount;
    this.id = `optfig-${++figures}`;
    const given = JSON.parse(mount.dataset.optimizerFigure);
    this.given = given;
    this.methods = given.methods;
    this.shown = Object.fromEntries(this.methods.map((m) => [m, true]));
    this.timer = null;
    this.announced = null;
    this.build();
    this.restore();
    this.at = this.total; // the reader first sees what the static picture shows: the whole paths
    this.refresh();
    mount.closest("figure").classList.add("optfig-live");
    this.watch();
  }

  // ---- settings -------------------------------------------------------------------------------

  /** The author's settings, as on loading the page. */
  restore() {
    const {given} = this;
    this.total = given.steps;
    this.settings = {mu: given.mu, gamma: given.gamma, gamma1: given.gamma1, gamma2: given.gamma2};
    this.choose(given.surface);
  }

  /** Go to a surface: its own start, rate and noise, or the author's on the author's surface. */
  choose(surface) {
    const view = VIEWS[surface], own = surface === this.given.surface ? this.given : {};
    this.surface = surface;
    this.start = [...(own.start ?? view.start)];
    this.settings.alpha = own.alpha ?? view.alpha;
    this.settings.noise = own.noise ?? view.noise;
    this.rates = {...this.given.rates};
    const noise = this.sliders.find((s) => s.key === "noise");
    if (noise) {
      noise.input.max = 4 * this.settings.noise || view.noise;
      noise.input.step = noise.input.max / 100;
    }
    this.picture = null;
    this.show();
  }

  /** Write the settings into the controls. */
  show() {
    this.select.value = this.surface;
    for (const s of this.sliders) {
      const value = s.method ? this.rates[s.method] : this.settings[s.key];
      s.input.value = SLIDERS[s.key].log ? Math.log10(value) : value;
      s.show(value);
    }
    const [x0, x1, y0, y1] = VIEWS[this.surface].window;
    this.coordinates.forEach((input, i) => {
      Object.assign(input, {min: i ? y0 : x0, max: i ? y1 : x1, step: 0.1});
      if (document.activeElement !== input) input.value = Number(this.start[i].toFixed(3));
    });
    for (const m of this.methods) this.legend[m].box.checked = this.shown[m];
  }

  /** Hyperparameters of one method. */
  hyper(method) {
    const alpha = this.rates[method] ?? this.settings.alpha;
    return {...this.settings, alpha};
  }

  // ---- page elements --------------------------------------------------------------------------

  build() {
    const {id} = this;
    const still = this.mount.closest("figure").querySelector("img");
    this.canvas = el("canvas", {role: "img", "aria-label": still?.alt || "Paths of optimizers on a loss surface"});
    this.handle = el("div", {class: "optfig-handle", role: "slider", tabindex: "0",
      "aria-label": "Start point. Arrow keys move it, with Shift in large steps.",
      "aria-orientation": "horizontal"});
    this.stage = el("div", {class: "optfig-stage"}, this.canvas, this.handle);

    const button = (text, action) => el("button", {type: "button", class: "optfig-button", onclick: action}, text);
    this.play = button("Play", () => (this.timer ? this.pause() : this.animate()));
    this.play.classList.add("optfig-primary");
    const step = button("Step", () => { this.pause(); this.advance(); this.say(); });
    const reset = button("Reset", () => {
      this.pause();
      for (const m of this.methods) this.shown[m] = true;
      this.restore();
      this.at = 0;
      this.changed(false);
    });
    this.clock = el("input", {type: "range", id: `${id}-t`, min: 0, step: 1, oninput: () => {
      this.pause();
      this.at = Number(this.clock.value);
      this.draw();
      this.say();
    }});
    this.clockText = el("output", {for: `${id}-t`});
    const transport = el("div", {class: "optfig-transport"}, this.play, step, reset,
      el("div", {class: "optfig-slider optfig-clock"},
        el("label", {for: `${id}-t`}, "step t"), this.clockText, this.clock));

    this.sliders = this.wanted().map((s) => this.slider(s));
    this.legend = {};
    const legend = el("fieldset", {class: "optfig-legend"},
      el("legend", {}, "Optimizers, and the loss at step t"), ...this.methods.map((m) => this.entry(m)));

    this.select = el("select", {id: `${id}-surface`, onchange: () => {
      this.pause();
      this.choose(this.select.value);
      this.changed();
    }}, ...Object.entries(VIEWS).map(([key, v]) => el("option", {value: key}, `${v.label}: ${v.formula}`)));
    this.coordinates = [0, 1].map((i) => el("input", {type: "number", id: `${id}-${i}`, oninput: (event) => {
      const z = event.target.valueAsNumber;
      if (Number.isFinite(z)) this.moveTo(i ? [this.start[0], z] : [z, this.start[1]]);
    }, onblur: () => this.show()}));
    const setting = el("div", {class: "optfig-setting"},
      el("div", {class: "optfig-field optfig-wide"}, el("label", {for: `${id}-surface`}, "surface"), this.select),
      ...this.coordinates.map((input, i) => el("div", {class: "optfig-field"},
        el("label", {for: input.id}, `start θ${"₁₂"[i]}`), input)));

    this.status = el("p", {class: "optfig-status", role: "status", "aria-live": "polite"});
    this.mount.append(this.stage, transport, legend,
      el("div", {class: "optfig-sliders"}, ...this.sliders.map((s) => s.node)), setting, this.status);
    this.listen();
  }

  /** Which sliders these methods need: one shared rate, one for each method with a rate of its own. */
  wanted() {
    const uses = (key) => this.methods.filter((m) => RULES[m].hyper.includes(key));
    const own = Object.keys(this.given.rates);
    const list = Object.keys(SLIDERS).filter((key) => uses(key).some((m) => key !== "alpha" || !own.includes(m)))
      .map((key) => ({key, label: SLIDERS[key].label}));
    const at = list.findIndex((s) => s.key === "alpha") + 1;
    list.splice(at, 0, ...own.map((m) => ({key: "alpha", method: m, label: `α of ${STYLES[m].label}`})));
    return list;
  }

  slider({key, method, label}) {
    const spec = SLIDERS[key], id = `${this.id}-${key}${method ?? ""}`;
    const output = el("output", {for: id});
    const input = el("input", {type: "range", id, min: spec.min, max: spec.max, step: spec.step, oninput: () => {
      const raw = Number(input.value), value = spec.log ? Number((10 ** raw).toPrecision(3)) : raw;
      if (method) this.rates[method] = value;
      else this.settings[key] = value;
      show(value);
      this.changed();
    }});
    const show = (value) => {
      output.value = String(Number(value.toPrecision(3)));
      input.setAttribute("aria-valuetext", output.value);
    };
    return {key, method, input, show,
      node: el("div", {class: "optfig-slider"}, el("label", {for: id}, label), output, input)};
  }

  entry(method) {
    const box = el("input", {type: "checkbox", onchange: () => {
      this.shown[method] = box.checked;
      this.changed();
    }});
    const swatch = el("canvas", {class: "optfig-swatch", "aria-hidden": "true"});
    const loss = el("span", {class: "optfig-loss"});
    this.legend[method] = {box, swatch, loss};
    return el("label", {class: "optfig-entry"}, box, swatch,
      el("span", {class: "optfig-name"}, STYLES[method].label), loss);
  }

  // ---- pointer and keyboard -------------------------------------------------------------------

  listen() {
    const point = (event) => {
      const box = this.canvas.getBoundingClientRect(), [x0, x1, y0, y1] = VIEWS[this.surface].window;
      return [x0 + ((event.clientX - box.left) / box.width) * (x1 - x0),
        y1 - ((event.clientY - box.top) / box.height) * (y1 - y0)];
    };
    let held = false;
    this.handle.addEventListener("pointerdown", (event) => {
      held = true;
      this.handle.setPointerCapture(event.pointerId);
    });
    this.handle.addEventListener("pointermove", (event) => held && this.moveTo(point(event)));
    for (const name of ["pointerup", "pointercancel"]) this.handle.addEventListener(name, () => (held = false));
    // A click or tap elsewhere puts the start there; a finger that scrolls the page does not.
    this.canvas.addEventListener("click", (event) => this.moveTo(point(event)));
    this.handle.addEventListener("keydown", (event) => {
      const move = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1]}[event.key];
      if (!move || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      const [x0, x1] = VIEWS[this.surface].window, by = (x1 - x0) / (event.shiftKey ? 20 : 100);
      this.moveTo(this.start.map((z, i) => z + by * move[i]));
    });
  }

  moveTo([x, y]) {
    const [x0, x1, y0, y1] = VIEWS[this.surface].window;
    this.start = [clamp(x, x0, x1), clamp(y, y0, y1)].map((z) => Number(z.toFixed(3)));
    this.changed();
  }

  /** Follow the width of the column and the theme of the page. */
  watch() {
    let width = 0;
    new ResizeObserver(() => {
      if (this.stage.clientWidth !== width) {
        width = this.stage.clientWidth;
        this.picture = null;
        this.draw();
      }
    }).observe(this.stage);
    const repaint = () => { this.picture = null; this.draw(); };
    new MutationObserver(repaint).observe(document.documentElement,
      {attributes: true, attributeFilter: ["data-theme", "data-mode"]});
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
  }

  // ---- time -----------------------------------------------------------------------------------

  animate() {
    if (this.at >= this.total) this.at = 0;
    this.preview = false;
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) {
      this.at = this.total;
      this.draw();
      this.say();
      return;
    }
    const perSecond = Math.max(12, this.total / 8);
    let before = null, exact = this.at;
    const frame = (now) => {
      exact += before === null ? 0 : ((now - before) / 1000) * perSecond;
      before = now;
      this.at = Math.min(this.total, Math.floor(exact));
      this.draw();
      if (this.at < this.total) this.timer = requestAnimationFrame(frame);
      else { this.pause(); this.say(); }
    };
    this.timer = requestAnimationFrame(frame);
    this.play.textContent = "Pause";
  }

  pause() {
    if (this.timer) cancelAnimationFrame(this.timer);
    this.timer = null;
    this.play.textContent = "Play";
  }

  /** One step more; past the end the run grows by one. */
  advance() {
    this.preview = false;
    this.at = Math.min(this.at + 1, MOST_STEPS);
    if (this.at > this.total) {
      this.total = this.at;
      this.refresh();
    } else this.draw();
  }

  // ---- picture --------------------------------------------------------------------------------

  /** A setting changed: run again; what lies after step t shows faintly while one tries things. */
  changed(preview = true) {
    this.preview = preview;
    this.at = Math.min(this.at, this.total);
    this.show();
    this.refresh();
    this.say();
  }

  refresh() {
    this.runs = Object.fromEntries(this.methods.map((m) =>
      [m, run(m, this.surface, this.start, this.hyper(m), this.total, this.given.seed)]));
    this.draw();
  }

  /** What a method's loss is at step t, in words. */
  report(method) {
    const {states, diverged} = this.runs[method];
    if (diverged !== null && this.at >= diverged) return `diverged at step ${diverged}`;
    return number(SURFACES[this.surface].f(...states[this.at].theta));
  }

  draw() {
    const width = this.stage.clientWidth, height = this.stage.clientHeight;
    if (!width) return;
    const ratio = Math.min(window.devicePixelRatio || 1, 2), theme = THEMES[isDark() ? "dark" : "light"];
    if (!this.picture || this.ratio !== ratio) {
      this.canvas.width = Math.round(width * ratio);
      this.canvas.height = Math.round(height * ratio);
      this.ratio = ratio;
      this.picture = document.createElement("canvas");
      this.picture.width = this.canvas.width;
      this.picture.height = this.canvas.height;
      this.picture.getContext("2d").putImageData(
        paintSurface(this.surface, this.canvas.width, this.canvas.height, theme), 0, 0);
      for (const m of this.methods) this.drawSwatch(m, ratio);
    }
    const c = this.canvas.getContext("2d"), [x0, x1, y0, y1] = VIEWS[this.surface].window;
    c.setTransform(1, 0, 0, 1, 0, 0);
    c.drawImage(this.picture, 0, 0);
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    const at = ([x, y]) => [((x - x0) / (x1 - x0)) * width, ((y1 - y) / (y1 - y0)) * height];
    this.drawAxes(c, theme, width, height, at);
    for (const [x, y] of VIEWS[this.surface].minima.map(at)) {
      c.strokeStyle = theme.text;
      c.lineWidth = 1.5;
      c.beginPath();
      c.moveTo(x - 4, y); c.lineTo(x + 4, y); c.moveTo(x, y - 4); c.lineTo(x, y + 4);
      c.stroke();
    }
    const visible = this.methods.filter((m) => this.shown[m]);
    for (const m of visible) this.drawPath(c, m, at, theme, width, height);
    for (const m of visible) this.drawHead(c, m, at, theme, width, height);

    const [hx, hy] = at(this.start);
    this.handle.style.transform = `translate(${hx}px, ${hy}px)`;
    this.handle.setAttribute("aria-valuemin", x0);
    this.handle.setAttribute("aria-valuemax", x1);
    this.handle.setAttribute("aria-valuenow", this.start[0]);
    this.handle.setAttribute("aria-valuetext", minus(`θ₁ ${this.start[0].toFixed(2)}, `)
      + minus(`θ₂ ${this.start[1].toFixed(2)}`));
    this.clock.max = this.total;
    this.clock.value = this.at;
    this.clockText.value = `${this.at} of ${this.total}`;
    for (const m of this.methods) {
      const {loss} = this.legend[m], text = this.report(m);
      loss.textContent = text;
      loss.classList.toggle("optfig-diverged", text.startsWith("diverged"));
    }
  }

  drawAxes(c, theme, width, height, at) {
    const [x0, x1, y0, y1] = VIEWS[this.surface].window, gap = x1 - x0 > 6 ? 2 : 1;
    c.font = "12px system-ui, sans-serif";
    c.lineWidth = 1;
    const mark = (text, x, y, align, base) => {
      c.textAlign = align;
      c.textBaseline = base;
      c.strokeStyle = theme.halo;
      c.lineWidth = 3;
      c.lineJoin = "round";
      c.strokeText(text, x, y);
      c.fillStyle = theme.text;
      c.fillText(text, x, y);
    };
    const tick = (a, b, d, e) => {
      c.strokeStyle = theme.frame;
      c.lineWidth = 1;
      c.beginPath();
      c.moveTo(a, b);
      c.lineTo(d, e);
      c.stroke();
    };
    for (let z = Math.ceil(x0 / gap) * gap; z < x1; z += gap) {
      const [x] = at([z, 0]);
      if (x < 26 || x > width - 26) continue;
      tick(x, height, x, height - 5);
      mark(minus(String(z)), x, height - 7, "center", "bottom");
    }
    for (let z = Math.ceil(y0 / gap) * gap; z < y1; z += gap) {
      const [, y] = at([0, z]);
      if (y < 26 || y > height - 26) continue;
      tick(0, y, 5, y);
      mark(minus(String(z)), 8, y, "left", "middle");
    }
    mark("θ₁", width - 8, height - 7, "right", "bottom");
    mark("θ₂", 8, 8, "left", "top");
  }

  drawPath(c, method, at, theme, width, height) {
    const {states} = this.runs[method], look = STYLES[method], most = 20 * Math.max(width, height);
    const trace = (from, to, dots) => {
      let last = null;
      c.beginPath();
      for (let t = from; t <= Math.min(to, states.length - 1); t++) {
        const [x, y] = at(states[t].theta).map((z) => clamp(z, -most, most));
        if (!dots) c.lineTo(x, y);
        else if (t === from || Math.hypot(x - last[0], y - last[1]) > 9) { // dots must not bury the dashes
          last = [x, y];
          c.moveTo(x + 2, y);
          c.arc(x, y, 2, 0, 2 * Math.PI);
        }
      }
    };
    c.lineJoin = c.lineCap = "round";
    c.strokeStyle = theme.halo;
    c.lineWidth = 4.5;
    trace(0, this.at);
    c.stroke();
    c.strokeStyle = c.fillStyle = look[isDark() ? "dark" : "light"];
    c.lineCap = "butt";
    c.setLineDash(look.dash);
    if (this.preview && this.at < this.total) {
      c.globalAlpha = 0.45;
      c.lineWidth = 1.25;
      trace(this.at, this.total);
      c.stroke();
      c.globalAlpha = 1;
    }
    c.lineWidth = 2.25;
    trace(0, this.at);
    c.stroke();
    c.setLineDash([]);
    trace(1, this.at, true);
    c.fill();
  }

  /** The marker at step t; at the border, a cross for a run that diverged, the marker for one outside. */
  drawHead(c, method, at, theme, width, height) {
    const {states, diverged} = this.runs[method], look = STYLES[method];
    const gone = diverged !== null && this.at >= diverged;
    const [px, py] = at(states[Math.min(this.at, states.length - 1)].theta);
    const edge = 12, mx = width / 2, my = height / 2;
    const shrink = Math.min(1, (mx - edge) / Math.abs(px - mx || 1e-9), (my - edge) / Math.abs(py - my || 1e-9));
    const x = mx + shrink * (px - mx), y = my + shrink * (py - my);
    c.lineJoin = "round";
    if (gone) {
      for (const [colour, w] of [[theme.halo, 7], [look[isDark() ? "dark" : "light"], 3]]) {
        c.strokeStyle = colour;
        c.lineWidth = w;
        c.beginPath();
        c.moveTo(x - 6, y - 6); c.lineTo(x + 6, y + 6); c.moveTo(x + 6, y - 6); c.lineTo(x - 6, y + 6);
        c.stroke();
      }
      return;
    }
    drawMarker(c, look.marker, x, y, 6);
    c.strokeStyle = theme.halo;
    c.lineWidth = 4;
    c.stroke();
    c.fillStyle = look[isDark() ? "dark" : "light"];
    c.fill();
  }

  drawSwatch(method, ratio) {
    const {swatch} = this.legend[method], look = STYLES[method], width = 48, height = 18;
    swatch.width = width * ratio;
    swatch.height = height * ratio;
    const c = swatch.getContext("2d");
    c.scale(ratio, ratio);
    c.strokeStyle = c.fillStyle = look[isDark() ? "dark" : "light"];
    c.lineWidth = 2.25;
    c.setLineDash(look.dash);
    c.beginPath();
    c.moveTo(0, height / 2);
    c.lineTo(width - 8, height / 2);
    c.stroke();
    drawMarker(c, look.marker, width - 8, height / 2, 6);
    c.fill();
  }

  // ---- words ----------------------------------------------------------------------------------

  /** Tell a screen reader where things stand, once things have been still for a moment. */
  say() {
    clearTimeout(this.announced);
    this.announced = setTimeout(() => {
      const losses = this.methods.filter((m) => this.shown[m]).map((m) => {
        const text = this.report(m);
        return `${STYLES[m].label} ${text.startsWith("diverged") ? text : `loss ${text}`}`;
      });
      this.status.textContent = `Step ${this.at}: ${losses.join("; ") || "no optimizer shown"}.`;
    }, 500);
  }
}

for (const mount of document.querySelectorAll("[data-optimizer-figure]")) new OptimizerFigure(mount);
