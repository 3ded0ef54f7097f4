// The curves of a trial: ROC, precision-recall, reliability, scores by class, learning. Two may share one plot.

import { legend, linear, path, plot, steps } from "./chart.js";
import { DATA, unbounded } from "./data.js";
import { figure, h, s } from "./dom.js";
import { fixed, percent, significant, words } from "./format.js";
import { countsAt, precision, sensitivity } from "./metrics.js";

const SQUARE = { low: 0, high: 1 };
const KINDS = ["is-first", "is-second"];

// Points of a curve over the stored cuts, from "nothing is detected" to "everything is".
function rocPoints(detail) {
  return detail.cuts.map((_, k) => [detail.fp[k] / (DATA.rows - DATA.positives), detail.tp[k] / DATA.positives]).reverse();
}

// Precision at the recall of each cut; where nothing is detected there is none.
function precisionPoints(detail) {
  const points = detail.cuts.map((_, k) => {
    const counts = countsAt(detail, k, DATA.rows, DATA.positives);
    return [sensitivity(counts), precision(counts)];
  });
  return points.filter(([, y]) => !Number.isNaN(y)).reverse();
}

function finite(points) {
  return points.every(([x, y]) => Number.isFinite(x) && Number.isFinite(y)) ? points : [];
}

function mark(x, y, kind) {
  return Number.isFinite(x) && Number.isFinite(y) ? s("circle", { class: `mark ${kind}`, cx: x, cy: y, r: 5 }) : null;
}

// `trials() -> [{detail, cut}]`, the first of them the chosen one.
export function rocFigure(trials) {
  const chart = plot(
    () => "ROC curve",
    240,
    () => ({ x: { ...SQUARE, name: "false positive rate" }, y: { ...SQUARE, name: "sensitivity" } }),
    (x, y) => [
      s("line", { class: "diagonal", x1: x(0), y1: y(0), x2: x(1), y2: y(1) }),
      trials().map(({ detail, cut }, k) => {
        const all = finite(rocPoints(detail));
        const at = all[detail.cuts.length - 1 - cut];
        return [s("path", { class: `line ${KINDS[k]}`, d: path(all.map(([a, b]) => [x(a), y(b)])) }), at && mark(x(at[0]), y(at[1]), KINDS[k])];
      }),
    ],
  );
  return { ...chart, figure: figure("ROC", chart.host) };
}

export function precisionFigure(trials) {
  const chart = plot(
    () => "Precision-recall curve",
    240,
    () => ({ x: { ...SQUARE, name: "sensitivity (recall)" }, y: { ...SQUARE, name: "precision" } }),
    (x, y) => [
      s("line", { class: "diagonal", x1: x(0), x2: x(1), y1: y(DATA.positives / DATA.rows), y2: y(DATA.positives / DATA.rows) }),
      trials().map(({ detail, cut }, k) => {
        const all = finite(precisionPoints(detail));
        const counts = countsAt(detail, cut, DATA.rows, DATA.positives);
        return [
          s("path", { class: `line ${KINDS[k]}`, d: steps(all.map(([a, b]) => [x(a), y(b)])) }),
          mark(x(sensitivity(counts)), y(precision(counts)), KINDS[k]),
        ];
      }),
    ],
  );
  return { ...chart, figure: figure("Precision and recall", chart.host) };
}

export function histogramFigure(detail, cutOf) {
  const { low, high, positive, negative } = detail.histogram;
  const most = Math.max(...positive, ...negative) || 1;
  const bar = (high - low) / positive.length;
  const bars = (counts, kind, x, y, side) =>
    counts.map((number, k) => {
      if (!number) return null;
      const [left, right] = [x(low + k * bar), x(low + (k + 1) * bar)];
      const [top, foot] = side > 0 ? [y(number), y(0)] : [y(0), y(-number)];
      return s("rect", { class: kind, x: left + 0.4, width: Math.max(0.6, right - left - 0.8), y: top, height: Math.max(0, foot - top) },
        s("title", {}, `${number} ${kind === "is-positive" ? "positive" : "negative"}, score ${significant(low + k * bar)} to ${significant(low + (k + 1) * bar)}`));
    });
  const root = (number) => Math.sign(number) * Math.sqrt(Math.abs(number)); // so that few rows are seen beside many
  const chart = plot(
    () => "Histogram of scores by class",
    240,
    () => ({ x: { low, high, name: "score" }, y: { low: -root(most), high: root(most), name: "rows (square root)", format: (value) => significant(value * value, 2) } }),
    (x, y) => {
      const tall = (value) => y(root(value));
      const cut = cutOf();
      const at = Number.isFinite(cut) ? x(Math.max(low, Math.min(high, cut))) : cut > 0 ? x(high) : x(low);
      return [bars(positive, "is-positive", x, tall, 1), bars(negative, "is-negative", x, tall, -1), s("line", { class: "base", x1: x(low), x2: x(high), y1: y(0), y2: y(0) }), s("line", { class: "cut", x1: at, x2: at, y1: y(root(most)), y2: y(-root(most)) })];
    },
  );
  const keys = legend([["positive rows (up)", "is-positive"], ["negative rows (down)", "is-negative"], ["cut", "is-cut"]]);
  return { ...chart, figure: figure("Scores by class", h("div", {}, chart.host, keys)) };
}

export function reliabilityFigure(detail, row) {
  const bins = detail.reliability;
  if (!bins) {
    return { redraw: () => {}, figure: figure("Reliability", h("p", { class: "empty" }, "This trial's scores are not claimed to be probabilities.")) };
  }
  const radius = linear(0, 1, 2.5, 13);
  const chart = plot(
    () => "Reliability: claimed probability against the share of positives that came",
    240,
    () => ({ x: { ...SQUARE, name: "claimed probability" }, y: { ...SQUARE, name: "share of positives" } }),
    (x, y) => [
      s("line", { class: "diagonal", x1: x(0), y1: y(0), x2: x(1), y2: y(1) }),
      bins.claimed.map((claim, k) =>
        s("circle", { class: "bubble", cx: x(claim), cy: y(bins.came[k]), r: radius(Math.sqrt(bins.weight[k])) },
          s("title", {}, `${bins.rows[k]} rows: claimed ${percent(claim)}, came ${percent(bins.came[k])}`))),
    ],
  );
  return { ...chart, figure: figure("Reliability", chart.host, `Calibration error ${fixed(row.val_ece)}, Brier score ${fixed(row.val_brier)}; larger dots hold more rows.`) };
}

function curveOf(values, x, y, kind) {
  const points = values.map((value, k) => [k + 1, value]).filter(([, value]) => value !== null);
  return s("path", { class: `line ${kind}`, d: path(points.map(([a, b]) => [x(a), y(b)])) });
}

function known(values) {
  return values.filter((value) => value !== null);
}

// `trials() -> [{detail, row}]`; of one alone its training loss as well, on a scale of its own.
export function learningFigure(trials) {
  const trained = trials().filter(({ detail }) => detail.history);
  if (!trained.length) return { redraw: () => {}, figure: figure("Learning", h("p", { class: "empty" }, "Nothing was trained in epochs.")) };
  const metric = words(trained[0].row.steering ?? "steering value");
  const all = trained.flatMap(({ detail }) => known(detail.history.steering));
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const pad = (high - low || 0.1) * 0.05;
  const epochs = Math.max(2, ...trained.map(({ detail }) => detail.history.steering.length));
  const alone = trials().length === 1 ? known(trained[0].detail.history.loss) : [];
  const [least, most] = [Math.min(...alone), Math.max(...alone)];
  const lossScale = linear(least, most, low, high);
  const chart = plot(
    () => "Learning curve",
    240,
    () => ({ x: { low: 1, high: epochs, name: "epoch" }, y: { low: low - pad, high: high + pad, name: metric } }),
    (x, y) => [
      alone.length > 0 && curveOf(trained[0].detail.history.loss, x, (loss) => y(lossScale(loss)), "is-loss"),
      trials().map(({ detail, row }, k) => {
        if (!detail.history) return null;
        const best = detail.history.steering[row.best_epoch - 1] ?? null;
        return [curveOf(detail.history.steering, x, y, KINDS[k]), best !== null && mark(x(row.best_epoch), y(best), KINDS[k])];
      }),
    ],
  );
  const losses = `training loss, ${significant(most)} to ${significant(least)}`;
  const keys = alone.length ? legend([[metric, "is-first"], [losses, "is-loss"]]) : null;
  return { ...chart, figure: figure("Learning", h("div", {}, chart.host, keys), "On the validation rows, by epoch; the dot is the epoch that was kept.") };
}

export function cutAt(detail, cut) {
  return unbounded(detail.cuts[cut]);
}
