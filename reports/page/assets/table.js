// The table of all trials: sorted, filtered, its columns chosen; the arrow keys walk through it.

import { TABLE_COLUMNS, sorted } from "./columns.js";
import { DATA, ROWS, detailOf, isBaseline, titleOf } from "./data.js";
import { byId, h, scrolling, section } from "./dom.js";
import { count, isNumber, plural } from "./format.js";
import { matching } from "./filter.js";
import { choose, isVisible, set, state, watch } from "./state.js";

const AT_FIRST = 20;
const MORE = 100;
const wide = window.matchMedia("(min-width: 62rem)").matches;

const view = {
  columns: new Set(TABLE_COLUMNS.filter(({ at }) => at === "all" || (wide && at === "wide")).map(({ key }) => key)),
  sort: TABLE_COLUMNS.find(({ key }) => key === "rank"),
  ascending: true,
  shown: AT_FIRST,
};

function shownColumns() {
  return TABLE_COLUMNS.filter(({ key }) => view.columns.has(key));
}

function sortBy(column) {
  const same = column === view.sort;
  view.ascending = same ? !view.ascending : Boolean(column.ascending);
  view.sort = column;
  drawHead();
  drawBody();
}

function drawHead() {
  const cells = shownColumns().map((column) => {
    const active = column === view.sort;
    return h(
      "th",
      { scope: "col", class: column.number && "number", "aria-sort": active ? (view.ascending ? "ascending" : "descending") : null },
      h("button", { class: "sort", title: column.hint, "data-column": column.key, click: () => sortBy(column) }, column.name, h("span", { "aria-hidden": "true" }, active ? (view.ascending ? " ↑" : " ↓") : "")),
    );
  });
  byId("table-head").replaceChildren(h("tr", {}, cells));
}

function open(id) {
  choose(id);
  byId("trial").scrollIntoView();
}

function step(event, by) {
  const names = [...document.querySelectorAll("#table-body .open")];
  const next = names[names.indexOf(event.target) + by];
  if (!next) return;
  event.preventDefault();
  next.focus();
}

function keys(event) {
  if (event.key === "ArrowDown") step(event, 1);
  if (event.key === "ArrowUp") step(event, -1);
}

function cellOf(column, row) {
  const attributes = { class: [column.number && "number", column.key === "notes" && "notes"].filter(Boolean).join(" ") || null };
  if (column.key !== "trial_id") return h("td", attributes, column.cell(row));
  const name = `Trial ${row.trial_id}, ${titleOf(row)}: show it`;
  return h("th", { scope: "row" }, h("button", { class: "link open", "aria-label": name, click: () => open(row.trial_id), keydown: keys }, row.trial_id));
}

// Rows are made once for the columns there are: sorting and filtering only put them in another order.
const made = new Map();

function rowOf(row, columns) {
  if (!made.has(row.index)) made.set(row.index, newRow(row, columns));
  return made.get(row.index);
}

function newRow(row, columns) {
  const kinds = [isBaseline(row) && "baseline", row.state === "failed" && "failed"].filter(Boolean).join(" ");
  return h(
    "tr",
    {
      "data-trial": row.trial_id,
      class: kinds || null,
      click: (event) => event.target.closest("button") || choose(row.trial_id),
    },
    columns.map((column) => cellOf(column, row)),
  );
}

function drawBody() {
  const rows = sorted(ROWS.filter(isVisible), view.sort, view.ascending);
  const columns = shownColumns();
  byId("table-body").replaceChildren(...rows.slice(0, view.shown).map((row) => rowOf(row, columns)));
  mark();
  const all = rows.length === ROWS.length;
  const some = Math.min(view.shown, rows.length);
  byId("table-count").textContent = `${some < rows.length ? `The first ${count(some)} of ` : ""}${plural(rows.length, "trial")}${all ? "" : ` that match${rows.length === 1 ? "es" : ""}, of ${count(ROWS.length)}`}`;
  const left = rows.length - view.shown;
  const more = (by, text) => h("button", { click: () => ((view.shown += by), drawBody()) }, text);
  byId("table-more").replaceChildren(
    ...(left > MORE ? [more(MORE, `Show ${MORE} more`)] : []),
    ...(left > 0 ? [more(left, `Show all ${count(rows.length)}`)] : []),
    ...(view.shown > AT_FIRST && left <= 0 ? [h("button", { click: () => ((view.shown = AT_FIRST), drawBody()) }, "Show fewer")] : []),
  );
}

function mark() {
  for (const row of byId("table-body").children) {
    if (row.dataset.trial === state.chosen) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
  }
}

function search(event) {
  const { rows, errors } = matching(event.target.value);
  byId("filter-error").textContent = errors.join("; ");
  event.target.setAttribute("aria-invalid", String(errors.length > 0));
  set({ matching: rows });
}

function chooser() {
  const boxes = TABLE_COLUMNS.map(({ key, name }) => {
    const change = (event) => {
      if (event.target.checked) view.columns.add(key);
      else view.columns.delete(key);
      made.clear();
      drawHead();
      drawBody();
    };
    return h("label", {}, h("input", { type: "checkbox", "data-column": key, checked: view.columns.has(key), change }), name);
  });
  return h("details", { class: "chooser" }, h("summary", {}, "Columns"), h("div", { class: "boxes" }, boxes));
}

export function drawTable() {
  const trained = ROWS.filter((row) => isNumber(row.value) && !isBaseline(row));
  const detailed = trained.filter((row) => detailOf(row.trial_id)).length;
  section(
    "trials",
    "Trials",
    h(
      "div",
      { class: "controls" },
      h(
        "label",
        { class: "field wide" },
        h("span", {}, "Filter"),
        h("input", { id: "filter", type: "search", placeholder: "softmax value>0.8", autocomplete: "off", spellcheck: "false", "aria-describedby": "filter-error table-count", input: search }),
      ),
      chooser(),
    ),
    h("p", { id: "filter-error", class: "error", role: "status" }),
    h("p", { id: "table-count", class: "note", "aria-live": "polite" }),
    scrolling("Table of trials", h("table", { class: "trials" }, h("thead", { id: "table-head" }), h("tbody", { id: "table-body" }))),
    h("div", { id: "table-more", class: "controls" }),
    DATA.readings.map((reading) => h("p", { class: "note" }, reading)),
    h("p", { class: "note" }, `Small numbers are 95% intervals. ${detailed < trained.length ? `The best ${detailed} trials and the baselines have curves and a threshold to move.` : ""}`),
  );
  drawHead();
  watch(["matching", "brushed"], drawBody);
  watch(["chosen"], mark);
}
