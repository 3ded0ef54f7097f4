// One trial of classes, labels or a number: its decisions to move, and each class or label against the rest.

import { legend, path, plot } from "./chart.js";
import { unbounded } from "./data.js";
import { figure, h, s, scrolling } from "./dom.js";
import { count, fixed, interval, isNumber, significant, words } from "./format.js";

function bytes(text) {
  return Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
}

function opened({ y, scores, cuts }, size) {
  const flat = new DataView(bytes(scores).buffer);
  const values = Float32Array.from({ length: flat.byteLength / 4 }, (_, k) => flat.getFloat32(4 * k, true));
  return { y: bytes(y), scores: values, own: cuts.map(unbounded), rows: values.length / size };
}

// The class of each row: the largest of score + offset in float32, of equal ones the later.
export function matrixAt({ y, scores, rows }, offsets) {
  const size = offsets.length;
  const matrix = Array.from({ length: size }, () => new Array(size).fill(0));
  for (let row = 0; row < rows; row++) {
    let [best, place] = [-Infinity, 0];
    for (let k = 0; k < size; k++) {
      const shifted = Math.fround(scores[row * size + k] + Math.fround(offsets[k]));
      if (shifted >= best) [best, place] = [shifted, k];
    }
    matrix[y[row]][place] += 1;
  }
  return matrix;
}

// Counts of each class from a matrix, or of each label at its threshold.
function countsOfMatrix(matrix) {
  return matrix.map((line, k) => ({ right: line[k], actual: line.reduce((a, b) => a + b, 0), decided: matrix.reduce((sum, other) => sum + other[k], 0) }));
}

export function countsOfLabels({ y, scores, rows }, thresholds) {
  const size = thresholds.length;
  const counts = thresholds.map(() => ({ right: 0, actual: 0, decided: 0 }));
  for (let cell = 0; cell < rows * size; cell++) {
    const one = counts[cell % size];
    const decided = scores[cell] >= Math.fround(thresholds[cell % size]);
    one.actual += y[cell];
    one.decided += decided;
    one.right += decided && y[cell];
  }
  return counts;
}

const ratio = (a, b) => (b > 0 ? a / b : NaN);
const OF_COUNTS = {
  recall: ({ right, actual }) => ratio(right, actual),
  precision: ({ right, decided }) => ratio(right, decided),
  f1: ({ right, actual, decided }) => ratio(2 * right, actual + decided),
};

function mean(values) {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

function matrixTable(answers, matrix) {
  const head = [h("td", {}), ...answers.map((name) => h("th", { scope: "col" }, name))];
  const undecided = matrix[0].length > answers.length && matrix.some((line) => line.at(-1) > 0);
  if (undecided) head.push(h("th", { scope: "col" }, "not decided"));
  const shown = matrix.map((line) => (undecided ? line : line.slice(0, answers.length)));
  const lines = shown.map((line, k) => h("tr", {}, h("th", { scope: "row" }, answers[k]), line.map((cell, at) => h("td", { class: at === k ? "right" : "wrong" }, h("strong", { "data-cell": `${k},${at}` }, count(cell))))));
  return scrolling("Confusion matrix", h("table", { class: "confusion of-each" }, h("caption", {}, "Rows of a class (down), by what they are decided to be"), h("thead", {}, h("tr", {}, head)), h("tbody", {}, lines)));
}

function eachTable({ answers, each }, counts) {
  const names = Object.keys(each);
  const own = ([value, low, high]) => [fixed(value), interval(low, high) && h("small", {}, interval(low, high))];
  const cell = (name, k) => {
    if (!counts || !OF_COUNTS[name]) return h("td", { class: "number" }, own(each[name][k]));
    return h("td", { class: "number" }, h("span", { "data-each": `${name},${k}` }, fixed(OF_COUNTS[name](counts[k]))), h("small", {}, `was ${fixed(each[name][k][0])}`));
  };
  const lines = answers.map((answer, k) => h("tr", {}, h("th", { scope: "row" }, answer), names.map((name) => cell(name, k))));
  return scrolling("Metrics of each", h("table", { class: "measures" }, h("thead", {}, h("tr", {}, h("td", {}), names.map((name) => h("th", { scope: "col", class: "number" }, words(name))))), h("tbody", {}, lines)));
}

function wholeLine(counts, matrix) {
  const values = { macro_f1: mean(counts.map(OF_COUNTS.f1)) };
  if (matrix) {
    values.balanced_accuracy = mean(counts.map(OF_COUNTS.recall));
    values.accuracy = counts.reduce((sum, { right }) => sum + right, 0) / counts.reduce((sum, { actual }) => sum + actual, 0);
  }
  return h("p", {}, Object.entries(values).map(([name, value]) => [`${words(name)} `, h("strong", { "data-whole": name }, fixed(value)), "  "]));
}

function sliders(many, data, now, changed) {
  const finite = data.scores.filter(Number.isFinite).map(Math.abs);
  const reach = finite.reduce((a, b) => Math.max(a, b), 1);
  const outputs = many.answers.map(() => h("output", { class: "cut" }));
  const inputs = many.answers.map((answer, k) => h("input", { type: "range", min: -reach, max: reach, step: "any", "data-slider": k, "aria-label": answer, input: (event) => { now[k] = Number(event.target.value); changed(); } }));
  const redraw = () => inputs.forEach((one, k) => {
    one.value = now[k];
    outputs[k].textContent = significant(now[k]);
  });
  const lines = many.answers.map((answer, k) => h("div", { class: "sliding of-each" }, h("span", {}, answer), inputs[k], outputs[k]));
  return { body: h("div", {}, lines), redraw };
}

function decisionFigure(many) {
  const numbers = h("div", {});
  const show = (counts, matrix) => numbers.replaceChildren(...[counts && wholeLine(counts, matrix), matrix && matrixTable(many.answers, matrix), eachTable(many, counts)].filter(Boolean));
  if (!many.moves) {
    show(null, many.confusion);
    return figure("Decisions", numbers, "As the trial decides all validation rows.", { class: "whole" });
  }
  const data = opened(many.moves, many.answers.length);
  const now = [...data.own];
  const moved = sliders(many, data, now, () => changed());
  const changed = () => {
    const matrix = many.kind === "classes" ? matrixAt(data, now) : null;
    moved.redraw();
    show(matrix ? countsOfMatrix(matrix) : countsOfLabels(data, now), matrix);
  };
  const back = h("button", { id: "own-cuts", click: () => { data.own.forEach((cut, k) => { now[k] = cut; }); changed(); } }, "Trial's own");
  changed();
  const note = "Counts are exact, of all validation rows. What is chosen by looking at them flatters; the trial's value is cross-fitted instead.";
  return figure(many.kind === "classes" ? "Offsets" : "Thresholds", h("div", { class: "threshold" }, moved.body, h("div", { class: "controls" }, back), numbers), note, { class: "whole" });
}

// The colour of a class or label, which the ninth shares with the first.
const hue = (k) => `is-hue-${k % 8}`;

function curvesFigure(many, title, xName, yName, points) {
  const square = { low: 0, high: 1 };
  const chart = plot(
    () => title,
    240,
    () => ({ x: { ...square, name: xName }, y: { ...square, name: yName } }),
    (x, y) => many.curves.map((one, k) => {
      const known = points(one).filter(([a, b]) => isNumber(a) && isNumber(b));
      return s("path", { class: `line ${hue(k)}`, d: path(known.map(([a, b]) => [x(a), y(b)])) }, s("title", {}, many.answers[k]));
    }),
  );
  const keys = legend(many.answers.map((answer, k) => [answer, hue(k)]));
  return figure(title, h("div", {}, chart.host, keys), "A line says its name when pointed at.");
}

export function manyFigures({ many }) {
  if (!many.answers.length) return [];
  const pairs = (a, b) => (one) => one[a].map((value, k) => [value, one[b][k]]);
  return [
    decisionFigure(many),
    curvesFigure(many, "ROC, each against the rest", "false positive rate", "recall", pairs("false", "recall")),
    curvesFigure(many, "Precision and recall, each against the rest", "recall", "precision", pairs("recall", "precision")),
  ];
}
