// What a cell showed, in nbformat's form, as parts of the page.

const TAGS = new Set(("a abbr b blockquote br caption code col colgroup dd del details div dl dt em figcaption figure h1 h2 h3 h4 h5 h6"
  + " hr i ins kbd li mark ol p pre q s samp section small span strong sub summary sup table tbody td tfoot th thead tr u ul var").split(" "));
const ATTRIBUTES = /^(title|open|colspan|rowspan|scope|role|dir|lang|aria-[a-z]+)$/;
const STYLES = /^(color|background-color|font-(weight|style|size|family)|text-(align|decoration|indent)|white-space|vertical-align|(margin|padding|border)(-[a-z]+)*|max-width|width|overflow(-[xy])?|opacity|line-height|display)$/;
// shapes and words of a drawing, which refer to nothing; no style sheets, links, images or motion
const SHAPES = new Set("svg g path line polyline polygon rect circle ellipse text".split(" "));
const SHAPE_ATTRIBUTES = /^(viewBox|width|height|x|y|[xy][12]|cx|cy|r|rx|ry|d|points|transform|fill|stroke(-width|-dasharray|-linecap|-linejoin)?|(fill-|stroke-)?opacity|text-anchor|font-(size|weight)|role|aria-[a-z]+)$/;
const SHAPE_VALUES = /^(?!.*url)[\w\s.,#%()+-]*$/i;  // numbers, names, colours: no address, no quotes, no escapes
const XHTML = "http://www.w3.org/1999/xhtml", SVG = "http://www.w3.org/2000/svg";

/**
 * HTML as elements of the page, without anything that could run, load or cover the page.
 *
 * Built anew from a parsed copy, element by element: what is not on the lists above stays out, with
 * its text kept where a reader would see it.
 */
export function safe(html) {
  const parsed = new DOMParser().parseFromString(html, "text/html");
  const into = document.createDocumentFragment();
  for (const node of parsed.body.childNodes) copy(node, into);
  return into;
}

function copy(node, into) {
  if (node.nodeType === Node.TEXT_NODE) into.append(node.data);
  if (node.nodeType !== Node.ELEMENT_NODE) return;
  const name = node.localName;
  if (node.namespaceURI === SVG && SHAPES.has(name)) return copyShape(node, into);
  if (node.namespaceURI !== XHTML || /^(script|style|template|iframe|object|noscript|textarea|select|title)$/.test(name)) return;
  let target = into;
  if (TAGS.has(name)) {
    target = document.createElement(name);
    for (const {name: attribute, value} of node.attributes) {
      if (ATTRIBUTES.test(attribute)) target.setAttribute(attribute, value);
      if (attribute === "href" && /^(https?:|#)/i.test(value)) {
        target.setAttribute("href", value);
        target.setAttribute("rel", "noreferrer");
      }
    }
    for (const property of node.style ?? []) {
      const value = node.style.getPropertyValue(property);
      if (STYLES.test(property) && !/url\(|image|element\(/i.test(value)) target.style.setProperty(property, value);
    }
    into.append(target);
  }
  for (const child of node.childNodes) copy(child, target);
}

function copyShape(node, into) {
  const shape = document.createElementNS(SVG, node.localName);
  for (const {name, value} of node.attributes) {
    const told = /^(role|aria-)/.test(name);  // words, which nothing but a screen reader takes
    if (SHAPE_ATTRIBUTES.test(name) && (told || SHAPE_VALUES.test(value))) shape.setAttribute(name, value);
  }
  into.append(shape);
  for (const child of node.childNodes) copy(child, shape);
}

const plain = (text) => text.replace(/\x1b\[[0-9;]*m/g, "");  // colours for terminals

function block(kind, words) {
  const box = document.createElement("pre");
  box.className = `live-${kind}`;
  box.textContent = plain(words);
  return box;
}

/** One output as an element. */
export function element(output) {
  const {output_type: type} = output;
  if (type === "stream") return block(output.name === "stderr" ? "stderr" : "text", output.text);
  if (type === "error") return block("error", output.traceback.join("\n"));
  const data = output.data ?? {};
  if ("text/html" in data) {
    const box = document.createElement("div");
    box.className = "live-html";
    box.append(safe(data["text/html"]));
    return box;
  }
  const image = ["image/png", "image/jpeg"].find((media) => media in data);
  if (image) {
    const picture = new Image();
    picture.className = "live-picture";
    picture.alt = data["text/plain"] ?? "";
    const {width, height} = output.metadata?.[image] ?? {};
    if (width) Object.assign(picture, {width, height});
    picture.src = `data:${image};base64,${data[image]}`;
    return picture;
  }
  return block("text", data["text/plain"] ?? "");
}

/** Add an output to those of a cell; text goes on where text ended. Returns what is new. */
export function add(outputs, output) {
  const last = outputs.at(-1);
  if (output.output_type === "stream" && last?.output_type === "stream" && last.name === output.name) {
    last.text += output.text;
    return {more: plain(output.text)};
  }
  outputs.push({...output});
  return {output};
}

/** An output in words. */
export function words(output) {
  return output.output_type === "error" ? errorWords(output) : output.text ?? output.data?.["text/plain"] ?? "";
}

/** What a screen reader is told of a cell's outputs: their first line of words. */
export function gist(outputs) {
  for (const output of outputs) {
    const line = plain(words(output)).split("\n").map((each) => each.trim()).find(Boolean);
    if (line) return line;
  }
  return "";
}

/** Name and text of an exception; where it shows itself in words of its own, as a check does, those. */
function errorWords({ename, evalue, traceback}) {
  return traceback.at(-1)?.includes(ename) ? `${ename}: ${evalue}` : traceback.join("\n");
}
