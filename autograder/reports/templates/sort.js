"use strict";
// A click on a heading sorts its table by that column; another click turns the order round.
const order = new Intl.Collator(undefined, { numeric: true });
const kinds = "pkfeun";  // of the cells of checks: passed comes first
for (const table of document.querySelectorAll("table.sorts")) {
  const headings = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const falling = heading.getAttribute("aria-sort") === "ascending";
      for (const other of headings) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", falling ? "descending" : "ascending");
      const keyed = [...table.tBodies[0].rows].map((row) => {
        const cell = row.cells[column];
        const kind = cell.className.length === 1 ? kinds.indexOf(cell.className) : -1;
        return { row, kind, text: cell.textContent.trim() };
      });
      keyed.sort((a, b) => a.kind - b.kind || order.compare(a.text, b.text));
      if (falling) keyed.reverse();
      table.tBodies[0].append(...keyed.map((each) => each.row));
    });
  });
}
