// Parallel coordinates: a line per trial across its settings, and a brush on each axis that filters the table.

import { canvas, scaleOf, ticks } from "./chart.js";
import { NAMES, ROWS, isBaseline, titleOf } from "./data.js";
import { figure, h, s } from "./dom.js";
import { fixed, isNumber, significant, words } from "./format.js";
import { choose, isVisible, set, state, watch } from "./state.js";

const HEIGHT = 300;
const TOP = 34;
const BOTTOM = 20;
const WANTED = ["head", "loss", "optimizer", "learning_rate", "batch_size", "class_weight", "hidden_layers", "dropout", "weight_decay", "label_smoothing", "focal_gamma", "augmentation", "value"];
const LOG = new Set(["learning_rate", "weight_decay"]);
// The best are drawn last, on top.
const LINES = ROWS.filter((row) => !isBaseline(row) && isNumber(row.value)).sort((a, b) => a.value - b.value);
const OPACITY = Math.max(0.15, Math.min(0.8, 12 / Math.sqrt(LINES.length)));
const brushes = new Map(); // axis name -> [low, high], shares of the axis from its foot

function axisOf(name) {
  const values = LINES.map((row) => row[name]).filter((value) => value !== null && value !== undefined);
  const distinct = [...new Set(values)];
  if (distinct.length < 2) return null;
  if (name === "batch_size" || !distinct.every(isNumber)) {
    distinct.sort((a, b) => (a < b ? -1 : 1));
    const at = new Map(distinct.map((value, k) => [value, (k + 0.5) / distinct.length]));
    return { name, share: (row) => at.get(row[name]), marks: distinct.map((value) => [at.get(value), String(value)]) };
  }
  const ends = { low: Math.min(...values), high: Math.max(...values), log: LOG.has(name) };
  const scale = scaleOf(ends, 0, 1);
  const marks = ticks(ends, 4).map((value) => [scale(value), significant(value, 2)]);
  return { name, share: (row) => (isNumber(row[name]) ? scale(row[name]) : undefined), marks };
}

const AXES = WANTED.filter((name) => NAMES.includes(name)).map(axisOf).filter(Boolean);
const VALUE = AXES.find(({ name }) => name === "value");

function brush(name, ends) {
  if (ends && ends[1] - ends[0] > 0.001) brushes.set(name, ends);
  else brushes.delete(name);
  const inside = (row) => AXES.every((axis) => {
    const range = brushes.get(axis.name);
    const share = axis.share(row);
    return !range || (share !== undefined && share >= range[0] && share <= range[1]);
  });
  const rows = brushes.size ? LINES.filter(inside) : ROWS;
  set({ brushed: new Set(rows.map((row) => row.index)) });
}

// By the keyboard: the arrow keys move a brush, with shift they change its height, escape takes it away.
function keys(event, axis) {
  const by = { ArrowUp: 0.05, ArrowDown: -0.05 }[event.key];
  if (event.key === "Escape") brush(axis.name, null);
  else if (by) {
    const [low, high] = brushes.get(axis.name) ?? [0.75, 1];
    const moved = event.shiftKey ? [low, high + by] : [low + by, high + by];
    if (!brushes.has(axis.name)) brush(axis.name, [low, high]);
    else if (moved[0] >= -0.001 && moved[1] <= 1.001) brush(axis.name, moved);
  } else return;
  event.preventDefault();
}

function drag(event, axis, shareAt) {
  const from = shareAt(event);
  const target = event.currentTarget;
  target.setPointerCapture(event.pointerId);
  const move = (now) => {
    const to = shareAt(now);
    brush(axis.name, [Math.max(0, Math.min(from, to)), Math.min(1, Math.max(from, to))]);
  };
  const done = () => {
    target.removeEventListener("pointermove", move);
    target.removeEventListener("pointerup", done);
  };
  brush(axis.name, null);
  target.addEventListener("pointermove", move);
  target.addEventListener("pointerup", done);
}

function said(axis) {
  const range = brushes.get(axis.name);
  return range ? `from ${fixed(100 * range[0], 0)}% to ${fixed(100 * range[1], 0)}% of the axis` : "not limited";
}

function chartOf() {
  let lines = [];
  const groups = new Map();
  const y = (share) => TOP + (1 - share) * (HEIGHT - TOP - BOTTOM);
  const draw = (width) => {
    const x = (k) => 34 + (k * (width - 80)) / Math.max(1, AXES.length - 1);
    lines = LINES.map((row) => {
      const points = AXES.map((axis, k) => [x(k), axis.share(row)]).filter(([, share]) => share !== undefined);
      const d = points.map(([px, share], k) => `${k ? "L" : "M"}${px.toFixed(1)} ${y(share).toFixed(1)}`).join("");
      const element = s("path", { d, click: () => choose(row.trial_id) }, s("title", {}, `${row.trial_id}, ${titleOf(row)}: ${fixed(row.value)}`));
      element.style.setProperty("--share", `${(100 * VALUE.share(row)).toFixed(0)}%`);
      return [row, element];
    });
    const axes = AXES.map((axis, k) => {
      const shareAt = (event) => 1 - (((event.clientY - event.currentTarget.ownerSVGElement.getBoundingClientRect().top) * HEIGHT) / event.currentTarget.ownerSVGElement.getBoundingClientRect().height - TOP) / (HEIGHT - TOP - BOTTOM);
      const zone = s("rect", {
        class: "zone", x: x(k) - 14, y: TOP - 6, width: 28, height: HEIGHT - TOP - BOTTOM + 12, tabindex: 0, role: "slider",
        "aria-orientation": "vertical", "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": 100, "aria-label": `limit ${words(axis.name)}`,
        keydown: (event) => keys(event, axis), pointerdown: (event) => drag(event, axis, shareAt),
      });
      const box = s("rect", { class: "brush", x: x(k) - 8, width: 16, rx: 3 });
      groups.set(axis.name, { zone, box });
      return s(
        "g",
        { class: "axis" },
        s("line", { x1: x(k), x2: x(k), y1: TOP, y2: HEIGHT - BOTTOM }),
        s("text", { class: "name", x: x(k), y: k % 2 ? 24 : 11, "text-anchor": "middle" }, words(axis.name)),
        axis.marks.map(([share, text]) => s("text", { x: x(k) + 6, y: y(share), dy: "0.32em" }, text)),
        box,
        zone,
      );
    });
    const all = s("g", { class: "lines" }, lines.map(([, element]) => element));
    all.style.setProperty("--opacity", OPACITY);
    return [all, axes];
  };
  const mark = () => {
    for (const [row, element] of lines) {
      element.classList.toggle("is-out", !isVisible(row));
      const chosen = row.trial_id === state.chosen;
      element.classList.toggle("is-chosen", chosen);
      if (chosen) element.parentNode?.append(element); // on top of the others
    }
    for (const [name, { zone, box }] of groups) {
      const range = brushes.get(name);
      box.classList.toggle("is-on", Boolean(range));
      if (range) {
        box.setAttribute("y", y(range[1]));
        box.setAttribute("height", y(range[0]) - y(range[1]));
      }
      zone.setAttribute("aria-valuetext", said({ name }));
    }
  };
  const chart = canvas(() => "Settings of all trials, a line for each", HEIGHT, draw, mark);
  watch(["chosen", "matching", "brushed"], mark);
  return chart.host;
}

export function parallelFigure() {
  if (!VALUE || AXES.length < 3) return null;
  const host = chartOf();
  host.style.minInlineSize = `${AXES.length * 74}px`;
  const clear = h("button", { click: () => [...brushes.keys()].forEach((name) => brush(name, null)) }, "Clear the limits");
  watch(["brushed"], () => (clear.disabled = !brushes.size));
  return figure(
    "Settings and values",
    h("div", {}, h("div", { class: "scroll" }, host), h("div", { class: "controls under" }, clear)),
    "A line per trial, darker for a better value. Drag along an axis to keep only what runs through there, in the table too; by keyboard, the arrow keys move a limit, shift widens it, escape lifts it.",
    { class: "whole" },
  );
}
