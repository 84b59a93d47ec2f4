// Loss surfaces and update rules of the optimizer figure: pure functions, no page needed.
//
// Notation of the course: theta parameters, g gradient, v the step that is SUBTRACTED,
// alpha learning rate, mu momentum, gamma the weight of the OLD value, r and p accumulators,
// t = 1, 2, ... counts updates. Each rule is the one of autograder.reference; a test compares.
import {seeded} from "./figures/core.js";

// VIEWS is strict JSON: the Sphinx extension reads it from this file for the static picture.

// window: x0, x1, y0, y1. power: contours are equally spaced in (loss - lowest)^power.
export const VIEWS = {
  "valley": {"label": "long valley", "formula": "½(θ₁² + 40 θ₂²)",
    "window": [-2, 2, -1.5, 1.5], "start": [-1.6, 1.2], "alpha": 0.02, "noise": 2,
    "lowest": 0, "power": 0.4, "minima": [[0, 0]]},
  "tilted": {"label": "tilted valley", "formula": "the valley turned by 45°",
    "window": [-2, 2, -1.5, 1.5], "start": [-1.6, -0.2], "alpha": 0.02, "noise": 2,
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

const sq = (z) => z * z;

/** Each surface: f(x, y) the loss, grad(x, y) = [fx, fy], hess(x, y) = [fxx, fxy, fyy]. */
export const SURFACES = {
  valley: {
    f: (x, y) => 0.5 * (x * x + 40 * y * y),
    grad: (x, y) => [x, 40 * y],
    hess: () => [1, 0, 40],
  },
  tilted: {
    f: (x, y) => 0.25 * (sq(x + y) + 40 * sq(y - x)),
    grad: (x, y) => [20.5 * x - 19.5 * y, 20.5 * y - 19.5 * x],
    hess: () => [20.5, -19.5, 20.5],
  },
  saddle: {
    f: (x, y) => 0.5 * x * x - 0.5 * y * y + 0.25 * y ** 4,
    grad: (x, y) => [x, y ** 3 - y],
    hess: (x, y) => [1, 0, 3 * y * y - 1],
  },
  beale: {
    f: (x, y) => sq(1.5 - x + x * y) + sq(2.25 - x + x * y * y) + sq(2.625 - x + x * y ** 3),
    grad: (x, y) => {
      const a = 1.5 - x + x * y, b = 2.25 - x + x * y * y, c = 2.625 - x + x * y ** 3;
      return [2 * (a * (y - 1) + b * (y * y - 1) + c * (y ** 3 - 1)),
        2 * x * (a + 2 * b * y + 3 * c * y * y)];
    },
    hess: (x, y) => {
      const a = 1.5 - x + x * y, b = 2.25 - x + x * y * y, c = 2.625 - x + x * y ** 3;
      return [2 * (sq(y - 1) + sq(y * y - 1) + sq(y ** 3 - 1)),
        2 * (a + 2 * b * y + 3 * c * y * y + x * (y - 1 + 2 * y * (y * y - 1) + 3 * y * y * (y ** 3 - 1))),
        2 * x * (x * (1 + 4 * y * y + 9 * y ** 4) + 2 * b + 6 * c * y)];
    },
  },
  rosenbrock: {
    f: (x, y) => sq(1 - x) + 100 * sq(y - x * x),
    grad: (x, y) => [-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)],
    hess: (x, y) => [2 - 400 * y + 1200 * x * x, -400 * x, 200],
  },
  himmelblau: {
    f: (x, y) => sq(x * x + y - 11) + sq(x + y * y - 7),
    grad: (x, y) => {
      const a = x * x + y - 11, b = x + y * y - 7;
      return [4 * x * a + 2 * b, 2 * a + 4 * y * b];
    },
    hess: (x, y) => [12 * x * x + 4 * y - 42, 4 * (x + y), 4 * x + 12 * y * y - 26],
  },
  plateau: {
    f: (x, y) => 1 - Math.exp(-0.5 * (x * x + 4 * y * y)),
    grad: (x, y) => {
      const e = Math.exp(-0.5 * (x * x + 4 * y * y));
      return [x * e, 4 * y * e];
    },
    hess: (x, y) => {
      const e = Math.exp(-0.5 * (x * x + 4 * y * y));
      return [(1 - x * x) * e, -4 * x * y * e, 4 * (1 - 4 * y * y) * e];
    },
  },
};

/** Apply f to matching entries of the given vectors. */
const each = (f, ...vectors) => vectors[0].map((_, i) => f(...vectors.map((a) => a[i])));
const zeros = (theta) => theta.map(() => 0);
const mix = (gamma, old, fresh) => each((a, b) => gamma * a + (1 - gamma) * b, old, fresh);
const square = (g) => each((a) => a * a, g);
const next = (s, v, rest) => ({...s, ...rest, v, theta: each((a, b) => a - b, s.theta, v), t: s.t + 1});
const start = (theta) => ({t: 0, theta, v: zeros(theta), r: zeros(theta), p: zeros(theta)});
const times = (z, v) => v.map((a) => z * a);
// alpha g / (sqrt(r) + eps); and a mean divided by 1 - gamma^t, which frees it from its start at 0
const scaled = (alpha, g, r, eps) => each((a, b) => alpha * a / (Math.sqrt(b) + eps), g, r);
const freed = (mean, gamma, s, h) => (h.correct === false ? mean : mean.map((a) => a / (1 - gamma ** (s.t + 1))));

/** The point where a Nesterov rule takes its gradient: y = theta - mu v. */
export const lookahead = (s, h) => each((a, b) => a - h.mu * b, s.theta, s.v);

/** Adam and its kin: the step is divided by the root of size(p, s).top. */
const adam = (size, decay = () => 0) => (s, grad, h) => {
  const g = grad(s.theta), r = mix(h.gamma1, s.r, g), p = mix(h.gamma2, s.p, square(g)), rest = size(p, s);
  const v = scaled(h.alpha, freed(r, h.gamma1, s, h), freed(rest.top, h.gamma2, s, h), h.eps ?? 1e-8);
  return next(s, each((a, b) => a + decay(h) * b, v, s.theta), {...rest, r, p});
};

// One mean of squares, and the step g / (sqrt(r) + eps). warm: r starts at the first g^2 (L4).
const meanSquare = (s, g, h) => mix(h.gamma, h.warm && s.t === 0 ? square(g) : s.r, square(g));

/**
 * Each rule: uses, the names of what it needs in h; init(theta, h), the state before the first
 * update; step(state, grad, h, hess), the state after one more, where grad maps a point to its
 * gradient. eps in h is optional; each rule has its own. Nothing is changed in place.
 */
const sgd = {
  uses: ["alpha"],
  init: start,
  step: (s, grad, h) => next(s, times(h.alpha, grad(s.theta))),
};

export const RULES = {
  gd: sgd,
  sgd: {...sgd, uses: ["alpha", "noise"]},

  // A gradient longer than c keeps its direction and gets the length c.
  clip: {
    ...sgd,
    uses: ["alpha", "norm"],
    step: (s, grad, h) => {
      const g = grad(s.theta), length = Math.hypot(...g);
      return next(s, times(h.alpha, length > h.norm ? times(h.norm / length, g) : g));
    },
  },

  // v <- mu v + alpha g
  momentum: {
    ...sgd,
    uses: ["alpha", "mu"],
    step: (s, grad, h) => next(s, each((v, g) => h.mu * v + h.alpha * g, s.v, grad(s.theta))),
  },

  // The same with g taken at y = theta - mu v
  nag: {
    ...sgd,
    uses: ["alpha", "mu"],
    step: (s, grad, h) => next(s, each((v, g) => h.mu * v + h.alpha * g, s.v, grad(lookahead(s, h)))),
  },

  manhattan: {...sgd, step: (s, grad, h) => next(s, times(h.alpha, grad(s.theta).map(Math.sign)))},

  // Signs only. alpha is the first step size; where the sign flips, shrink and stand still (iRprop-).
  rprop: {
    uses: ["alpha", "minus", "plus"],
    init: (theta, h) => ({...start(theta), old: zeros(theta), size: theta.map(() => h.alpha)}),
    step: (s, grad, h) => {
      const raw = grad(s.theta), agree = each((g, o) => Math.sign(g) * Math.sign(o), raw, s.old);
      const size = each((d, a) => Math.min(50, Math.max(1e-6, a > 0 ? h.plus * d : a < 0 ? h.minus * d : d)), s.size, agree);
      const old = each((g, a) => (a < 0 ? 0 : g), raw, agree);
      return next(s, each((g, d) => Math.sign(g) * d, old, size), {old, size});
    },
  },

  // r <- r + g^2
  adagrad: {
    ...sgd,
    uses: ["alpha", "eps"],
    step: (s, grad, h) => {
      const g = grad(s.theta), r = each((a, b) => a + b * b, s.r, g);
      return next(s, scaled(h.alpha, g, r, h.eps ?? 1e-10), {r});
    },
  },

  // r <- gamma r + (1 - gamma) g^2
  rmsprop: {
    ...sgd,
    uses: ["alpha", "gamma", "eps", "warm"],
    step: (s, grad, h) => {
      const g = grad(s.theta), r = meanSquare(s, g, h);
      return next(s, scaled(h.alpha, g, r, h.eps ?? 1e-8), {r});
    },
  },

  // As RMSProp, with g taken at y and v <- mu v + alpha g / (sqrt(r) + eps)
  "rmsprop-nesterov": {
    ...sgd,
    uses: ["alpha", "mu", "gamma", "eps", "warm"],
    step: (s, grad, h) => {
      const g = grad(lookahead(s, h)), r = meanSquare(s, g, h);
      return next(s, each((v, a) => h.mu * v + a, s.v, scaled(h.alpha, g, r, h.eps ?? 1e-8)), {r});
    },
  },

  // The ratio of the two running means carries the unit of theta: no alpha.
  adadelta: {
    ...sgd,
    uses: ["gamma", "eps"],
    step: (s, grad, h) => {
      const g = grad(s.theta), r = mix(h.gamma, s.r, square(g)), eps = h.eps ?? 1e-6;
      const v = each((a, b, c) => Math.sqrt(c + eps) / Math.sqrt(b + eps) * a, g, r, s.p);
      return next(s, v, {r, p: mix(h.gamma, s.p, square(v))});
    },
  },

  // r, p: means of g and of g^2
  adam: {
    ...sgd,
    uses: ["alpha", "gamma1", "gamma2", "eps", "correct"],
    step: adam((p) => ({top: p})),
  },

  // The largest p so far instead of p
  amsgrad: {
    ...sgd,
    uses: ["alpha", "gamma1", "gamma2", "eps", "correct"],
    step: adam((p, s) => ({top: each(Math.max, p, s.top ?? p)})),
  },

  // Adam, and theta shrinks by the factor 1 - alpha lambda
  adamw: {
    ...sgd,
    uses: ["alpha", "gamma1", "gamma2", "eps", "correct", "decay"],
    step: adam((p) => ({top: p}), (h) => h.alpha * h.decay),
  },

  // p <- max(gamma2 p, |g| + eps), which needs no correction
  adamax: {
    ...sgd,
    uses: ["alpha", "gamma1", "gamma2", "eps", "correct"],
    step: (s, grad, h) => {
      const g = grad(s.theta), r = mix(h.gamma1, s.r, g);
      const p = each((a, b) => Math.max(h.gamma2 * a, Math.abs(b) + (h.eps ?? 1e-8)), s.p, g);
      return next(s, each((a, b) => h.alpha * a / b, freed(r, h.gamma1, s, h), p), {r, p});
    },
  },

  // v = (H + lambda I)^-1 g
  newton: {
    ...sgd,
    uses: ["damping"],
    step: (s, grad, h, hess) => {
      const [gx, gy] = grad(s.theta), [a, b, c] = hess(...s.theta), p = a + h.damping, q = c + h.damping;
      const det = p * q - b * b;
      return next(s, [(q * gx - b * gy) / det, (p * gy - b * gx) / det]);
    },
  },
};

/** Gradient of a surface at a point; with noise > 0, plus noise times a standard normal vector. */
export function gradientOf(surface, noise, seed) {
  const {grad} = SURFACES[surface], {normal} = seeded(seed);
  return ([x, y]) => (noise > 0 ? grad(x, y).map((g) => g + noise * normal()) : grad(x, y));
}

/**
 * All states of a rule from t = 0 to t = steps. Stops early at the first state that is not finite
 * or lies 100 windows away; then diverged is that state's t, else null.
 */
export function run(method, surface, from, h, steps, seed = 1) {
  const rule = RULES[method], [x0, x1] = VIEWS[surface].window, {hess} = SURFACES[surface];
  const grad = gradientOf(surface, rule.uses.includes("noise") ? h.noise : 0, seed);
  const states = [rule.init([...from], h)];
  for (let t = 1; t <= steps; t++) {
    const state = rule.step(states[t - 1], grad, h, hess);
    const far = Math.max(...state.theta.map(Math.abs));
    if (!(far <= 100 * (x1 - x0))) return {states, diverged: t};
    states.push(state);
  }
  return {states, diverged: null};
}
