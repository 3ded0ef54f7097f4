// One trial: its settings, its curves, its threshold to move, and how to ship it.

import { notesOf } from "./columns.js";
import { histogramFigure, cutAt, learningFigure, precisionFigure, reliabilityFigure, rocFigure } from "./curves.js";
import { DATA, ROWS, detailOf, rankOf, rowOf, seedsOf, titleOf, valueOf } from "./data.js";
import { definitions, figure, h, section, select } from "./dom.js";
import { patientsFigure, timelineFigure } from "./events.js";
import { duration, fixed, interval, isNumber, significant, words } from "./format.js";
import { manyFigures } from "./many.js";
import { promoteBox } from "./promote.js";
import { choose, state, watch } from "./state.js";
import { thresholdFigure } from "./threshold.js";

export const SETTINGS = ["trunk", "width", "head", "loss", "learning_rate", "optimizer", "weight_decay", "momentum", "batch_size", "class_weight", "hidden_layers", "dropout", "label_smoothing", "focal_gamma", "focal_alpha", "augmentation"];
const RESULT = ["epochs", "best_epoch", "train_s", "device", "precision", "calibration", "calibration_note", "calibration_a", "calibration_b", "seed", "proof"];

export function shown(name, value) {
  if (name === "train_s") return duration(value);
  if (Number.isInteger(value)) return String(value);
  return isNumber(value) ? significant(value, 4) : String(value);
}

function pairs(row, names) {
  return names.filter((name) => row[name] !== null && row[name] !== undefined).map((name) => [name === "train_s" ? "training" : words(name), shown(name, row[name])]);
}

// Trials to choose from: those with detail, and the current one.
export function options(current) {
  return ROWS.filter((row) => detailOf(row.trial_id) || row.trial_id === current).map((row) => [
    row.trial_id,
    `${rankOf(row) ?? "–"} · ${row.trial_id} · ${titleOf(row)} · ${fixed(row.value)}`,
  ]);
}

function summary(row) {
  const { value, low, high } = valueOf(row);
  const range = interval(low, high);
  const corrected = DATA.selection?.best === row.trial_id ? DATA.selection.corrected : null;
  const parts = [
    rankOf(row) && `rank ${rankOf(row)}`,
    `${words(DATA.objective)} ${fixed(value)}${range ? ` (${range})` : ""}, cross-fitted`,
    seedsOf(row) && `${seedsOf(row)}, of which this one has ${fixed(row.value)}`,
    corrected && `${fixed(corrected.value)} corrected for having been picked`,
    isNumber(row.value_fa_per_day) && `at ${fixed(row.value_fa_per_day, 1)} false alarms per day`,
    notesOf(row),
  ];
  return h("p", { class: row.state === "failed" ? "lead error" : "lead" }, h("strong", {}, titleOf(row)), `: ${parts.filter(Boolean).join("; ")}.`);
}

function areas(row) {
  const of = (name) => `${fixed(row[name])}${interval(row[`${name}_low`], row[`${name}_high`]) && ` (${interval(row[`${name}_low`], row[`${name}_high`])})`}`;
  return ["val_average_precision", "val_roc_auc"].filter((name) => name in row).map((name) => [words(name), of(name)]);
}

let redraws = [];

function draw() {
  const row = rowOf(state.chosen);
  const detail = detailOf(state.chosen);
  const pick = select("Trial", options(state.chosen), state.chosen, choose);
  pick.querySelector("select").id = "choose";
  const settings = figure("Settings", definitions([...pairs(row, SETTINGS), ...pairs(row, RESULT), ...(detail ? areas(row) : [])], "facts two"));
  const top = [h("div", { class: "controls" }, pick), summary(row)];
  if (!detail) {
    redraws = [];
    const why = row.state === "failed" ? "A failed trial has no scores." : "Curves and cuts are stored for the best trials only.";
    section("trial", `Trial ${row.trial_id}`, top, h("p", { class: "empty" }, why), h("div", { class: "figures" }, settings));
    return;
  }
  const events = detail.events ? [timelineFigure(detail).figure, patientsFigure(detail)] : [];
  if (detail.many) {
    redraws = [];
    section("trial", `Trial ${row.trial_id}`, top, h("div", { class: "figures" }, manyFigures(detail), learningFigure(() => [{ detail, row }]).figure, settings, events));
    return;
  }
  const promote = promoteBox(row, detail);
  const own = () => [{ detail, row, cut: state.cut }];
  const threshold = thresholdFigure(detail, row);
  const moving = [rocFigure(own), precisionFigure(own), histogramFigure(detail, () => cutAt(detail, state.cut))];
  const still = [reliabilityFigure(detail, row), learningFigure(own)];
  redraws = [threshold, ...moving, promote];
  section("trial", `Trial ${row.trial_id}`, top, promote.body, h("div", { class: "figures" }, threshold.figure, [...moving, ...still].map((one) => one.figure), settings, events));
}

export function drawTrial() {
  watch(["chosen"], draw);
  watch(["cut", "costs"], () => redraws.forEach(({ redraw }) => redraw()));
}
