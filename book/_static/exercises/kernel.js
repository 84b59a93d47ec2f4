// The worker in which Python runs, as seen from the page: start, run some cells, stop at once.

/**
 * `on` has a function for each thing that may
 * happen: doing(words), progress(bytes, of), begin(id), output(output), done({count, ename, evalue}),
 * skipped(id, id of the cell that failed), idle(whether Python has only just come), failed(words,
 * whether a cell was running).
 */
export class Kernel {
  #worker = null;
  #queue = null;  // a job that waits until Python is there

  constructor(on) {
    this.on = on;
    this.state = "off";  // off, starting, idle, running
  }

  start() {
    if (this.state !== "off") return;
    this.state = "starting";
    try {
      this.#worker = new Worker(new URL("worker.js", import.meta.url), {type: "module"});
    } catch (error) {
      this.#fail(`This browser does not let the page run Python (${error.message}).`);
      return;
    }
    this.#worker.onmessage = ({data}) => this.#hear(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#fail("This browser does not let the page run Python in a worker"
        + `${event.message ? ` (${event.message})` : ""}.`);
    };
    this.#worker.postMessage({start: {scale: Math.min(2, Math.max(1, devicePixelRatio))}});
  }

  /** Run a cell with what it needs, or all: {cells: [{id, source, role}], stale: [ids], target}. */
  run(job) {
    this.start();
    if (this.state === "starting") this.#queue = job;
    else if (this.state === "idle") this.#send(job);
  }

  /** End what runs, and start anew; what the cells had defined is gone. */
  stop() {
    this.end();
    this.start();
  }

  end() {
    this.#worker?.terminate();
    this.#worker = this.#queue = null;
    this.state = "off";
  }

  #send(job) {
    this.state = "running";
    this.#worker.postMessage({run: job});
  }

  #hear({doing, progress, begin, output, done, skipped, ready, idle, failed}) {
    if (progress) this.on.progress(...progress);
    else if (doing) this.on.doing(doing);
    else if (begin) this.on.begin(begin);
    else if (output) this.on.output(output);
    else if (done) this.on.done(done);
    else if (skipped) this.on.skipped(...skipped);
    else if (failed) this.#fail(failed);
    else if (ready || idle) {
      const job = this.#queue;
      this.#queue = null;
      this.state = "idle";
      this.on.idle(Boolean(ready));
      if (job) this.#send(job);
    }
  }

  #fail(words) {
    const running = this.state === "running";
    this.end();
    this.on.failed(words, running);
  }
}
