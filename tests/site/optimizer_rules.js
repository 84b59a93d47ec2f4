// Runs the rules of the optimizer figure for the Python tests.
import {RULES, SURFACES, VIEWS, run} from "../optimizer-rules.js";

export const answer = ({points, runs}) => ({
  rules: Object.keys(RULES),
  surfaces: Object.keys(SURFACES),
  views: Object.keys(VIEWS),
  values: points.map(({surface, at}) => Object.fromEntries(
    ["f", "grad", "hess"].map((name) => [name, SURFACES[surface][name](...at)]))),
  runs: runs.map(({method, surface, start, steps, seed, ...h}) => {
    const {states, diverged} = run(method, surface, start, h, steps, seed);
    return {diverged, theta: states.map((s) => s.theta)};
  }),
});
