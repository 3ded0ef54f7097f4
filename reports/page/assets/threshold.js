// The threshold slider: every stop is a stored cut with its exact counts, and nothing between is guessed.

import { DATA, estimateOf } from "./data.js";
import { cutAt } from "./curves.js";
import { figure, h, scrolling } from "./dom.js";
import { count, fixed, interval, isNumber, significant, words } from "./format.js";
import { METRICS, cost, countsAt, eventsAt, sigmoid } from "./metrics.js";
import { set, state, watch } from "./state.js";

const SHOWN = ["sensitivity", "specificity", "precision", "f1", "balanced_accuracy", "mcc"];
const OF_EVENTS = [["event_sensitivity", 3], ["event_precision", 3], ["fa_per_day", 1]];

export function saidCut(detail, cut) {
  const score = cutAt(detail, cut);
  if (score === -Infinity) return "score ≥ −∞: everything is detected";
  if (score === Infinity) return "score ≥ ∞: nothing is detected";
  return `score ≥ ${significant(score, 4)}, threshold ${fixed(sigmoid(score), 4)}`;
}

function confusion(counts) {
  const cell = (key, name) => h("td", { class: key === "tp" || key === "tn" ? "right" : "wrong" }, h("strong", { "data-count": key }, count(counts[key])), h("small", {}, name));
  return h(
    "table",
    { class: "confusion" },
    h("caption", {}, "Confusion matrix at this cut"),
    h("thead", {}, h("tr", {}, h("td", {}), h("th", { scope: "col" }, "detected"), h("th", { scope: "col" }, "not detected"))),
    h("tbody", {},
      h("tr", {}, h("th", { scope: "row" }, "positive"), cell("tp", "found"), cell("fn", "missed")),
      h("tr", {}, h("th", { scope: "row" }, "negative"), cell("fp", "false alarms"), cell("tn", "left alone"))),
  );
}

function line(name, now, own, decimals) {
  const { value, low, high } = own;
  const range = interval(low, high, decimals);
  return h("tr", {}, h("th", { scope: "row" }, words(name)), h("td", { class: "number", "data-metric": name }, fixed(now, decimals)),
    h("td", { class: "number own" }, fixed(value, decimals), range && h("small", {}, range)));
}

function measures(detail, row, counts) {
  const found = SHOWN.map((name) => line(name, METRICS[name](counts), estimateOf(row, `val_${name}`), 3));
  if (detail.events) {
    const events = eventsAt(detail.events, state.cut, DATA.events);
    found.push(...OF_EVENTS.map(([name, decimals]) => line(name, events[name], estimateOf(row, `val_${name}`), decimals)));
  }
  const own = cost(countsAt(detail, detail.own, DATA.rows, DATA.positives), state.costs);
  found.push(line("cost", cost(counts, state.costs), { value: own }, Number.isInteger(own) ? 0 : 1));
  const head = h("tr", {}, h("td", {}), h("th", { scope: "col", class: "number" }, "at this cut"), h("th", { scope: "col", class: "number" }, "at the trial's threshold"));
  return scrolling("Metrics", h("table", { class: "measures" }, h("thead", {}, head), h("tbody", {}, found)));
}

// The stored cut where `score(counts)` is largest; of equal ones the lowest.
function bestCut(detail, score) {
  const scores = detail.cuts.map((_, cut) => score(countsAt(detail, cut, DATA.rows, DATA.positives)));
  return scores.reduce((best, now, cut) => (isNumber(now) && !(now <= (scores[best] ?? -Infinity)) ? cut : best), 0);
}

function costField(key, label) {
  const change = (event) => {
    const value = Number(event.target.value);
    if (event.target.value !== "" && value >= 0) set({ costs: { ...state.costs, [key]: value } });
  };
  return h("label", { class: "field short" }, h("span", {}, label), h("input", { type: "number", min: 0, step: "any", id: `cost-${key}`, value: state.costs[key], input: change }));
}

export function thresholdFigure(detail, row) {
  const slider = h("input", { type: "range", id: "threshold", min: 0, max: detail.cuts.length - 1, step: 1, value: state.cut, "aria-label": "Threshold", input: (event) => set({ cut: Number(event.target.value) }) });
  const said = h("output", { for: "threshold", id: "cut", class: "cut" });
  const numbers = h("div", { class: "numbers" });
  const jump = (name, cut) => h("button", { click: () => set({ cut: cut() }) }, name);
  const redraw = () => {
    const counts = countsAt(detail, state.cut, DATA.rows, DATA.positives);
    slider.value = state.cut;
    slider.setAttribute("aria-valuetext", saidCut(detail, state.cut));
    said.textContent = saidCut(detail, state.cut);
    numbers.replaceChildren(confusion(counts), measures(detail, row, counts));
  };
  const note =
    `Each stop is one of ${detail.cuts.length} stored cuts with exact counts of the ${count(DATA.rows)} validation rows. ` +
    "A cut chosen by looking at them flatters; the trial's value is cross-fitted instead.";
  const body = h(
    "div",
    { class: "threshold" },
    h("div", { class: "sliding" }, h("span", { "aria-hidden": "true" }, "detect all"), slider, h("span", { "aria-hidden": "true" }, "detect none")),
    said,
    h("div", { class: "controls" }, jump("Trial's threshold", () => detail.own), jump("Highest F1", () => bestCut(detail, METRICS.f1)), jump("Lowest cost", () => bestCut(detail, (counts) => -cost(counts, state.costs))),
      costField("fp", "cost of a false alarm"), costField("fn", "cost of a miss")),
    numbers,
  );
  redraw();
  return { redraw, figure: figure("Threshold", body, note, { class: "whole" }) };
}
