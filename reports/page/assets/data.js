// The one document in the page, and its trials as rows.

import { byId } from "./dom.js";
import { words } from "./format.js";

export const DATA = JSON.parse(byId("data").textContent);

function decoded(column) {
  if (Array.isArray(column)) return column;
  if ("all" in column) return new Array(DATA.trials).fill(column.all);
  return column.at.map((number) => column.of[number]);
}

// JSON knows no infinity: it is the text "inf".
export function unbounded(value) {
  return value === "inf" ? Infinity : value === "-inf" ? -Infinity : value;
}

const BY_COLUMN = Object.fromEntries(Object.entries(DATA.table).map(([name, column]) => [name, decoded(column)]));
if (BY_COLUMN.threshold_score) BY_COLUMN.threshold_score = BY_COLUMN.threshold_score.map(unbounded);

// What a value is multiplied by so that the larger is the better.
export const SIGN = DATA.smaller_is_better.includes(`val_${DATA.objective}`) ? -1 : 1;

export const NAMES = Object.keys(BY_COLUMN);

// One object per trial, in the order of the leaderboard; what nothing is known of is null.
export const ROWS = Array.from({ length: DATA.trials }, (_, index) => {
  const row = { index };
  for (const name of NAMES) row[name] = BY_COLUMN[name][index];
  return row;
});

const BY_ID = new Map(ROWS.map((row) => [row.trial_id, row]));

export function rowOf(id) {
  return BY_ID.get(id);
}

export function detailOf(id) {
  return DATA.details[id] ?? null;
}

export function isBaseline(row) {
  return row.kind === "baseline";
}

// What was trained: the head; or the name of a baseline, or of a column of given scores.
export function headOf(row) {
  return isBaseline(row) ? words(row.trunk ?? "baseline") : row.head ?? row.trunk;
}

export function titleOf(row) {
  return row.head ? `${row.head}, ${row.loss}` : headOf(row);
}

export const BEST = ROWS.find((row) => typeof row.value === "number" && !isBaseline(row)) ?? null;
export const BEST_BASELINE = ROWS.find((row) => typeof row.value === "number" && isBaseline(row)) ?? null;

// What is known of the ranking beyond the values, where it was computed.
export function rankOf(row) {
  const ends = DATA.selection?.ranks[row.trial_id];
  if (ends) return ends[0] === ends[1] ? String(ends[0]) : `${ends[0]}–${ends[1]}`;
  return typeof row.rank === "number" ? String(row.rank) : null;
}

// Whether any configuration was drawn again: its trials are seeds, which rank by their mean.
export const REPEATED = NAMES.includes("value_mean");

export function meanOf(row) {
  return (REPEATED ? row.value_mean : row.value) ?? null;
}

export function seedsOf(row) {
  return row.seeds > 1 ? `mean of ${row.seeds} seeds` : null;
}

export function valueOf(row) {
  const known = DATA.selection?.values[row.trial_id];
  return { value: meanOf(row), low: known?.low ?? null, high: known?.high ?? null };
}

export function estimateOf(row, name) {
  return { value: row[name] ?? null, low: row[`${name}_low`] ?? null, high: row[`${name}_high`] ?? null };
}
