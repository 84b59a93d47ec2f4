// Loss surfaces and update rules of the interactive figure: pure functions, no page needed.
//
// Notation of the course: theta parameters, g gradient, v the step that is SUBTRACTED,
// alpha learning rate, mu momentum, gamma the weight of the OLD value, r and p accumulators,
// t = 1, 2, ... counts updates.
//
// VIEWS and STYLES are strict JSON: the Sphinx extension reads them from this file to draw the
// static picture, so window, start, colour, dash and marker are written only here.

// window: x0, x1, y0, y1. power: contours are equally spaced in (loss - lowest)^power.
export const VIEWS = {
  "valley": {"label": "long valley", "formula": "½(θ₁² + 40 θ₂²)",
    "window": [-2, 2, -1.5, 1.5], "start": [-1.6, 1.2], "alpha": 0.02, "noise": 2,
    "lowest": 0, "power": 0.4, "minima": [[0, 0]]},
  "saddle": {"label": "saddle point", "formula": "½θ₁² − ½θ₂² + ¼θ₂⁴",
    "window": [-2, 2, -1.5, 1.5], "start": [-1.7, 0.01], "alpha": 0.1, "noise": 0.1,
    "lowest": -0.25, "power": 0.5, "minima": [[0, -1], [0, 1]]},
  "beale": {"label": "Beale", "formula": "Σᵢ (cᵢ − θ₁ + θ₁θ₂ⁱ)²",
    "window": [-0.5, 4.5, -2, 1.75], "start": [0.9, 1.2], "alpha": 0.005, "noise": 4,
    "lowest": 0, "power": 0.15, "minima": [[3, 0.5]]},
  "rosenbrock": {"label": "Rosenbrock", "formula": "(1 − θ₁)² + 100 (θ₂ − θ₁²)²",
    "window": [-2, 2, -0.75, 2.25], "start": [-1.2, 0.6], "alpha": 0.0005, "noise": 20,
    "lowest": 0, "power": 0.25, "minima": [[1, 1]]},
  "himmelblau": {"label": "Himmelblau",
    "formula": "(θ₁² + θ₂ − 11)² + (θ₁ + θ₂² − 7)²",
    "window": [-6, 6, -4.5, 4.5], "start": [-0.5, -0.8], "alpha": 0.003, "noise": 20,
    "lowest": 0, "power": 0.33,
    "minima": [[3, 2], [-2.805118, 3.131313], [-3.77931, -3.283186], [3.584428, -1.848127]]},
  "plateau": {"label": "plateau", "formula": "1 − exp(−½(θ₁² + 4 θ₂²))",
    "window": [-4, 4, -3, 3], "start": [-2.4, 0.9], "alpha": 0.2, "noise": 0.02,
    "lowest": 0, "power": 0.7, "minima": [[0, 0]]}
};

// One look per optimizer on every page. dash in CSS pixels, [] is a solid line.
export const STYLES = {
  "gd": {"label": "Gradient descent", "light": "#2f3b45", "dark": "#e8eef2",
    "dash": [], "marker": "circle"},
  "sgd": {"label": "SGD (noisy gradient)", "light": "#8a4b0f", "dark": "#e3b778",
    "dash": [2, 3], "marker": "square"},
  "momentum": {"label": "Momentum", "light": "#0a5aa8", "dark": "#6cb6ff",
    "dash": [9, 4], "marker": "triangle"},
  "nag": {"label": "NAG", "light": "#b3260f", "dark": "#ff9480",
    "dash": [11, 3, 2, 3], "marker": "diamond"},
  "rprop": {"label": "Rprop", "light": "#5d5a00", "dark": "#d3cf5a",
    "dash": [5, 2], "marker": "hexagon"},
  "adagrad": {"label": "AdaGrad", "light": "#00685a", "dark": "#4fd1bb",
    "dash": [6, 3, 2, 3, 2, 3], "marker": "pentagon"},
  "rmsprop": {"label": "RMSProp", "light": "#7a2a86", "dark": "#dc9ae6",
    "dash": [4, 4], "marker": "down"},
  "rmsprop-nesterov": {"label": "RMSProp + Nesterov", "light": "#4b3bb0", "dark": "#b1a6ff",
    "dash": [14, 3], "marker": "left"},
  "adadelta": {"label": "AdaDelta", "light": "#2f6410", "dark": "#97d46a",
    "dash": [1, 4], "marker": "right"},
  "adam": {"label": "Adam", "light": "#a8175f", "dark": "#ff8cc0",
    "dash": [16, 4, 4, 4], "marker": "star"},
  "adamax": {"label": "AdaMax", "light": "#0b6577", "dark": "#63d3ea",
    "dash": [3, 2, 8, 2], "marker": "plus"}
};

const sq = (z) => z * z;

/** Each surface: f(x, y) the loss, grad(x, y) its gradient as [d/dx, d/dy]. */
export const SURFACES = {
  valley: {
    f: (x, y) => 0.5 * (x * x + 40 * y * y),
    grad: (x, y) => [x, 40 * y],
  },
  saddle: {
    f: (x, y) => 0.5 * x * x - 0.5 * y * y + 0.25 * y ** 4,
    grad: (x, y) => [x, y ** 3 - y],
  },
  beale: {
    f: (x, y) => sq(1.5 - x + x * y) + sq(2.25 - x + x * y * y) + sq(2.625 - x + x * y ** 3),
    grad: (x, y) => {
      const a = 1.5 - x + x * y, b = 2.25 - x + x * y * y, c = 2.625 - x + x * y ** 3;
      return [2 * (a * (y - 1) + b * (y * y - 1) + c * (y ** 3 - 1)),
        2 * x * (a + 2 * b * y + 3 * c * y * y)];
    },
  },
  rosenbrock: {
    f: (x, y) => sq(1 - x) + 100 * sq(y - x * x),
    grad: (x, y) => [-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)],
  },
  himmelblau: {
    f: (x, y) => sq(x * x + y - 11) + sq(x + y * y - 7),
    grad: (x, y) => {
      const a = x * x + y - 11, b = x + y * y - 7;
      return [4 * x * a + 2 * b, 2 * a + 4 * y * b];
    },
  },
  plateau: {
    f: (x, y) => 1 - Math.exp(-0.5 * (x * x + 4 * y * y)),
    grad: (x, y) => {
      const e = Math.exp(-0.5 * (x * x + 4 * y * y));
      return [x * e, 4 * y * e];
    },
  },
};

/** Apply f to matching entries of the given vectors. */
const each = (f, ...vectors) => vectors[0].map((_, i) => f(...vectors.map((a) => a[i])));
const zeros = (theta) => theta.map(() => 0);
const subtract = (theta, v) => each((a, b) => a - b, theta, v);
const mix = (gamma, old, fresh) => each((a, b) => gamma * a + (1 - gamma) * b, old, fresh);
const square = (g) => each((a) => a * a, g);
const withV = (state, v, rest) => ({...state, ...rest, v, theta: subtract(state.theta, v), t: state.t + 1});

/** The point where a Nesterov rule takes its gradient: y = theta - mu v. */
export const lookahead = (state, h) => each((a, b) => a - h.mu * b, state.theta, state.v);

/**
 * Each rule: hyper, the names of what it needs in h; noisy, true where the figure adds noise
 * to the gradient; init(theta, h), the state before the first update; step(state, grad, h), the
 * state after one more, where grad maps a point to its gradient. Nothing is changed in place.
 */
const sgd = {
  hyper: ["alpha"],
  init: (theta) => ({t: 0, theta, v: zeros(theta)}),
  step: (s, grad, h) => withV(s, each((g) => h.alpha * g, grad(s.theta))),
};

export const RULES = {
  gd: sgd,
  sgd: {...sgd, hyper: ["alpha", "noise"], noisy: true},

  // v <- mu v + alpha g
  momentum: {
    ...sgd,
    hyper: ["alpha", "mu"],
    step: (s, grad, h) => withV(s, each((v, g) => h.mu * v + h.alpha * g, s.v, grad(s.theta))),
  },

  // y = theta - mu v;  v <- mu v + alpha f'(y)
  nag: {
    ...sgd,
    hyper: ["alpha", "mu"],
    step: (s, grad, h) =>
      withV(s, each((v, g) => h.mu * v + h.alpha * g, s.v, grad(lookahead(s, h)))),
  },

  // Signs only. alpha is the first step size; where the sign flips, shrink and stand still (iRprop-).
  rprop: {
    hyper: ["alpha"],
    init: (theta, h) => ({t: 0, theta, v: zeros(theta), old: zeros(theta), size: theta.map(() => h.alpha)}),
    step: (s, grad) => {
      const raw = grad(s.theta);
      const agree = each((g, o) => g * o, raw, s.old);
      const size = each((d, a) =>
        Math.min(50, Math.max(1e-6, a > 0 ? 1.2 * d : a < 0 ? 0.5 * d : d)), s.size, agree);
      const old = each((g, a) => (a < 0 ? 0 : g), raw, agree);
      return withV(s, each((g, d) => Math.sign(g) * d, old, size), {old, size});
    },
  },

  // r <- r + g^2;  v = alpha g / (sqrt(r) + eps)
  adagrad: {
    hyper: ["alpha"],
    init: (theta) => ({t: 0, theta, v: zeros(theta), r: zeros(theta)}),
    step: (s, grad, h) => {
      const g = grad(s.theta), r = each((a, b) => a + b * b, s.r, g);
      return withV(s, each((a, b) => h.alpha * a / (Math.sqrt(b) + 1e-10), g, r), {r});
    },
  },

  // r <- gamma r + (1 - gamma) g^2;  v = alpha g / (sqrt(r) + eps)
  rmsprop: {
    hyper: ["alpha", "gamma"],
    init: (theta) => ({t: 0, theta, v: zeros(theta), r: zeros(theta)}),
    step: (s, grad, h) => {
      const g = grad(s.theta), r = mix(h.gamma, s.r, square(g));
      return withV(s, each((a, b) => h.alpha * a / (Math.sqrt(b) + 1e-8), g, r), {r});
    },
  },

  // As RMSProp, with g taken at y = theta - mu v and v <- mu v + alpha g / (sqrt(r) + eps)
  "rmsprop-nesterov": {
    hyper: ["alpha", "mu", "gamma"],
    init: (theta) => ({t: 0, theta, v: zeros(theta), r: zeros(theta)}),
    step: (s, grad, h) => {
      const g = grad(lookahead(s, h)), r = mix(h.gamma, s.r, square(g));
      const v = each((o, a, b) => h.mu * o + h.alpha * a / (Math.sqrt(b) + 1e-8), s.v, g, r);
      return withV(s, v, {r});
    },
  },

  // alpha = 1: the ratio of the two running means carries the unit of theta.
  adadelta: {
    hyper: ["gamma"],
    init: (theta) => ({t: 0, theta, v: zeros(theta), r: zeros(theta), p: zeros(theta)}),
    step: (s, grad, h) => {
      const g = grad(s.theta), r = mix(h.gamma, s.r, square(g));
      const v = each((a, b, c) => Math.sqrt(c + 1e-6) / Math.sqrt(b + 1e-6) * a, g, r, s.p);
      return withV(s, v, {r, p: mix(h.gamma, s.p, square(v))});
    },
  },

  // Means of g and of g^2, each divided by 1 - gamma^t because both start at 0
  adam: {
    hyper: ["alpha", "gamma1", "gamma2"],
    init: (theta) => ({t: 0, theta, v: zeros(theta), r: zeros(theta), p: zeros(theta)}),
    step: (s, grad, h) => {
      const g = grad(s.theta), t = s.t + 1;
      const r = mix(h.gamma1, s.r, g), p = mix(h.gamma2, s.p, square(g));
      const c1 = 1 - h.gamma1 ** t, c2 = 1 - h.gamma2 ** t;
      return withV(s, each((a, b) => h.alpha * (a / c1) / (Math.sqrt(b / c2) + 1e-8), r, p), {r, p});
    },
  },

  // As Adam with p <- max(gamma2 p, |g| + eps), which needs no correction
  adamax: {
    hyper: ["alpha", "gamma1", "gamma2"],
    init: (theta) => ({t: 0, theta, v: zeros(theta), r: zeros(theta), p: zeros(theta)}),
    step: (s, grad, h) => {
      const g = grad(s.theta), r = mix(h.gamma1, s.r, g), c1 = 1 - h.gamma1 ** (s.t + 1);
      const p = each((a, b) => Math.max(h.gamma2 * a, Math.abs(b) + 1e-8), s.p, g);
      return withV(s, each((a, b) => h.alpha * (a / c1) / b, r, p), {r, p});
    },
  },
};

/** Standard normal numbers from a seed: mulberry32, then Box-Muller. The same on every machine. */
export function normals(seed) {
  let a = seed >>> 0;
  const uniform = () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let z = Math.imul(a ^ (a >>> 15), 1 | a);
    z = (z + Math.imul(z ^ (z >>> 7), 61 | z)) ^ z;
    return ((z ^ (z >>> 14)) >>> 0) / 4294967296;
  };
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}

/** Gradient of a surface at a point; with noise > 0, plus noise times a standard normal vector. */
export function gradientOf(surface, noise, seed) {
  const {grad} = SURFACES[surface];
  if (!(noise > 0)) return ([x, y]) => grad(x, y);
  const draw = normals(seed);
  return ([x, y]) => grad(x, y).map((g) => g + noise * draw());
}

/**
 * All states of a rule from t = 0 to t = steps. Stops early at the first state that is not finite
 * or lies 100 windows away; then diverged is that state's t, else null.
 */
export function run(method, surface, start, h, steps, seed = 1) {
  const rule = RULES[method], [x0, x1] = VIEWS[surface].window;
  const grad = gradientOf(surface, rule.noisy ? h.noise : 0, seed);
  const states = [rule.init([...start], h)];
  for (let t = 1; t <= steps; t++) {
    const next = rule.step(states[t - 1], grad, h);
    const far = Math.max(...next.theta.map(Math.abs));
    if (!(far <= 100 * (x1 - x0))) return {states, diverged: t};
    states.push(next);
  }
  return {states, diverged: null};
}
