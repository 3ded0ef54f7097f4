// Elements, built of parts. Text is only ever set as text: nothing from the data is read as HTML.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name, value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function s(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

export function byId(id) {
  return document.getElementById(id);
}

export function section(id, title, ...children) {
  const element = byId(id);
  element.replaceChildren(h("h2", { id: `${id}-title` }, title), ...children.flat().filter(Boolean));
  return element;
}

// A chart or a table with its title, and a line that says how to read it.
export function figure(title, body, note = null, attributes = {}) {
  return h("figure", attributes, h("figcaption", {}, h("h3", {}, title), note && h("p", { class: "note" }, note)), body);
}

// A table that scrolls sideways by itself where it is wider than its place; told by its name.
export function scrolling(label, table) {
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label }, table);
}

export function definitions(pairs, kind = "facts") {
  return h("dl", { class: kind }, pairs.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

export function select(label, options, chosen, change) {
  const box = h(
    "select",
    { change: (event) => change(event.target.value) },
    options.map(([value, text]) => h("option", { value, selected: value === chosen }, text)),
  );
  return h("label", { class: "field" }, h("span", {}, label), box);
}
