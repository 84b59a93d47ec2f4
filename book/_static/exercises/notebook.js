// A notebook as a file, and the work of a student on it: one from the other. Nothing here touches
// the page.
//
// The work is {cells: {id: source}, added: [{id, after, type, source}]}: the cells that differ from
// the released ones, and those that the student put in, each after a released cell ("" is the top).

export const LARGEST = 50e6;  // bytes; the grader takes no more, either

const text = (source) => (Array.isArray(source) ? source.join("") : String(source ?? ""));
const mark = (cell) => cell?.metadata?.nbgrader ?? {};
const isAnswer = (cell) => mark(cell).solution === true;
const isLocked = (cell) => mark(cell).locked === true;

/** The notebook to hand in: what was released, with the work and the outputs ({id: {count, outputs}}). */
export function compose(released, work, outputs = {}) {
  const done = (cell, id) => (cell.cell_type !== "code" ? cell : {
    ...cell, execution_count: outputs[id]?.count ?? null, outputs: outputs[id]?.outputs ?? [],
  });
  const own = (after) => work.added.filter((each) => each.after === after).map(({id, type, source}) =>
    done({cell_type: type, id, metadata: {}, source}, id));
  const cells = [...own("")];
  for (const cell of released.cells) {
    const source = isLocked(cell) ? cell.source : work.cells[cell.id] ?? cell.source;
    cells.push(done({...cell, source: text(source)}, cell.id), ...own(cell.id));
  }
  return {...released, cells};
}

/** A name for a new cell that no cell of the notebook has. */
export function freshId(taken, wish = "added") {
  const base = /^[A-Za-z0-9_-]{1,50}$/.test(wish) ? wish : "added";
  let id = base;
  for (let number = 2; taken.has(id); number += 1) id = `${base}-${number}`;
  return id;
}

/**
 * The work in a notebook's file, with notes for the student on what was not as expected.
 *
 * Throws an Error whose message says why, if the file is no notebook of this problem set.
 */
export function read(content, released, name) {
  let file;
  try {
    file = JSON.parse(content);
  } catch {
    throw new Error("This file is not a notebook: it does not hold JSON.");
  }
  if (file?.nbformat !== 4 || !Array.isArray(file.cells)) {
    throw new Error("This file is not a notebook of Jupyter's format 4.");
  }
  const byGrade = new Map(released.cells.filter((cell) => mark(cell).grade_id).map((cell) => [mark(cell).grade_id, cell]));
  const plain = new Map(released.cells.filter((cell) => !mark(cell).grade_id).map((cell) => [cell.id, cell]));
  const taken = new Set(released.cells.map((cell) => cell.id));
  const work = {cells: {}, added: []}, seen = new Set(), twice = [];
  let after = "";
  for (const cell of file.cells) {
    if (typeof cell !== "object" || cell === null) continue;
    const source = text(cell.source), grade = mark(cell).grade_id;
    const known = byGrade.get(grade) ?? (grade === undefined ? plain.get(cell.id) : undefined);
    if (known && !seen.has(known.id)) {
      seen.add(known.id);
      after = known.id;
      if (!isLocked(known) && source !== text(known.source)) work.cells[known.id] = source;
      continue;
    }
    if (known && isAnswer(known)) twice.push(known.id);
    if (known && (isLocked(known) || source === text(known.source))) continue;
    const id = freshId(taken, cell.id);
    taken.add(id);
    work.added.push({id, after, type: cell.cell_type === "code" ? "code" : "markdown", source});
  }
  const answers = released.cells.filter(isAnswer);
  if (!answers.some((cell) => seen.has(cell.id))) {
    throw new Error(`This notebook has no answer cell of ${name}: is it of another problem set?`);
  }
  const notes = [];
  const missing = answers.filter((cell) => !seen.has(cell.id)).map((cell) => cell.id);
  if (missing.length) notes.push(`Not in the file, and so as released: ${missing.join(", ")}.`);
  if (twice.length) notes.push(`More than once in the file, the first counts: ${[...new Set(twice)].join(", ")}.`);
  return {work, notes};
}
