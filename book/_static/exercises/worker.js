// Python in a worker of its own, so that the page stays alive whatever a cell does.
//
// In:  {start: {scale}}, then {run: {cells, stale, target}}, one at a time.
// Out: {doing: words} and {progress: [bytes, of]} while something loads, {ready: true}; for each cell
//      {begin: id}, {output: …} in nbformat's form, {done: {count, ename, evalue}}; {skipped: [id,
//      the one that failed]}; {idle: true} after the last; {failed: words} when all is lost.

const say = (message) => postMessage(message);

/** Count what arrives of the files whose sizes are given, and tell the page. */
function meter(sizes) {
  const plain = self.fetch;
  const got = new Map();
  let told = 0;
  const tell = (now) => {
    if (now - told < 80) return;
    told = now;
    say({progress: [[...got.values()].reduce((a, b) => a + b, 0), Object.values(sizes).reduce((a, b) => a + b, 0)]});
  };
  self.fetch = async (resource, options) => {
    const answer = await plain(resource, options);
    const name = new URL(resource.url ?? resource, self.location).pathname.split("/").pop();
    if (name in sizes && !answer.ok) say({failed: `${name} cannot be had (${answer.status})`});
    else if (name in sizes && answer.body) {
      (async () => {
        for await (const part of reader(answer.clone().body)) {
          got.set(name, (got.get(name) ?? 0) + part.length);
          tell(performance.now());
        }
      })();
    }
    return answer;
  };
  return () => (self.fetch = plain);
}

async function* reader(body) {  // not every browser can iterate over a stream
  const from = body.getReader();
  for (;;) {
    const {done, value} = await from.read();
    if (done) return;
    yield value;
  }
}

async function get(address, options) {
  const answer = await fetch(address, options);
  if (!answer.ok) throw new Error(`${address}: ${answer.status} ${answer.statusText}`);
  return answer;
}

let python, kernel, heavy;

async function start({scale}) {
  say({doing: "Loading Python and NumPy"});
  const here = (path) => new URL(path, import.meta.url).href;
  const runtime = await (await get(here("runtime.json"), {cache: "no-cache"})).json();
  const base = here(runtime.base);
  heavy = runtime.heavy;
  const stop = meter(runtime.light);
  const [{loadPyodide}, source, selfcheck] = await Promise.all([
    import(`${base}pyodide.mjs`),
    get(here("page_kernel.py")).then((answer) => answer.text()),
    get(here(runtime.wheel)).then((answer) => answer.arrayBuffer()),
  ]);
  python = await loadPyodide({
    indexURL: base, packageBaseUrl: base, lockFileContents: JSON.stringify(runtime.lock), packages: ["numpy"],
    env: {HOME: "/home/pyodide", MPLBACKEND: "agg"}, stdout: () => {}, stderr: () => {},
  });
  stop();
  say({doing: "Starting Python"});
  python.unpackArchive(selfcheck, "wheel");
  python.FS.writeFile("/home/pyodide/page_kernel.py", source);
  const send = (output) => say({output: output.toJs({dict_converter: Object.fromEntries})});
  const made = python.runPython("import numpy, selfcheck, page_kernel; page_kernel.PageKernel");
  kernel = made(send, scale);
  say({ready: true});
}

const plain = (proxy) => {
  const value = proxy.toJs({dict_converter: Object.fromEntries});
  proxy.destroy();
  return value;
};

async function loadHeavy() {
  const stop = meter(heavy);
  say({doing: "Loading Matplotlib"});
  await python.loadPackage("matplotlib", {messageCallback: () => {}});
  stop();
  heavy = null;
  say({doing: "Running"});
}

/** Run one cell with those that it needs, or all of them; then a failing one stops no other. */
async function run({cells, stale, target}) {
  const asked = python.toPy(cells);
  const ids = target === undefined ? cells.map(({id}) => id) : plain(kernel.plan(asked, target));
  asked.destroy();
  const old = new Set(stale);
  for (const id of ids.filter((each) => target === undefined || each === target || old.has(each))) {
    const {source} = cells.find((cell) => cell.id === id);
    if (heavy && kernel.needs(source)) await loadHeavy();
    say({begin: id});
    const done = plain(kernel.run(source));
    say({done});
    if (done.ename && target !== undefined && id !== target) {
      say({skipped: [target, id]});
      break;
    }
  }
  say({idle: true});
}

self.onmessage = async ({data}) => {
  try {
    await ("start" in data ? start(data.start) : run(data.run));
  } catch (error) {
    say({failed: String(error?.message ?? error)});
  }
};
