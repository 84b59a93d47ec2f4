// Runs the figure's rules for the Python tests: a job as JSON on stdin, the answer as JSON on stdout.
//   node optimizer_rules.mjs RULES_FILE < job.json
import {readFileSync} from "node:fs";

// A data: address, because Node takes a bare .js file for CommonJS.
const source = readFileSync(process.argv[2], "utf8");
const {RULES, SURFACES, VIEWS, lookahead, normals, run} =
  await import("data:text/javascript," + encodeURIComponent(source));

const job = JSON.parse(readFileSync(0, "utf8"));
const draw = normals(job.seed);
console.log(JSON.stringify({
  rules: Object.keys(RULES),
  surfaces: Object.keys(SURFACES),
  views: Object.keys(VIEWS),
  normals: Array.from({length: job.normals}, draw),
  values: job.points.map(({surface, at: [x, y]}) =>
    ({f: SURFACES[surface].f(x, y), grad: SURFACES[surface].grad(x, y)})),
  runs: job.runs.map(({method, surface, start, h, steps}) => {
    const {states, diverged} = run(method, surface, start, h, steps, job.seed);
    return {
      diverged,
      theta: states.map((s) => s.theta),
      ahead: "mu" in h ? states.map((s) => lookahead(s, h)) : null,
    };
  }),
}));
