// Two trials side by side: what was set differently, what came of it, and their curves over each other.

import { legend } from "./chart.js";
import { learningFigure, precisionFigure, rocFigure } from "./curves.js";
import { DATA, detailOf, estimateOf, rowOf, titleOf, valueOf } from "./data.js";
import { figure, h, scrolling, section, select } from "./dom.js";
import { timelineFigure } from "./events.js";
import { fixed, interval, isNumber, words } from "./format.js";
import { choose, set, state, watch } from "./state.js";
import { SETTINGS, options, shown } from "./trial.js";

const MEASURED = ["sensitivity", "specificity", "precision", "f1", "balanced_accuracy", "mcc", "average_precision", "roc_auc", "brier", "ece"];
const OF_EVENTS = ["event_sensitivity", "event_precision", "event_f1", "fa_per_day"];

function table(title, rows, head) {
  return figure(title, scrolling(title, h("table", { class: "pairs" }, h("thead", {}, h("tr", {}, head.map((name, k) => h("th", { scope: "col", class: k ? "number" : null }, name)))), h("tbody", {}, rows))));
}

function differing(a, b) {
  const text = (row, name) => (row[name] === null || row[name] === undefined ? "–" : shown(name, row[name]));
  const names = [...SETTINGS, "threshold", "epochs", "best_epoch", "seed"].filter((name) => text(a, name) !== text(b, name));
  const rows = names.map((name) => h("tr", {}, h("th", { scope: "row" }, words(name)), h("td", { class: "number" }, text(a, name)), h("td", { class: "number" }, text(b, name))));
  return table("What differs", rows, ["setting", a.trial_id, b.trial_id]);
}

function measures(a, b) {
  const line = (name, x, y, decimals = 3) => {
    const cell = (one) => h("td", { class: "number" }, fixed(one.value, decimals), interval(one.low, one.high, decimals) && h("small", {}, interval(one.low, one.high, decimals)));
    return isNumber(x.value) || isNumber(y.value) ? h("tr", {}, h("th", { scope: "row" }, name), cell(x), cell(y)) : null;
  };
  const names = DATA.measured ?? (DATA.about_events ? [...OF_EVENTS, ...MEASURED] : [...MEASURED, ...OF_EVENTS]);
  const rows = [
    line("value, cross-fitted", valueOf(a), valueOf(b)),
    ...names.map((name) => line(words(name), estimateOf(a, `val_${name}`), estimateOf(b, `val_${name}`), name === "fa_per_day" ? 1 : 3)),
  ];
  return table("What came of it", rows.filter(Boolean), ["in sample, 95%", a.trial_id, b.trial_id]);
}

function draw() {
  const [a, b] = [rowOf(state.chosen), rowOf(state.second)];
  const change = (id) => (id === state.chosen ? null : set({ second: id }));
  const first = select("First", options(a.trial_id), a.trial_id, choose);
  const second = select("Second", options(b.trial_id).filter(([id]) => id !== a.trial_id), b.trial_id, change);
  second.querySelector("select").id = "second";
  const pair = () => [a, b].map((row) => ({ row, detail: detailOf(row.trial_id), cut: detailOf(row.trial_id)?.own }));
  const curves = pair().every(({ detail }) => detail && !detail.many) ? [rocFigure(pair), precisionFigure(pair), learningFigure(pair)].map((one) => one.figure) : [h("p", { class: "empty" }, DATA.measured ? "Their curves stand with each trial." : "Curves are stored for the best trials only.")];
  const [one, two] = pair().map(({ detail }) => detail);
  const timeline = one?.events && two?.events ? timelineFigure(one, [[`by ${b.trial_id}`, two]]).figure : null;
  section(
    "compare",
    "Two trials",
    h("div", { class: "controls" }, first, second),
    h("p", { class: "note" }, "Intervals that overlap do not show that two trials are equal, nor that they differ: both were measured on the same rows."),
    legend([[`${a.trial_id}, ${titleOf(a)}`, "is-first"], [`${b.trial_id}, ${titleOf(b)}`, "is-second"]]),
    h("div", { class: "figures" }, differing(a, b), measures(a, b), h("div", { class: "figures three whole" }, curves), timeline),
  );
}

export function drawCompare() {
  if (state.second === null) {
    document.querySelectorAll("#compare, [href='#compare']").forEach((found) => found.remove());
    return;
  }
  watch(["chosen", "second"], draw);
}
