// The look of every method and series, on every page, in live figures and in static ones.
//
// Strict JSON: course_style.py and the Sphinx extension read these tables from here. dash in CSS
// pixels, [] is a solid line. Colours keep a contrast of 3 to 1 to the page and to contour bands.
export const STYLES = {
  "gd": {"label": "Gradient descent", "light": "#2f3b45", "dark": "#e8eef2",
    "dash": [], "marker": "circle"},
  "sgd": {"label": "SGD (noisy gradient)", "light": "#8a4b0f", "dark": "#e3b778",
    "dash": [2, 3], "marker": "square"},
  "clip": {"label": "Clipped gradient descent", "light": "#4d5f86", "dark": "#a9bbe0",
    "dash": [7, 2], "marker": "octagon"},
  "momentum": {"label": "Momentum", "light": "#0a5aa8", "dark": "#6cb6ff",
    "dash": [9, 4], "marker": "triangle"},
  "nag": {"label": "NAG", "light": "#b3260f", "dark": "#ff9480",
    "dash": [11, 3, 2, 3], "marker": "diamond"},
  "manhattan": {"label": "Manhattan", "light": "#6b6f76", "dark": "#b4b9c1",
    "dash": [2, 5], "marker": "cross"},
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
  "amsgrad": {"label": "AMSGrad", "light": "#5c1030", "dark": "#ffc9d6",
    "dash": [4, 2, 1, 2], "marker": "star4"},
  "adamw": {"label": "AdamW", "light": "#c2185b", "dark": "#f77fbe",
    "dash": [10, 2, 2, 2, 2, 2], "marker": "star6"},
  "adamax": {"label": "AdaMax", "light": "#0b6577", "dark": "#63d3ea",
    "dash": [3, 2, 8, 2], "marker": "plus"},
  "newton": {"label": "Newton", "light": "#14532d", "dark": "#a7e8bd",
    "dash": [18, 3], "marker": "thin"}
};

// For what is not a method: curves, clouds and bars.
export const SERIES = [
  {"light": "#1d4ed8", "dark": "#8ab4ff", "dash": [], "marker": "circle"},
  {"light": "#b45309", "dark": "#fbbf5a", "dash": [9, 4], "marker": "square"},
  {"light": "#047857", "dark": "#5eddb0", "dash": [3, 3], "marker": "triangle"},
  {"light": "#be185d", "dark": "#ff8cc0", "dash": [11, 3, 2, 3], "marker": "diamond"},
  {"light": "#5b6470", "dark": "#b3bcc7", "dash": [1, 3], "marker": "plus"}
];
