// The columns of the table: what each shows, sorts by, and whether it is there at first.

import { DATA, NAMES, REPEATED, estimateOf, headOf, rankOf, valueOf } from "./data.js";
import { h } from "./dom.js";
import { DASH, duration, fixed, interval, isNumber, significant, words } from "./format.js";

const EVENTS = DATA.about_events;

function estimate({ value, low, high }, decimals = 3) {
  const range = interval(low, high, decimals);
  return [fixed(value, decimals), range && h("small", {}, range)];
}

export function notesOf(row) {
  if (row.state === "failed") return `failed: ${row.error ?? "no reason known"}`;
  const notes = [
    row.state !== "completed" && row.state,
    row.kind !== "search" && row.kind,
    row.constant_decision && "constant",
    row.leaky && "leaky",
  ];
  return notes.filter(Boolean).join(", ");
}

function text(key, name, at, more = {}) {
  return { key, name, number: false, value: (row) => row[key], cell: (row) => row[key] ?? DASH, at, ...more };
}

function number(key, name, at, show = (value) => significant(value), more = {}) {
  return { key, name, number: true, value: (row) => row[key], cell: (row) => show(row[key]), at, ...more };
}

function measured(key, name, at, decimals = 3) {
  return { key, name, number: true, value: (row) => row[key], cell: (row) => estimate(estimateOf(row, key), decimals), at };
}

// `at`: shown at first everywhere ("all"), on wide windows only ("wide"), or once chosen ("").
const KNOWN = [
  { key: "rank", name: "rank", number: true, ascending: true, value: (row) => row.rank, cell: (row) => rankOf(row) ?? DASH, at: "all" },
  text("trial_id", "trial", "all", { ascending: true }),
  text("head", "head", "all", { ascending: true, value: headOf, cell: (row) => headOf(row) ?? DASH }),
  text("loss", "loss", "all", { ascending: true }),
  { key: "value", name: "value", number: true, value: (row) => row.value, cell: (row) => (REPEATED ? fixed(row.value) : estimate(valueOf(row))), at: "all", hint: `${words(DATA.objective)}, cross-fitted` },
  { key: "value_mean", name: "mean", number: true, value: (row) => row.value_mean, cell: (row) => estimate(valueOf(row)), at: "all", hint: "of value over the seeds of the configuration; ranks" },
  number("seeds", "seeds", "all"),
  text("seed_of", "seed of", "", { ascending: true }),
  measured(`val_${DATA.objective}`, `${words(DATA.objective)} in sample`, "wide"),
  number("value_fa_per_day", "its fa/day", EVENTS ? "all" : "", (value) => fixed(value, 1)),
  measured("val_event_sensitivity", "seizures found", EVENTS ? "wide" : ""),
  measured("val_fa_per_day", "fa/day", EVENTS ? "wide" : "", 1),
  measured("val_sensitivity", "sensitivity", EVENTS ? "" : "wide"),
  measured("val_precision", "precision", EVENTS ? "" : "wide"),
  measured("val_specificity", "specificity", ""),
  number("learning_rate", "rate", "wide"),
  text("optimizer", "optimizer", "", { ascending: true }),
  number("threshold", "threshold", "wide", (value) => fixed(value)),
  number("epochs", "epochs", ""),
  number("train_s", "time", "", duration),
  { key: "notes", name: "notes", number: false, value: (row) => notesOf(row) || null, cell: (row) => notesOf(row), at: "all", ascending: true },
];

const NOTES = KNOWN.pop();
const LISTED = KNOWN.filter(({ key }, k) => NAMES.includes(key) && KNOWN.findIndex((one) => one.key === key) === k);
const HIDDEN = new Set(["error", "kind", "objective", ...LISTED.map((column) => column.key)]);

function other(name) {
  if (/_(low|high)$/.test(name) && NAMES.includes(name.replace(/_(low|high)$/, ""))) return null;
  if (HIDDEN.has(name)) return null;
  if (NAMES.includes(`${name}_low`)) return measured(name, words(name), "");
  return {
    key: name,
    name: words(name),
    number: true,
    value: (row) => row[name],
    cell: (row) => (isNumber(row[name]) ? significant(row[name], 4) : String(row[name] ?? DASH)),
    at: "",
  };
}

// `ascending`: the smallest, or the first of the alphabet, comes first when the column is sorted by.
const SMALLER_IS_BETTER = new Set(DATA.smaller_is_better);
export const TABLE_COLUMNS = [...LISTED, ...NAMES.map(other).filter(Boolean), NOTES].map((column) => ({
  ...column,
  ascending: column.ascending || SMALLER_IS_BETTER.has(column.key),
}));

// Undefined comes last either way; ties keep the order of the leaderboard.
export function sorted(rows, column, ascending) {
  const sign = ascending ? 1 : -1;
  return [...rows].sort((a, b) => {
    const [x, y] = [column.value(a) ?? null, column.value(b) ?? null];
    if (x === null || y === null) return (x === null) - (y === null) || a.index - b.index;
    if (x === y) return a.index - b.index;
    return (x < y ? -1 : 1) * sign;
  });
}
