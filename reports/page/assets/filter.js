// The search box: words that a row must contain, and conditions such as `value>0.8` or `head=softmax`.

import { NAMES, ROWS, headOf } from "./data.js";
import { words } from "./format.js";

const SEARCHED = ["trial_id", "kind", "state", "loss", "optimizer", "class_weight", "hidden_layers", "augmentation", "error"];
const HAYSTACK = ROWS.map((row) =>
  [headOf(row), row.head, row.trunk, ...SEARCHED.map((name) => row[name])].filter((part) => part !== null && part !== undefined).join("\n").toLowerCase(),
);
const CONDITION = /^([a-z0-9_.]+)(>=|<=|!=|=|>|<)(.+)$/;
const COMPARE = {
  ">": (a, b) => a > b,
  "<": (a, b) => a < b,
  ">=": (a, b) => a >= b,
  "<=": (a, b) => a <= b,
  "=": (a, b) => a === b,
  "!=": (a, b) => a !== b,
};

function columnOf(name) {
  return NAMES.find((known) => known === name || known === `val_${name}`) ?? NAMES.find((known) => words(known).replaceAll(" ", "_") === name);
}

function condition(name, sign, text) {
  const column = columnOf(name);
  if (!column) return { error: `there is no column ${name}` };
  const number = Number(text);
  const test = COMPARE[sign];
  return {
    test: (row) => {
      const value = row[column];
      if (value === null || value === undefined) return false; // undefined passes no comparison
      if (typeof value === "number" && !Number.isNaN(number)) return test(value, number);
      return test(String(value).toLowerCase(), text);
    },
  };
}

// Returns the numbers of the rows that match, and what was not understood.
export function matching(query) {
  const tests = [];
  const errors = [];
  for (const token of query.toLowerCase().split(/\s+/).filter(Boolean)) {
    const parts = CONDITION.exec(token);
    if (parts) {
      const made = condition(parts[1], parts[2], parts[3]);
      if (made.error) errors.push(made.error);
      else tests.push(made.test);
    } else {
      tests.push((row) => HAYSTACK[row.index].includes(token));
    }
  }
  const found = ROWS.filter((row) => tests.every((test) => test(row)));
  return { rows: new Set(found.map((row) => row.index)), errors };
}
