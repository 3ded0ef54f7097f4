// Heads x losses: the best trial of each pair.

import { DATA, ROWS, SIGN, isBaseline, meanOf, valueOf } from "./data.js";
import { byId, figure, h, scrolling } from "./dom.js";
import { DASH, fixed, interval, isNumber, plural, words } from "./format.js";
import { choose } from "./state.js";

const OBJECTIVE = `val_${DATA.objective}`;
const TRAINED = ROWS.filter((row) => !isBaseline(row) && row.head && row.loss);

function unique(name) {
  return [...new Set(TRAINED.map((row) => row[name]))].sort();
}

function intervalOf(row) {
  const { low, high } = valueOf(row);
  if (interval(low, high)) return interval(low, high);
  const range = interval(row[`${OBJECTIVE}_low`], row[`${OBJECTIVE}_high`]);
  return range && `in sample ${fixed(row[OBJECTIVE])} (${range})`;
}

function tried(head, loss) {
  return TRAINED.filter((row) => row.head === head && row.loss === loss);
}

function bestOf(rows) {
  return rows.find((row) => isNumber(meanOf(row))); // rows stand by rank
}

function cell(rows, low, high) {
  if (!rows.length) return h("td", { class: "nothing" }, DASH);
  const best = bestOf(rows);
  const many = h("small", {}, plural(rows.length, "trial"));
  if (!best) return h("td", {}, h("strong", {}, DASH), many);
  const open = () => (choose(best.trial_id), byId("trial").scrollIntoView());
  const element = h(
    "td",
    { class: "shaded" },
    h("button", { class: "link", "aria-label": `${best.head}, ${best.loss}: ${fixed(meanOf(best))}; show trial ${best.trial_id}`, click: open }, h("strong", {}, fixed(meanOf(best)))),
    h("small", {}, intervalOf(best)),
    many,
  );
  element.style.setProperty("--share", `${(100 * (SIGN > 0 ? meanOf(best) - low : high - meanOf(best))) / (high - low || 1)}%`);
  return element;
}

export function matrixFigure() {
  const heads = unique("head");
  const losses = unique("loss");
  const best = heads.flatMap((head) => losses.map((loss) => bestOf(tried(head, loss)))).filter(Boolean);
  const values = best.map(meanOf);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const top = h("tr", {}, h("td", {}), losses.map((loss) => h("th", { scope: "col" }, words(loss))));
  const body = heads.map((name) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, words(name)),
      losses.map((loss) => cell(tried(name, loss), low, high)),
    ),
  );
  return figure(
    "Heads × losses",
    scrolling("Heads and losses", h("table", { class: "matrix" }, h("thead", {}, top), h("tbody", {}, body))),
    `The best value of each pair, with the 95% interval ${DATA.selection ? "" : `of its ${words(DATA.objective)} in sample`}; a dash is a pair that was not tried.`,
    { class: "whole" },
  );
}
