// What live figures share: controls, time, handles, theme, plots on a canvas, words.
//
// A figure is one module, figures/NAME.js. The page holds (course_style.live writes it)
//   <figure data-figure="NAME" data-settings="{json}">static panels, figcaption</figure>
// and the module puts the live figure before the caption. A complete example to copy is
// tests/site/halving.js. build() makes controls and plots once, in the order of the page. After each
// change of a control come compute(), draw() and describe(); at each step in time only draw() and
// describe(), whose text is shown and announced. Call changed() after changes from elsewhere.
// Colours of the page come from the theme, in core.css; those of curves and contours are here.
// A style is an entry of STYLES (methods) or SERIES, or the name of a colour in THEMES.
import {SERIES, STYLES} from "./styles.js";

export {SERIES, STYLES};
export const THEMES = {
  light: {low: [203, 216, 227], high: [249, 251, 252], line: [150, 168, 184], halo: "#ffffffd0",
    text: "#33414d", muted: "#5b6873", frame: "#9aa9b6", grid: "#80808038"},
  dark: {low: [17, 24, 32], high: [52, 65, 77], line: [92, 110, 126], halo: "#0c1218d0",
    text: "#c9d4dd", muted: "#9aa9b6", frame: "#5c6e7e", grid: "#80808048"},
};
const FONT = "12px system-ui, sans-serif";
let figures = 0;

export const clamp = (z, low, high) => Math.min(high, Math.max(low, z));
export const range = (n, f = (i) => i) => Array.from({length: n}, (_, i) => f(i));
const raised = (n) => String(n).replace(/./g, (c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c]));

/** A number for people: 0.0620, 1,310, −3.1 × 10⁻⁷; trim drops zeros at the end. */
export function number(z, digits = 3, trim = false) {
  if (Number.isNaN(z)) return "not a number";
  if (z === 0) return "0";
  const sign = z < 0 ? "−" : "";
  if (!Number.isFinite(z)) return `${sign}∞`;
  const [factor, e] = Math.abs(z).toExponential(digits - 1).split("e"), power = Number(e), places = Math.max(0, digits - 1 - power);
  if (power < -3 || power > 4)
    return `${sign}${trim && Number(factor) === 1 ? "" : `${trim ? Number(factor) : factor} × `}10${raised(power)}`;
  return sign + Number(factor + "e" + e).toLocaleString("en-US",
    {maximumFractionDigits: places, minimumFractionDigits: trim ? 0 : places});
}

/** {uniform, normal}: numbers in [0, 1) and standard normal ones, the same for a seed everywhere. */
export function seeded(seed) {
  let a = seed >>> 0;
  const uniform = () => { // mulberry32
    a = (a + 0x6d2b79f5) >>> 0;
    let z = Math.imul(a ^ (a >>> 15), 1 | a);
    z = (z + Math.imul(z ^ (z >>> 7), 61 | z)) ^ z;
    return ((z ^ (z >>> 14)) >>> 0) / 4294967296;
  };
  return {uniform,
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform())};
}

/** Make an element: attributes, on* listeners, children (nodes or text). */
export function el(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value !== false && value != null) node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children);
  return node;
}

export function isDark() {
  const {theme} = document.documentElement.dataset;
  if (theme === "dark" || theme === "light") return theme === "dark";
  return matchMedia("(prefers-color-scheme: dark)").matches;
}
export const colours = () => THEMES[isDark() ? "dark" : "light"];
const ink = (style) => (typeof style === "string" ? colours()[style] ?? style : style[isDark() ? "dark" : "light"]);
const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

// [corners, turn, inner radius of a star]
const MARKERS = {square: [4, 0.25], diamond: [4, 0], triangle: [3, -0.5], down: [3, 0.5], left: [3, 1], right: [3, 0],
  pentagon: [5, -0.5], hexagon: [6, 0], octagon: [8, 0.125], star: [5, -0.5, 0.45], plus: [4, 0, 0.35],
  cross: [4, 0.25, 0.35], star4: [4, -0.5, 0.5], star6: [6, -0.5, 0.6], thin: [4, 0]};

/** The outline of a marker as a path on a canvas. */
export function drawMarker(c, marker, x, y, r) {
  c.beginPath();
  if (!MARKERS[marker]) c.arc(x, y, r, 0, 2 * Math.PI);
  else {
    const [n, turn, inner] = MARKERS[marker], m = inner ? 2 * n : n;
    for (let i = 0; i < m; i++) {
      const a = Math.PI * (turn + (2 * i) / m), d = 1.15 * r * (i % 2 && inner ? inner : 1);
      c.lineTo(x + d * Math.cos(a) * (marker === "thin" ? 0.55 : 1), y + d * Math.sin(a));
    }
  }
  c.closePath();
}

/** Set a canvas to its size on the screen; its context, cleared, counts in CSS pixels. */
function fit(canvas, w, h) {
  const ratio = Math.min(window.devicePixelRatio || 1, 2), size = {width: Math.round(w * ratio), height: Math.round(h * ratio)};
  const c = canvas.getContext("2d");
  if (canvas.width !== size.width || canvas.height !== size.height) Object.assign(canvas, size);
  c.setTransform(ratio, 0, 0, ratio, 0, 0);
  c.clearRect(0, 0, w, h);
  return c;
}

/** About so many values of an axis, each with its text. */
function ticks({min, max, log, ticks: list, format = (z) => number(z, 6, true)}, most) {
  const tiny = (max - min) * 1e-9;
  if (!list && log) {
    const span = Math.log10(max / min), low = Math.ceil(Math.log10(min) - 1e-9), parts = span < 1 ? [1, 2, 3, 5] : span < 2 ? [1, 3] : [1];
    const every = Math.ceil(span / most);
    list = range(span + 3, (i) => low + (i - 1) * every).flatMap((e) => parts.map((k) => Number(`${k}e${e}`)));
    if (min < 1e-3 && span >= 2) format = (z) => `10${raised(Math.round(Math.log10(z)))}`;
  } else if (!list) {
    const raw = (max - min) / most, power = 10 ** Math.floor(Math.log10(raw));
    const gap = power * [1, 2, 5, 10].find((k) => k * power >= raw * 0.999), first = Math.ceil(min / gap - 1e-9);
    list = range((max - min) / gap + 2, (i) => (first + i) * gap);
  }
  return list.filter((z) => z >= min - tiny && z <= max + tiny).map((z) => [z, format(z)]);
}

/**
 * A canvas with axes. label: what a screen reader calls it; x, y: {min, max, log, label, ticks,
 * format}, free to change in compute(); aspect: width / height; inside: axes on the picture;
 * onpick: called with [x, y] on a click.
 */
class Plot {
  constructor(figure, {label, x, y, aspect = 1.5, inside = false, onpick}) {
    Object.assign(this, {figure, x, y, inside, handles: []});
    this.canvas = el("canvas", {role: "img", "aria-label": label, style: onpick && "cursor: crosshair",
      onclick: (event) => { if (onpick) { onpick(this.at(event)); figure.changed(); } }});
    this.stage = el("div", {class: "lf-stage", style: `aspect-ratio: ${aspect}`}, this.canvas);
  }

  // Pixels of a value, and back
  px(z, axis = "x") {
    const {min, max, log} = this[axis], {left, right, top, bottom} = this.box;
    const s = log ? Math.log(Math.max(z, 1e-300) / min) / Math.log(max / min) : (z - min) / (max - min);
    return clamp(axis === "x" ? left + s * (right - left) : bottom - s * (bottom - top), -2e4, 2e4);
  }

  py(z) { return this.px(z, "y"); }

  data(px, py) {
    const {left, right, top, bottom} = this.box;
    const value = ({min, max, log}, s) => (log ? min * (max / min) ** s : min + s * (max - min));
    return [value(this.x, (px - left) / (right - left)), value(this.y, (bottom - py) / (bottom - top))];
  }

  at(event) {
    const box = this.canvas.getBoundingClientRect();
    return this.data(event.clientX - box.left, event.clientY - box.top);
  }

  /** Fit, clear, draw the axes, and clip to the frame; the figure calls it before draw(). */
  begin() {
    const {stage: {clientWidth: w, clientHeight: h}, x, y, inside} = this, c = this.c = fit(this.canvas, w, h);
    this.xs = ticks(x, Math.max(2, w / 64));
    this.ys = ticks(y, Math.max(2, h / 50));
    c.font = FONT;
    const wide = Math.max(0, ...this.ys.map(([, text]) => c.measureText(text).width));
    const {left, right, top, bottom} = this.box = inside ? {left: 0, right: w, top: 0, bottom: h}
      : {left: wide + (y.label ? 28 : 10), right: w - 14, top: 10, bottom: h - (x.label ? 42 : 24)};
    if (!inside) {
      for (const [z] of this.xs) this.stroke([[this.px(z), top], [this.px(z), bottom]], "grid", 1);
      for (const [z] of this.ys) this.stroke([[left, this.py(z)], [right, this.py(z)]], "grid", 1);
      this.axes();
    }
    c.save();
    c.beginPath();
    c.rect(left - 6, top, right - left + 12, bottom - top); // markers at the ends stay whole
    c.clip();
  }

  end() {
    this.c.restore();
    if (this.inside) this.axes();
    for (const place of this.handles) place();
  }

  axes() {
    const {box: {left, right, top, bottom}, x, y, inside, c} = this;
    const room = (z, end) => !inside || (z > 34 && z < end - 26); // the other axis has its label there
    for (const [z, text] of this.xs) {
      const at = this.px(z);
      if (!room(at, right)) continue;
      this.stroke([[at, bottom], [at, bottom + (inside ? -5 : 4)]], "frame", 1);
      this.mark(text, at, bottom + (inside ? -7 : 6), "center", inside ? "bottom" : "top");
    }
    for (const [z, text] of this.ys) {
      const at = this.py(z);
      if (!room(at, bottom)) continue;
      this.stroke([[left, at], [left + (inside ? 5 : -4), at]], "frame", 1);
      this.mark(text, left + (inside ? 8 : -7), at, inside ? "left" : "right", "middle");
    }
    if (inside) {
      this.mark(x.label, right - 8, bottom - 7, "right", "bottom");
      return this.mark(y.label, 8, 8, "left", "top");
    }
    this.stroke([[left, top], [left, bottom], [right, bottom]], "frame", 1);
    this.mark(x.label, (left + right) / 2, bottom + 24, "center", "top");
    c.save();
    c.translate(11, (top + bottom) / 2);
    c.rotate(-Math.PI / 2);
    this.mark(y.label, 0, 0, "center", "middle");
    c.restore();
  }

  // In pixels
  mark(text = "", x, y, align, base, style = "text", font = FONT) {
    const {c} = this;
    Object.assign(c, {font, textAlign: align, textBaseline: base, lineJoin: "round", lineWidth: 3,
      strokeStyle: ink("halo"), fillStyle: ink(style)});
    c.strokeText(text, x, y);
    c.fillText(text, x, y);
  }

  stroke(points, style, width = 2, {dash = style.dash ?? [], alpha = 1} = {}) {
    const {c} = this;
    let pen = "moveTo";
    c.save();
    Object.assign(c, {strokeStyle: ink(style), lineWidth: width, lineJoin: "round", globalAlpha: alpha});
    c.setLineDash(dash);
    c.beginPath();
    for (const [x, y] of points) {
      const there = Number.isFinite(x + y);
      if (there) c[pen](x, y);
      pen = there ? "lineTo" : "moveTo";
    }
    c.stroke();
    c.restore();
  }

  fill(path, style, alpha = 1) {
    this.c.save();
    Object.assign(this.c, {fillStyle: ink(style), globalAlpha: alpha});
    this.c.beginPath();
    path(this.c);
    this.c.fill();
    this.c.restore();
  }

  // In data coordinates: points are [x, y]; what is not finite is a gap.
  pixels(points) { return points.map(([x, y]) => (Number.isFinite(x + y) ? [this.px(x), this.py(y)] : [NaN, NaN])); }

  line(points, style, {width = 2, dash, alpha, halo = false} = {}) {
    const path = this.pixels(points);
    if (halo) this.stroke(path, "halo", width + 2.5);
    this.stroke(path, style, width, {dash, alpha});
  }

  points(points, style, {size = 3.5, marker = style.marker, alpha = 1, halo = false} = {}) {
    for (const [x, y] of this.pixels(points)) {
      if (!Number.isFinite(x)) continue;
      if (halo) this.fill((c) => drawMarker(c, marker, x, y, size + 2), "halo");
      this.fill((c) => drawMarker(c, marker, x, y, size), style, alpha);
    }
  }

  /** Bars from base to y, width in units of x. */
  bars(points, style, {width = 0.8, base = this.y.log ? this.y.min : 0, alpha = 0.75} = {}) {
    for (const [x, y] of points) {
      const [a, b] = [this.px(x - width / 2), this.px(x + width / 2)], top = this.py(y);
      this.fill((c) => c.rect(a, top, b - a, this.py(base) - top), style, alpha);
    }
  }

  /** The area between low and high: points are [x, low, high]. */
  band(points, style, {alpha = 0.2} = {}) {
    const edge = [...points.map(([x, a]) => [x, a]), ...points.map(([x, , b]) => [x, b]).reverse()];
    this.fill((c) => { for (const p of this.pixels(edge)) c.lineTo(...p); }, style, alpha);
  }

  /** A straight line across the plot at x or at y. */
  rule({x, y, label, style = "muted", dash = [4, 4]}) {
    const {left, right, top, bottom} = this.box, flat = x === undefined, at = flat ? this.py(y) : this.px(x), late = at > (left + right) / 2;
    this.stroke(flat ? [[left, at], [right, at]] : [[at, top], [at, bottom]], style, 1.25, {dash});
    if (flat) this.mark(label, right - 4, at - 3, "right", "bottom", style);
    else this.mark(label, at + (late ? -4 : 4), top + 3, late ? "right" : "left", "top", style);
  }

  arrow([x0, y0], [x1, y1], style, {width = 2.5} = {}) {
    const [[a, b], [p, q]] = this.pixels([[x0, y0], [x1, y1]]), length = Math.hypot(p - a, q - b);
    if (!(length > 1)) return;
    const [u, v] = [(p - a) / length, (q - b) / length], head = Math.min(10, length);
    const wing = (s) => [p - head * (u + 0.5 * s * v), q - head * (v - 0.5 * s * u)];
    this.stroke([[a, b], [p - u * head * 0.7, q - v * head * 0.7]], style, width);
    this.fill((c) => { for (const z of [[p, q], wing(1), wing(-1)]) c.lineTo(...z); }, style);
  }

  text(text, [x, y], {align = "center", base = "middle", dx = 0, dy = 0, style = "text", bold = false} = {}) {
    this.mark(text, this.px(x) + dx, this.py(y) + dy, align, base, style, bold ? `600 ${FONT}` : FONT);
  }

  /** Filled contours of f(x, y) ≥ 0, kept until key, size or theme change. */
  surface(f, {key = "", count = 14} = {}) {
    const {left, right, top, bottom} = this.box, {low, high, line} = colours(), ratio = this.canvas.width / this.stage.clientWidth;
    const width = Math.round((right - left) * ratio), height = Math.round((bottom - top) * ratio), now = [key, width, height, isDark()].join();
    if (this.kept?.now !== now) {
      const values = new Float32Array(width * height), image = new ImageData(width, height);
      for (let k = 0; k < values.length; k++)
        values[k] = f(...this.data(left + (k % width + 0.5) / ratio, top + (Math.floor(k / width) + 0.5) / ratio));
      const unit = values.reduce((a, b) => Math.max(a, b)) / count;
      for (let k = 0; k < values.length; k++) {
        const u = values[k] / unit, beside = values[k % width < width - 1 ? k + 1 : k - 1], below = values[k + width] ?? values[k - width];
        const slope = Math.hypot(beside - values[k], below - values[k]) / unit || 1e-9;
        const edge = Math.round(u), d = (u - edge) / slope; // signed distance to the band's edge in pixels
        const s = clamp((edge - 1 + clamp(d + 0.5, 0, 1)) / (count - 1), 0, 1), shade = edge > 0 ? 0.55 * clamp(1.1 - Math.abs(d), 0, 1) : 0;
        for (let n = 0; n < 3; n++) {
          const fill = low[n] + s * (high[n] - low[n]);
          image.data[4 * k + n] = fill + shade * (line[n] - fill);
        }
        image.data[4 * k + 3] = 255;
      }
      this.kept = {now, picture: el("canvas", {width, height})};
      this.kept.picture.getContext("2d").putImageData(image, 0, 0);
    }
    this.c.drawImage(this.kept.picture, left, top, right - left, bottom - top);
  }

  /**
   * A point to drag or to move by arrow keys (Shift: ten times as far), on a grid of width step (a
   * number, [dx, dy] or a function; on a log axis a factor). get() and set(point) are in data
   * coordinates; axis: "x", "y" or "both"; text(point): its value in words.
   */
  handle({label, get, set, step, axis = "both", text}) {
    const both = axis === "both", tall = axis === "y", axes = [this.x, this.y];
    const words = text ?? ((point) => axes.flatMap(({label: name}, i) =>
      (both || tall === (i === 1) ? `${name} ${number(point[i], 3, true)}` : [])).join(", "));
    const snap = (z, i, n = 0) => {
      const {min, max, log} = axes[i], given = typeof step === "function" ? step() : step, by = given[i] ?? given;
      const u = log ? Math.log(z) / Math.log(by) : z / by, near = Math.round(u);
      // a key goes to the next grid point, from wherever the handle is
      const to = n + (n === 0 || Math.abs(u - near) < 1e-6 ? near : n > 0 ? Math.floor(u) : Math.ceil(u));
      return clamp(Number((log ? by ** to : to * by).toPrecision(12)), min, max);
    };
    const move = (x, y) => {
      set([tall ? get()[0] : x, axis === "x" ? get()[1] : y]);
      this.figure.changed();
    };
    const node = el("div", {class: `lf-handle lf-${axis}`, role: "slider", tabindex: 0, "aria-label": label,
      "aria-orientation": tall ? "vertical" : "horizontal",
      onpointerdown: (event) => node.setPointerCapture(event.pointerId),
      onpointermove: (event) => { if (node.hasPointerCapture(event.pointerId)) move(...this.at(event).map((z, i) => snap(z, i))); },
      onkeydown: (event) => {
        const way = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1]}[event.key];
        if (!way || event.ctrlKey || event.altKey || event.metaKey) return;
        event.preventDefault();
        const n = way.map((z) => (both ? z : way[0] + way[1]) * (event.shiftKey ? 10 : 1)); // with one axis all four arrows serve
        move(...get().map((z, i) => (n[i] ? snap(z, i, n[i]) : z)));
      }});
    this.stage.append(node);
    this.handles.push(() => {
      const point = get(), {min, max} = axes[tall ? 1 : 0];
      node.style.transform = `translate(${this.px(point[0])}px, ${this.py(point[1])}px)`;
      const said = {valuemin: min, valuemax: max, valuenow: point[tall ? 1 : 0], valuetext: words(point)};
      for (const key in said) node.setAttribute(`aria-${key}`, said[key]);
    });
    return node;
  }
}

export class Figure {
  constructor(figure, settings, mount = el("div")) {
    Object.assign(this, {figure, settings, mount, id: `lf-${++figures}`, at: 0, total: 0, steps: 0, plots: [], controls: [], swatches: []});
    mount.classList.add("lf");
    if (!mount.parentNode) figure.insertBefore(mount, figure.querySelector("figcaption"));
    this.stages = el("div", {class: "lf-stages"});
    this.grid = el("div", {class: "lf-controls"});
    this.readout = el("p", {class: "lf-readout", "aria-hidden": "true"});
    this.status = el("p", {class: "lf-status", role: "status", "aria-live": "polite"});
    mount.append(this.stages);
    this.build();
    mount.append(this.grid, this.readout, this.status);
    figure.classList.add("lf-on");
    this.compute();
    this.paint();
    new ResizeObserver(() => this.paint()).observe(this.stages);
    new MutationObserver(() => this.paint()).observe(document.documentElement,
      {attributes: true, attributeFilter: ["data-theme", "data-mode"]});
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.paint());
  }

  compute() {}
  draw() {}
  describe() { return ""; }

  /** A setting changed: compute, paint, announce. */
  changed() {
    this.compute();
    this.paint();
    this.say();
  }

  paint() {
    if (!this.stages.clientWidth) return;
    for (const plot of this.plots) plot.begin();
    this.draw();
    for (const plot of this.plots) plot.end();
    for (const paint of this.swatches) paint();
    if (this.clock) {
      this.clock.max = this.total;
      this.clock.value = this.at;
      this.clockText.value = `${this.at} of ${this.total}`;
      this.clock.setAttribute("aria-valuetext", this.clockText.value);
    }
    this.readout.textContent = this.describe();
  }

  /** Tell a screen reader where things stand, once they have been still for a moment. */
  say() {
    clearTimeout(this.later);
    this.later = setTimeout(() => { this.status.textContent = this.describe(); }, 500);
  }

  /** All controls as at the start, and time 0. */
  reset() {
    this.pause();
    for (const control of this.controls) control.set(control.initial);
    Object.assign(this, {at: 0, total: this.steps});
    this.changed();
  }

  addPlot(options) {
    const plot = new Plot(this, options);
    this.plots.push(plot);
    this.stages.append(plot.stage);
    return plot;
  }

  /** What follows goes into a grid of its own, below all that is there. */
  row(kind = "") {
    this.mount.append(this.grid);
    this.grid = el("div", {class: `lf-controls ${kind}`});
  }

  /** Put a labelled control in place; it holds value, set(value) and its input. */
  control(kind, label, input, value, set, extra = []) {
    input.id = `${this.id}-${this.controls.length}`;
    const control = {input, value, initial: value, set: (z) => { control.value = z; set(z); }};
    control.node = el("div", {class: `lf-${kind}`}, el("label", {for: input.id}, label), ...extra, input);
    for (const node of extra) node.setAttribute("for", input.id);
    control.take = (z) => { control.value = z; this.changed(); };
    this.controls.push(control);
    this.grid.append(control.node);
    control.set(value);
    return control;
  }

  /** log: equal steps in log value; format(value): the text beside the label. */
  slider({label, min, max, step, value, log = false, format = (z) => number(z, 3, true)}) {
    const output = el("output", {"aria-live": "off"}), words = (z) => { output.value = format(z); input.setAttribute("aria-valuetext", output.value); };
    const [a, b] = log ? [Math.log10(min), Math.log10(max)] : [min, max];
    const input = el("input", {type: "range", min: a, max: b, step: step ?? (log ? 0.01 : (b - a) / 200), oninput: () => {
      const raw = Number(input.value), z = log ? clamp(Number((10 ** raw).toPrecision(3)), min, max) : raw;
      words(z);
      control.take(z);
    }});
    const control = this.control("slider", label, input, value, (z) => { input.value = log ? Math.log10(z) : z; words(z); }, [output]);
    return control;
  }

  numberField({label, min, max, step = "any", value}) {
    const input = el("input", {type: "number", min, max, step, oninput: () => {
      if (Number.isFinite(input.valueAsNumber)) control.take(clamp(input.valueAsNumber, min ?? -Infinity, max ?? Infinity));
    }, onblur: () => control.set(control.value)});
    const control = this.control("field", label, input, value, (z) => { if (document.activeElement !== input) input.value = z; });
    return control;
  }

  /** options: {value: text}. */
  select({label, options, value = Object.keys(options)[0]}) {
    const input = el("select", {onchange: () => control.take(input.value)},
      ...Object.entries(options).map(([key, text]) => el("option", {value: key}, text)));
    const control = this.control("field", label, input, value, (z) => { input.value = z; });
    return control;
  }

  checkbox({label, value = false}) {
    const input = el("input", {type: "checkbox", onchange: () => control.take(input.checked)});
    const control = this.control("check", label, input, value, (z) => { input.checked = z; });
    return control;
  }

  button(label, action, parent = this.grid) {
    const node = el("button", {type: "button", class: "lf-button", onclick: action}, label);
    parent.append(node);
    return node;
  }

  /**
   * Lines with swatches: entries {label, style, box}; box: a checkbox to show or hide it. Returns
   * entries {shown, text(words)}.
   */
  legend(entries, title = "Legend") {
    const group = el("fieldset", {class: "lf-legend"}, el("legend", {}, title));
    this.mount.append(group);
    return entries.map(({label, style, box = false}) => {
      const swatch = el("canvas", {class: "lf-swatch", "aria-hidden": "true"}), words = el("span", {class: "lf-value"});
      const input = box && el("input", {type: "checkbox", checked: true, onchange: () => { entry.shown = input.checked; this.changed(); }});
      const set = (shown) => { entry.shown = shown; if (input) input.checked = shown; };
      const entry = {shown: true, initial: true, set, text: (text) => { words.textContent = text; }, words};
      group.append(el(box ? "label" : "div", {class: "lf-entry"}, ...(box ? [input] : []), swatch, el("span", {}, label), words));
      this.controls.push(entry);
      this.swatches.push(() => {
        const c = fit(swatch, 40, 18), sample = Object.assign(Object.create(Plot.prototype), {c});
        sample.stroke([[0, 9], [32, 9]], style, 2.25);
        sample.fill(() => drawMarker(c, style.marker, 32, 9, 6), style);
      });
      return entry;
    });
  }

  /**
   * Play, Step, Reset and a slider for the time this.at = 0 ... this.total. most: Step goes on past
   * the end up to there (then compute() must reach this.total); start: where time begins.
   */
  transport({steps, perSecond = Math.max(12, steps / 8), most = steps, start = steps, label = "step t"}) {
    Object.assign(this, {steps, total: steps, at: start, most, perSecond});
    const bar = el("div", {class: "lf-transport"}), id = `${this.id}-t`;
    this.play = this.button("Play", () => (this.timer ? this.pause() : this.animate()), bar);
    this.play.classList.add("lf-primary");
    this.button("Step", () => { this.pause(); this.advance(); this.say(); }, bar);
    this.button("Reset", () => this.reset(), bar);
    this.clockText = el("output", {for: id, "aria-live": "off"});
    this.clock = el("input", {type: "range", id, min: 0, step: 1, oninput: () => this.go(Number(this.clock.value))});
    bar.append(el("div", {class: "lf-slider lf-clock"}, el("label", {for: id}, label), this.clockText, this.clock));
    this.mount.append(bar);
  }

  go(at) {
    this.pause();
    this.at = at;
    this.paint();
    this.say();
  }

  advance() {
    this.at = Math.min(this.at + 1, this.most);
    if (this.at > this.total) {
      this.total = this.at;
      this.compute();
    }
    this.paint();
  }

  animate() {
    if (this.at >= this.total) this.at = 0;
    if (still()) return this.go(this.total);
    let before = null, exact = this.at;
    const frame = (now) => {
      exact += before === null ? 0 : ((now - before) / 1000) * this.perSecond;
      before = now;
      this.at = Math.min(this.total, Math.floor(exact));
      this.paint();
      if (this.at < this.total) this.timer = requestAnimationFrame(frame);
      else { this.pause(); this.say(); }
    };
    this.timer = requestAnimationFrame(frame);
    this.play.textContent = "Pause";
  }

  pause() {
    cancelAnimationFrame(this.timer);
    this.timer = null;
    if (this.play) this.play.textContent = "Play";
  }
}

/** Make every figure of this name on the page live. Does nothing outside a page (tests in Node). */
export function register(name, Class) {
  if (typeof document === "undefined") return;
  for (const figure of document.querySelectorAll(`figure[data-figure="${name}"]`))
    new Class(figure, JSON.parse(figure.dataset.settings || "{}"));
}
