// What the reader has chosen. Parts of the page listen to what concerns them.

import { BEST, BEST_BASELINE, DATA, ROWS, detailOf, headOf } from "./data.js";

const listeners = [];

export const state = {
  chosen: (BEST ?? BEST_BASELINE ?? ROWS[0]).trial_id,
  second: null,
  cut: null,
  costs: { ...DATA.costs },
  matching: new Set(ROWS.map((row) => row.index)), // rows that the filter lets through
  brushed: new Set(ROWS.map((row) => row.index)), // rows inside every brush
  recording: null,
};
state.cut = detailOf(state.chosen)?.own ?? null;
state.second = DATA.trials > 1 ? other(state.chosen) : null;

// The best trial beside one, preferably of another head.
export function other(id) {
  const rows = ROWS.filter((row) => row.trial_id !== id && detailOf(row.trial_id));
  const head = headOf(ROWS.find((row) => row.trial_id === id));
  return (rows.find((row) => headOf(row) !== head) ?? rows[0])?.trial_id ?? null;
}

// Calls `listener` now, and whenever one of `names` changes.
export function watch(names, listener) {
  listeners.push([names, listener]);
  listener();
}

export function set(changes) {
  const changed = Object.keys(changes).filter((name) => state[name] !== changes[name]);
  Object.assign(state, changes);
  for (const [names, listener] of listeners) {
    if (names.some((name) => changed.includes(name))) listener();
  }
}

export function choose(id) {
  const second = id === state.second ? state.chosen : state.second;
  set({ chosen: id, second, cut: detailOf(id)?.own ?? null });
}

export function isVisible(row) {
  return state.matching.has(row.index) && state.brushed.has(row.index);
}
