// What the reader has set on the page and sees of it, which outlasts its drawing anew.

import { byId } from "../dom.js";

const CALM_MS = 3000; // after the last touch the page may be drawn anew
const BUSY_MS = 60000; // so long at most it waits for a field that is being filled in
const STATE = ["chosen", "second", "cut", "costs", "recording"];
const OF_STATE = new Set(["choose", "second", "threshold", "cost-fp", "cost-fn", "recording", "command"]);
let touched = -Infinity;
let pressed = false;

for (const name of ["pointerdown", "keydown", "input", "wheel"]) {
  document.addEventListener(name, () => (touched = performance.now()), { capture: true, passive: true });
}
document.addEventListener("pointerdown", () => (pressed = true), true);
for (const name of ["pointerup", "pointercancel"]) document.addEventListener(name, () => (pressed = false), true);

function main() {
  return document.querySelector("main");
}

// Whether drawing the page anew would take something from the reader's hands.
export function inUse() {
  const ago = performance.now() - touched;
  if (pressed || ago < CALM_MS) return true;
  if (main().querySelector(".brush.is-on")) return true; // limits on axes are shares of what is drawn
  const marked = document.getSelection();
  if (!marked.isCollapsed && main().contains(marked.anchorNode)) return true;
  return ago < BUSY_MS && document.activeElement?.tagName === "SELECT" && main().contains(document.activeElement);
}

function sectionOf(element) {
  return element.closest("section")?.id ?? "";
}

// Names fields by their ids or columns, or by where they stand in their section.
function fields(selector) {
  const counts = new Map();
  return [...document.querySelectorAll(selector)].map((element) => {
    const place = `${sectionOf(element)} ${element.tagName}`;
    const number = counts.get(place) ?? 0;
    counts.set(place, number + 1);
    const row = element.closest("[data-trial]")?.dataset.trial;
    const name = element.id || element.dataset.column || (row && `trial ${row}`) || `number ${number}`;
    return [`${place} ${name}`, element];
  });
}

const CONTROLS = "main input, main select, main details";
const FOCUSED = "main input, main select, main button, main a, main summary, main [tabindex]";

function valueOf(element) {
  if (element.tagName === "DETAILS") return element.open;
  return element.type === "checkbox" ? element.checked : element.value;
}

function controls() {
  return fields(CONTROLS).filter(([, element]) => !OF_STATE.has(element.id));
}

// What stands on a page that was just drawn, to tell later what the reader has changed.
export function drawnAs(page) {
  return { state: { ...page.state.state }, values: new Map(controls().map(([name, element]) => [name, valueOf(element)])) };
}

function sorting() {
  const head = main().querySelector("th[aria-sort]");
  return head && [head.querySelector(".sort").dataset.column, head.getAttribute("aria-sort")];
}

export function kept(page, first) {
  const state = page.state.state;
  return {
    state: Object.fromEntries(STATE.filter((name) => state[name] !== first.state[name]).map((name) => [name, state[name]])),
    chosen: state.chosen,
    values: new Map(controls().map(([name, element]) => [name, valueOf(element)]).filter(([name, value]) => first.values.get(name) !== value)),
    sorting: sorting(),
    rows: byId("table-body")?.children.length ?? 0,
    focused: fields(FOCUSED).find(([, element]) => element === document.activeElement)?.[0] ?? null,
    scrolled: [...main().querySelectorAll(".scroll")].map((element) => element.scrollLeft),
    top: window.scrollY,
  };
}

function set(element, value) {
  if (element.tagName === "DETAILS") element.open = value;
  else {
    if (element.type === "checkbox") element.checked = value;
    else element.value = value;
    element.dispatchEvent(new Event(element.tagName === "SELECT" || element.type === "checkbox" ? "change" : "input"));
  }
}

function sort([column, direction]) {
  for (let tries = 0; tries < 2; tries++) {
    const now = sorting();
    if (now?.[0] === column && now[1] === direction) return;
    main().querySelector(`.sort[data-column="${CSS.escape(column)}"]`)?.click();
  }
}

function showRows(before) {
  for (let more; byId("table-body").children.length < before && (more = main().querySelector("#table-more button")); ) {
    const shown = byId("table-body").children.length;
    more.click();
    if (byId("table-body").children.length <= shown) return;
  }
}

export function restore(page, before) {
  const { state, set: change, choose } = page.state;
  const known = (id) => page.data.rowOf(id) !== undefined;
  if (Object.keys(before.state).length && known(before.chosen)) {
    choose(before.chosen); // who has looked at a trial stays there, though another may be the best now
    const { second, ...others } = before.state;
    delete others.chosen;
    change({ ...others, ...(second && second !== state.chosen && known(second) ? { second } : {}) });
  }
  const there = new Map(controls());
  for (const [name, value] of before.values) {
    const element = there.get(name);
    if (element && (element.tagName !== "SELECT" || [...element.options].some((option) => option.value === value))) set(element, value);
  }
  if (before.sorting) sort(before.sorting);
  showRows(before.rows);
  if (before.focused) new Map(fields(FOCUSED)).get(before.focused)?.focus({ preventScroll: true });
  // Charts get their height with the next frame.
  requestAnimationFrame(() => {
    main().querySelectorAll(".scroll").forEach((element, k) => (element.scrollLeft = before.scrolled[k] ?? 0));
    window.scrollTo({ top: before.top, behavior: "instant" });
    requestAnimationFrame(() => (main().style.minBlockSize = ""));
  });
}

// Keeps the height of the page while its parts are exchanged, so that nothing moves.
export function emptied(blank) {
  const height = main().getBoundingClientRect().height;
  const fresh = blank.cloneNode(true);
  main().replaceWith(fresh);
  fresh.style.minBlockSize = `${height}px`;
}
