// An exercise page that runs: its cells become editors, Python runs in a worker, the work stays in
// the browser. Nothing but this file and what it imports is loaded before the first press of Run.
//
// The page (book/_ext/exercise_pages.py writes it) has a <section class="live"> with the settings,
// and marks each cell by classes: tag_cell-ID, tag_role-ROLE (answer, check, code), tag_locked;
// written answers are <div class="written" data-cell="ID">.
import {Kernel} from "./kernel.js";
import {LARGEST, compose, freshId, read} from "./notebook.js";
import {add, element, gist, words} from "./outputs.js";
import {ADDED, Store} from "./store.js";

const panel = document.querySelector("section.live[data-settings]");
const SITE = new URL("../../", import.meta.url);
const PATIENCE = 3;  // seconds after which the status tells how long a cell has run

const make = (tag, attributes = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== null) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
};
const button = (words, onclick, attributes = {}) => make("button", {type: "button", class: "live-button", onclick, ...attributes}, words);

/** A cell of the page: an editor or a field, a button, outputs. */
class Cell {
  constructor(desk, box, {id, role, locked = false, added = false, source = null}) {
    Object.assign(this, {desk, box, id, role, locked, added, text: source, ran: null, count: null, outputs: []});
    const of = id.replace(/^(check|written)-/, "");
    this.name = role === "check" ? `the check of ${of}` : role === "code" ? `cell ${desk.cells.size + 1}` : of;
    if (added) this.name = "your own cell";
    this.short = role === "check" ? of : this.name;  // after the word on the button
    box.classList.add("live-cell");
    box.dataset.id = id;
    if (this.isCode) this.#asCode();
    else this.#asText();
    if (added) this.tools.append(button("Remove", () => desk.remove(this), {class: "live-button live-quiet", "aria-label": "Remove this cell"}));
  }

  get isCode() { return this.role !== "text"; }

  #asCode() {
    this.input = this.box.querySelector(".cell_input") ?? this.box.appendChild(make("div", {class: "cell_input"}));
    this.shown = this.input.querySelector("pre") ?? this.input.appendChild(make("pre"));
    const words = this.role === "check" ? "Check" : "Run";
    this.tools = make("div", {class: "live-tools"},
      button(words, () => this.desk.run(this), {class: "live-button live-run", "aria-label": `${words} ${this.short}`}),
      this.told = make("span", {class: "live-count"}));
    if (this.role === "answer" || this.added) {
      this.tools.append(button("Add a cell", () => this.desk.insert(this), {class: "live-button live-quiet", "aria-label": `Add a cell below ${this.name}`}));
    }
    this.out = make("div", {class: "live-out", role: "group", "aria-label": `Result of ${this.name}`});
    this.input.after(this.tools, this.out);
  }

  #asText() {
    this.box.replaceChildren(
      make("label", {class: "live-label"}, this.added ? "Your own text (Markdown)" : "Your answer (Markdown)",
        this.field = make("textarea", {rows: "8", oninput: () => this.desk.changed(this, this.field.value)})),
      this.tools = make("div", {class: "live-tools"}));
    if (this.text !== null) this.field.value = this.text;
  }

  /** Show a source, in the editor where there is one. */
  set source(text) {
    this.text = text;
    if (this.editor) this.editor.value = text;
    else if (this.field) this.field.value = text;
    else this.shown.textContent = text;
  }

  get source() { return this.text; }

  edit(editor) {
    if (!this.isCode || this.locked || this.editor) return;
    for (const part of this.input.children) part.hidden = true;
    const answer = this.role === "answer";
    this.editor = editor(this.input, {
      doc: this.text, label: `Code of ${this.name}`, hint: this.desk.hint.id,
      change: (text) => this.desk.changed(this, text),
      run: () => this.desk.run((answer && this.desk.checkOf(this)) || this),
    });
  }

  clear(count = null) {
    this.outputs = [];
    this.count = count;
    if (!this.isCode) return;
    this.out.replaceChildren();
    this.out.classList.remove("live-pass", "live-fail");
    this.told.textContent = "";
  }

  add(output) {
    const {more, output: whole} = add(this.outputs, output);
    if (more) this.out.lastElementChild.append(more);
    else this.out.append(element(whole));
  }
}

class Desk {
  constructor(settings) {
    this.settings = settings;
    this.store = new Store(SITE.pathname, settings.name);
    this.work = this.store.load();
    this.cells = new Map();
    this.kernel = new Kernel({
      // after Stop Python starts anew behind the scenes: nobody waits for that
      doing: (words) => this.busy && this.now(`${words} …`),
      progress: (bytes, of) => this.busy && this.now(`${this.doing} ${mega(bytes)} of ${mega(of)} MB`),
      begin: (id) => this.begin(this.cells.get(id)),
      output: (output) => this.current?.add(output),
      done: (told) => this.done(told),
      skipped: (id, why) => this.skipped(this.cells.get(id), this.cells.get(why)),
      idle: (fresh) => this.idle(fresh),
      failed: (words, running) => this.failed(words, running),
    });
    this.#controls();
    for (const box of document.querySelectorAll(".bd-article .cell[class*=tag_cell-], .bd-article .written")) this.#adopt(box);
    for (const [id, text] of Object.entries(this.work.cells)) {
      const cell = this.cells.get(id);
      if (cell) cell.source = text;
      else this.#orphan(id, text);
    }
    for (const each of this.work.added) this.#show(each);
    addEventListener("storage", (event) => this.#elsewhere(event));
    addEventListener("beforeunload", (event) => {
      if (!this.store.works && this.dirty) event.preventDefault();
    });
    if (Object.keys(this.work.cells).length || this.work.added.length) this.say("Your work on this problem set is back.");
  }

  // --- the parts of the page ---

  #controls() {
    panel.classList.add("live-on");
    this.file = make("input", {type: "file", accept: ".ipynb", class: "live-file", "aria-label": "Open .ipynb", tabindex: "-1", onchange: () => this.open(this.file.files[0])});
    panel.querySelector(".live-buttons").append(
      button("Run all", () => this.runAll()),
      button("Download .ipynb", () => this.download()),
      button("Open .ipynb …", () => this.file.click()), this.file,
      button("Reset …", () => this.reset()));
    this.status = make("span", {role: "status", class: "live-said"});
    this.ticker = make("span", {class: "live-now", "aria-hidden": "true"});
    this.stopper = button("Stop", () => this.stop(), {disabled: "", class: "live-button live-stop"});
    this.bar = make("div", {class: "live-bar live-silent"}, this.stopper, make("span", {class: "live-words"}, this.status, " ", this.ticker));
    this.hint = make("p", {id: "live-hint", class: "live-hint"}, "Shift+Enter runs and checks. Tab indents; Escape, then Tab, leaves the editor.");
    panel.querySelector(".live-buttons").after(this.hint);
    document.querySelector(".bd-article").append(this.bar);
  }

  #adopt(box) {
    if (box.matches(".written")) {
      this.#register(new Cell(this, box, {id: box.dataset.cell, role: "text", source: this.work.cells[box.dataset.cell] ?? box.textContent.trim()}));
      return;
    }
    const tag = (start) => [...box.classList].find((name) => name.startsWith(start))?.slice(start.length);
    this.#register(new Cell(this, box, {id: tag("tag_cell-"), role: tag("tag_role-"), locked: box.matches(".tag_locked")}));
  }

  #register(cell) {
    this.cells.set(cell.id, cell);
    return cell;
  }

  /** The cells in the order of the page. */
  get order() {
    return [...document.querySelectorAll(".live-cell")].map((box) => this.cells.get(box.dataset.id));
  }

  checkOf(cell) { return this.cells.get(`check-${cell.id}`); }

  /** Work on a cell that this edition of the problem set lacks becomes a cell of the student's own. */
  #orphan(id, source) {
    delete this.work.cells[id];
    this.store.put(id, null);
    const after = this.order.findLast((cell) => !cell.added)?.id ?? "";
    this.work.added.push({id, after, type: id.startsWith("written-") ? "markdown" : "code", source});
    this.store.putAdded(this.work.added);
  }

  #show({id, after, type, source}) {
    const box = make("div", {class: "cell live-added"});
    const at = this.cells.get(after);
    let place = at?.box;
    if (!place) {  // after a text of the notebook, which is no cell of the page: before the next cell
      const ids = this.released?.cells.map((cell) => cell.id) ?? [];
      const next = ids.slice(ids.indexOf(after) + 1).map((each) => this.cells.get(each)).find(Boolean);
      if (next) next.box.before(box);
      else this.bar.before(box);
    } else {
      while (place.nextElementSibling?.matches(".live-added")) place = place.nextElementSibling;
      place.after(box);
    }
    const cell = this.#register(new Cell(this, box, {id, role: type === "code" ? "code" : "text", added: true, source}));
    if (cell.shown) cell.shown.textContent = source;
    if (this.editor) cell.edit(this.editor);
    return cell;
  }

  // --- what is written ---

  changed(cell, text) {
    if (text === cell.text) return;
    cell.text = text;
    this.dirty = true;
    let kept;
    if (cell.added) {
      this.work.added.find(({id}) => id === cell.id).source = text;
      kept = this.store.putAdded(this.work.added);
    } else {
      const asReleased = this.released && text === this.#releasedSource(cell.id);
      if (asReleased) delete this.work.cells[cell.id];
      else this.work.cells[cell.id] = text;
      kept = this.store.put(cell.id, asReleased ? null : text);
    }
    if (!kept && !this.warned) {
      this.warned = true;
      this.say("This browser keeps nothing for this page: download your notebook before you leave.");
    }
  }

  #releasedSource(id) { return this.released.cells.find((cell) => cell.id === id)?.source; }

  async insert(cell) {
    await this.prepare();
    const after = cell.added ? this.work.added.find(({id}) => id === cell.id).after : cell.id;
    const each = {id: freshId(new Set([...this.released.cells.map(({id}) => id), ...this.cells.keys()])), after, type: "code", source: ""};
    this.work.added.push(each);
    this.store.putAdded(this.work.added);
    this.#show(each).editor?.focus();
  }

  async remove(cell) {
    if (cell.text.trim() && !(await ask("Remove this cell?", "What you wrote in it is deleted.", "Remove it", "Keep it"))) return;
    this.#take(cell);
    this.work.added = this.work.added.filter(({id}) => id !== cell.id);
    this.store.putAdded(this.work.added);
    this.say("The cell is removed.");
  }

  #take(cell) {
    cell.editor?.remove();
    cell.box.remove();
    this.cells.delete(cell.id);
  }

  #elsewhere(event) {
    const id = this.store.changed(event);
    if (id === null) return;
    const work = this.store.load(), cell = this.cells.get(id);
    const busy = (each) => each.box.contains(document.activeElement);  // what is being written here counts
    if (id === ADDED) {
      const own = [...this.cells.values()].filter(({added}) => added);
      if (own.some(busy)) return;
      own.forEach((each) => this.#take(each));
      this.work.added = work.added;
      for (const each of work.added) this.#show(each);
    } else if (cell && !busy(cell)) {
      if (id in work.cells) this.work.cells[id] = work.cells[id];
      else delete this.work.cells[id];
      const text = work.cells[id] ?? (this.released ? this.#releasedSource(id) : null);
      if (text !== null) cell.source = text;
    }
  }

  // --- files ---

  async fetchNotebook() {
    if (!this.released) {
      const answer = await fetch(this.settings.notebook);
      if (!answer.ok) throw new Error(`${this.settings.notebook}: ${answer.status}`);
      this.released = await answer.json();
    }
  }

  async download() {
    if (!(await this.#tried(this.fetchNotebook()))) return;
    const outputs = Object.fromEntries([...this.cells.values()].map(({id, count, outputs: all}) => [id, {count, outputs: all}]));
    const file = new Blob([JSON.stringify(compose(this.released, this.work, outputs), null, 1), "\n"], {type: "application/x-ipynb+json"});
    const link = make("a", {href: URL.createObjectURL(file), download: `${this.settings.name}.ipynb`});
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    this.dirty = false;
    this.say(`${this.settings.name}.ipynb is downloaded: that is the file to hand in.`);
  }

  async open(file) {
    if (!file) return;
    this.file.value = "";  // so that the same file can be opened again
    try {
      if (file.size > LARGEST) throw new Error(`This file has more than ${LARGEST / 1e6} MB.`);
      await this.fetchNotebook();
      const {work, notes} = read(await file.text(), this.released, this.settings.name);
      const any = Object.keys(this.work.cells).length || this.work.added.length;
      if (any && !(await ask("Replace the work on this page?", `What you wrote here is replaced by what is in ${file.name}.`, "Replace it", "Keep my work"))) return;
      this.#put(work);
      this.say([`${file.name} is open.`, ...notes].join(" "));
    } catch (error) {
      this.say(`${file.name} is not opened. ${error.message}`);
    }
  }

  async reset() {
    if (!(await this.#tried(this.fetchNotebook()))) return;
    if (!(await ask("Reset this problem set?", "All that you wrote on this page is deleted.", "Delete my work", "Keep my work"))) return;
    this.#put({cells: {}, added: []});
    this.say("The problem set is as it was released.");
  }

  /** Put other work in the place of what is here. */
  #put(work) {
    this.store.clear();
    for (const cell of [...this.cells.values()].filter(({added}) => added)) this.#take(cell);
    this.work = work;
    for (const cell of this.cells.values()) {
      cell.clear();
      if (cell.locked) continue;
      cell.source = work.cells[cell.id] ?? this.#releasedSource(cell.id);
    }
    for (const [id, text] of Object.entries(work.cells)) this.store.put(id, text);
    this.store.putAdded(work.added);
    for (const each of work.added) this.#show(each);
    this.dirty = false;
    this.kernel.end();  // what was defined before is no part of this work
    this.#forget();
    this.#rest();
  }

  // --- running ---

  /** Load the notebook and the editors, once. */
  async prepare() {
    await (this.prepared ??= (async () => {
      const [{editors}] = await Promise.all([import("./editor.js"), this.fetchNotebook()]);
      const editor = await editors(new URL("../vendor/editor/index.js", import.meta.url).href);
      for (const cell of this.cells.values()) {
        cell.text ??= this.#releasedSource(cell.id);
        cell.edit(editor);
      }
      this.editor = editor;
    })().catch((error) => {
      this.prepared = null;
      throw error;
    }));
  }

  async #start(target) {
    if (this.busy) {
      this.say("A cell is running: wait, or press Stop.");
      return;
    }
    this.busy = true;
    const turn = (this.turn = {});
    this.stopper.disabled = false;
    this.now(target ? `Running ${target.name} …` : "Running all cells …");
    this.kernel.start();
    const ready = await this.#tried(this.prepare());
    if (this.turn !== turn) return;  // stopped meanwhile
    if (!ready) {
      this.kernel.end();
      this.#rest();
      return;
    }
    const code = this.order.filter((cell) => cell.isCode);
    this.sent = new Map(code.map(({id, text}) => [id, text]));
    this.kernel.run({
      cells: code.map(({id, role, text}) => ({id, role, source: text})),
      stale: code.filter(({ran, text}) => ran !== text).map(({id}) => id),
      target: target?.id,
    });
  }

  run(cell) { return this.#start(cell); }

  runAll() { return this.#start(undefined); }

  begin(cell) {
    this.current = cell;
    cell.clear();
    cell.ran = this.sent.get(cell.id);
    this.said = "";
    this.now(`Running ${cell.name} …`, true);
  }

  done({count, ename}) {
    const cell = this.current;
    cell.count = count;
    cell.told.textContent = `[${count}]`;
    if (ename && cell.role !== "check") cell.ran = null;
    const failed = ename || (cell.role === "check" && cell.outputs.some((output) => words(output).includes("✗")));
    cell.out.classList.toggle("live-fail", Boolean(failed));
    cell.out.classList.toggle("live-pass", cell.role === "check" && !failed);
    this.said = gist(cell.outputs) || `${cell.name} has run.`;
  }

  skipped(cell, why) {
    cell.clear();
    cell.out.classList.add("live-fail");
    const words = `Not run, for ${why.name} above ends with an error: ${this.said}`;
    cell.out.append(make("pre", {class: "live-error"}, words));
    this.said = words;
  }

  idle(fresh) {
    if (fresh) return;  // a job may be waiting
    this.#rest();
    this.say(this.said ?? "");
  }

  stop() {
    const starting = this.kernel.state === "starting";
    if (starting) this.kernel.end();
    else this.kernel.stop();
    if (!starting) this.current?.out.append(make("pre", {class: "live-error"}, "Stopped."));
    this.#forget();
    this.#rest();
    this.say("Stopped. Your work is kept; the cells above run again when you next press Run.");
  }

  /** Python was ended: no cell has run. */
  #forget() {
    for (const cell of this.cells.values()) cell.ran = null;
    this.current = null;
  }

  #rest() {
    clearInterval(this.clock);
    this.busy = false;
    this.turn = null;
    this.stopper.disabled = true;
    this.ticker.textContent = "";
  }

  failed(words, running) {
    this.#forget();
    this.#rest();
    if (running) {
      this.say(`Python broke down: ${words}. Your work is kept; press Run to start it anew.`);
      return;
    }
    const {zip, name} = this.settings;
    this.say("");
    this.status.replaceChildren(`Python does not run here: ${words} `,
      make("a", {href: zip, download: ""}, `Download ${name}.zip`), " to solve it in Jupyter.");
  }

  async #tried(promise) {
    try {
      await promise;
      return true;
    } catch (error) {
      this.say(`This could not be loaded: ${error.message} Is the network there? Press again to retry.`);
      return false;
    }
  }

  // --- what is told ---

  say(words) {
    this.bar.classList.remove("live-silent");
    this.status.textContent = words;
  }

  /** What goes on, with the time from some seconds on; not announced, for it changes all the time. */
  now(words, timed = false) {
    if (words.endsWith(" …")) this.doing = words.replace(/ …$/, ":");
    this.say("");
    this.ticker.textContent = words;
    clearInterval(this.clock);
    if (!timed) return;
    const since = performance.now();
    this.clock = setInterval(() => {
      const seconds = Math.round((performance.now() - since) / 1000);
      if (seconds >= PATIENCE) this.ticker.textContent = `${words.replace(/ …$/, "")} for ${seconds} s; Stop ends it.`;
    }, 1000);
  }
}

const mega = (bytes) => (bytes / 1e6).toFixed(1);

/** A question with two answers, of which the second is the careful one. */
function ask(title, text, yes, no) {
  return new Promise((answer) => {
    const dialog = make("dialog", {class: "live-dialog", "aria-labelledby": "live-title"},
      make("h2", {id: "live-title"}, title), make("p", {}, text),
      make("form", {method: "dialog", class: "live-buttons"},
        make("button", {class: "live-button live-run", value: "", autofocus: ""}, no),
        make("button", {class: "live-button", value: "yes"}, yes)));
    dialog.addEventListener("close", () => {
      dialog.remove();
      answer(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

if (panel && typeof Worker === "function" && typeof WebAssembly === "object" && typeof HTMLDialogElement === "function") {
  new Desk(JSON.parse(panel.dataset.settings));
}
