// The course of the search: every trial's value when it finished, and the best until then.

import { DATA, ROWS, isBaseline, meanOf, titleOf, SIGN } from "./data.js";
import { legend, plot, steps } from "./chart.js";
import { figure, h, s, select } from "./dom.js";
import { duration, fixed, isNumber, words } from "./format.js";
import { choose, isVisible, state, watch } from "./state.js";

const TIMED = ROWS.filter((row) => isNumber(row.value)).map((row) => ({ row, when: Date.parse(row.finished_at) / 1000 }));
TIMED.sort((a, b) => a.when - b.when || a.row.index - b.row.index);
TIMED.forEach((entry, k) => (entry.place = k + 1));
const STARTS = ROWS.map((row) => Date.parse(row.started_at ?? row.finished_at) / 1000).filter(isNumber);
const BEGAN = STARTS.length ? Math.min(...STARTS) : 0;
const MANY = TIMED.length > 300;
const LENGTH = TIMED.length ? Math.max(1, TIMED.at(-1).when - BEGAN) : 1;
const UNIT = LENGTH > 2 * 86400 ? [86400, "days"] : LENGTH > 2 * 3600 ? [3600, "hours"] : LENGTH > 120 ? [60, "minutes"] : [1, "seconds"];

const BY = {
  time: { name: `${UNIT[1]} since the start`, of: ({ when }) => (when - BEGAN) / UNIT[0] },
  trials: { name: "trials finished", of: ({ place }) => place },
};
let by = BY.time;

function kind(row) {
  if (isBaseline(row)) return "is-baseline";
  return row.state === "stopped" ? "is-stopped" : "is-trial";
}

function points(x, y) {
  let best = -Infinity;
  const line = [];
  for (const entry of TIMED) {
    if (SIGN * meanOf(entry.row) <= best || isBaseline(entry.row)) continue;
    best = SIGN * meanOf(entry.row);
    line.push([x(by.of(entry)), y(SIGN * best)]);
  }
  const end = x(Math.max(...TIMED.map(by.of)));
  if (line.length) line.push([end, line.at(-1)[1]]);
  return line;
}

function dot(entry, x, y) {
  const { row } = entry;
  const place = { cx: x(by.of(entry)).toFixed(1), cy: y(row.value).toFixed(1), r: MANY ? 2.4 : 3.2 };
  const name = s("title", {}, `${row.trial_id}, ${titleOf(row)}: ${fixed(row.value)}`);
  return s("circle", { class: `dot ${kind(row)}`, ...place, click: () => choose(row.trial_id) }, name);
}

export function courseFigure() {
  if (!TIMED.length) return null;
  const values = TIMED.map(({ row }) => row.value);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const pad = (high - low || 0.1) * 0.06;
  let dots = [];
  const mark = () => {
    for (const [row, element] of dots) {
      element.classList.toggle("is-out", !isVisible(row));
      element.classList.toggle("is-chosen", row.trial_id === state.chosen);
    }
  };
  const chart = plot(
    () => `Best ${words(DATA.objective)} so far: ${fixed(high)} after ${duration(LENGTH)}`,
    250,
    () => ({
      x: { low: by === BY.time ? 0 : 1, high: Math.max(...TIMED.map(by.of)), name: by.name },
      y: { low: low - pad, high: high + pad, name: "value" },
    }),
    (x, y) => {
      dots = TIMED.map((entry) => [entry.row, dot(entry, x, y)]);
      return [s("path", { class: "line is-best", d: steps(points(x, y)) }), dots.map(([, element]) => element)];
    },
    mark,
  );
  watch(["chosen", "matching", "brushed"], mark);
  const change = (name) => ((by = BY[name]), chart.redraw());
  const keys = [["best so far", "is-best"], ["trial", "is-trial"], ["stopped early", "is-stopped"], ["baseline", "is-baseline"]];
  if (MANY) chart.host.classList.add("many");
  return figure(
    "Best so far",
    h("div", {}, chart.host, h("div", { class: "controls under" }, legend(keys), select("by", [["time", "time"], ["trials", "trials"]], "time", change))),
    "Each dot is a finished trial; the line is the best of the trained ones until then.",
  );
}
