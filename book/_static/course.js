// What every page needs and the theme lacks.

// Wide formulas, tables and code scroll inside the column. Let the keyboard scroll them, too, and
// let course.css show that there is more: only what is too wide becomes a stop for the Tab key.
const WIDE = ".bd-article mjx-container[display=true], .bd-article span.math, .bd-article .pst-scrollable-table-container,"
  + " .bd-article .table-wrapper, .bd-article .course-table, .bd-article pre, .bd-article div.output.text_html";

function name(box) {
  if (box.matches("mjx-container, span")) return "formula";
  return box.querySelector("table") ? box.querySelector("caption")?.textContent || "table" : "code";
}

function mark(box) {
  // a formula in a line holds a copy for screen readers, which makes its scrollWidth larger
  const content = box.matches("span") ? box.firstElementChild?.getBoundingClientRect().width : box.scrollWidth;
  const scrolls = content > box.clientWidth + 1;
  box.classList.toggle("scrolls", scrolls);
  edges(box);
  if (scrolls && box.tabIndex < 0) {
    box.tabIndex = 0;
    box.setAttribute("role", "region");
    box.setAttribute("aria-label", `${name(box)}, scrolls sideways`);
    box.dataset.stop = "";
  } else if (!scrolls && "stop" in box.dataset) {
    for (const given of ["tabindex", "role", "aria-label", "data-stop"]) box.removeAttribute(given);
  }
}

/** Fade out the side on which there is more to see. */
function edges(box) {
  const left = box.scrollLeft > 2, right = box.scrollLeft + box.clientWidth < box.scrollWidth - 2;
  box.dataset.more = [left && "left", right && "right"].filter(Boolean).join(" ");
}

function watch() {
  const sizes = new ResizeObserver((seen) => seen.forEach(({target}) => mark(target)));
  for (const box of document.querySelectorAll(WIDE)) {
    mark(box);
    box.addEventListener("scroll", () => edges(box), {passive: true});
    sizes.observe(box);
  }
}

// MathJax lays the formulas out after the page is there; it calls this when it has.
if (window.MathJax?.startup?.promise) window.MathJax.startup.promise.then(watch);
else addEventListener("load", () => (window.MathJax?.startup?.promise ?? Promise.resolve()).then(watch));

// The search page quotes the pages it finds: their sentences, without title, formulas and code.
const NO_WORDS = "h1, .math, pre, style, script, figure, table, nav, section.live, .headerlink, .cell_input, .fa-solid";

function quote(text, anchor) {
  const page = new DOMParser().parseFromString(text, "text/html");
  const part = (anchor && page.querySelector(`[role=main] ${anchor}`)) || page.querySelector(".bd-article");
  for (const node of part?.querySelectorAll(NO_WORDS) ?? []) {
    node.replaceWith(node.matches("span.math") ? "…" : " ");
  }
  return part?.textContent.replace(/\s+/g, " ").trim() ?? "";
}

document.addEventListener("DOMContentLoaded", () => {
  if (typeof Search !== "undefined") Search.htmlToText = quote;
  // The entries of the bibliography have a role of their own, which is none of a list's.
  for (const list of document.querySelectorAll(".citation-list[role=list]")) list.removeAttribute("role");
  // The arrows that unfold a part of the sidebar have no name of their own.
  for (const arrow of document.querySelectorAll(".bd-sidebar-primary summary:has(> .toctree-toggle)")) {
    const page = arrow.closest("li")?.querySelector("a")?.textContent.trim();
    arrow.setAttribute("aria-label", `Pages under ${page ?? "this one"}`);
  }
});
