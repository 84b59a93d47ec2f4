// The work of a student, kept in the browser's own storage: one entry a changed cell, so that two
// windows with the same problem set do not write over each other's cells.

export const ADDED = "+";  // the entry with the cells that the student put in; no cell has this name

export class Store {
  /** `place` is the address of the site, for several may share a server. */
  constructor(place, name, storage = () => localStorage) {
    this.prefix = `${place} exercises ${name} `;
    this.works = true;  // until the browser says no
    this.storage = storage;
  }

  #try(use, otherwise) {
    try {
      return use(this.storage());
    } catch {
      this.works = false;
      return otherwise;
    }
  }

  #entries() {
    return this.#try((storage) => Array.from({length: storage.length}, (_, i) => storage.key(i))
      .filter((key) => key?.startsWith(this.prefix)), []);
  }

  load() {
    const work = {cells: {}, added: []};
    for (const key of this.#entries()) {
      const value = this.#try((storage) => storage.getItem(key), null);
      const id = key.slice(this.prefix.length);
      if (value === null) continue;
      if (id !== ADDED) work.cells[id] = value;
      else {
        try {
          work.added = JSON.parse(value).filter((each) => ["id", "after", "type", "source"].every((name) => typeof each[name] === "string"));
        } catch { /* written by something else: there is nothing to be had from it */ }
      }
    }
    return work;
  }

  /** Keep the source of a cell; `null` where it is as released. True if that could be done. */
  put(id, source) {
    return this.#try((storage) => {
      if (source === null) storage.removeItem(this.prefix + id);
      else storage.setItem(this.prefix + id, source);
      return true;
    }, false);
  }

  putAdded(added) {
    return this.put(ADDED, added.length ? JSON.stringify(added) : null);
  }

  clear() {
    for (const key of this.#entries()) this.#try((storage) => storage.removeItem(key));
  }

  /** Which cell another window has changed, if a storage event is about one; ADDED for those put in. */
  changed(event) {
    return event.key?.startsWith(this.prefix) ? event.key.slice(this.prefix.length) : null;
  }
}
