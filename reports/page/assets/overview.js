// The head of the page: what was found, in one sentence and a few numbers, and what to beware of.

import { BEST, BEST_BASELINE, DATA, REPEATED, ROWS, rankOf, seedsOf, titleOf, valueOf } from "./data.js";
import { byId, definitions, h, section } from "./dom.js";
import { count, fixed, interval, percent, plural, words } from "./format.js";
import { choose } from "./state.js";

function tile(name, value, small) {
  return h("div", { class: "tile" }, h("dt", {}, name), h("dd", {}, h("strong", {}, value), small && h("small", {}, small)));
}

function tiles() {
  const objective = words(DATA.objective);
  const found = [];
  if (BEST) {
    const { value, low, high } = valueOf(BEST);
    const corrected = DATA.selection?.best === BEST.trial_id ? DATA.selection.corrected : null;
    const range = interval(low, high);
    if (corrected) {
      found.push(tile(`Best ${objective}, as measured`, fixed(value), range && `95% interval ${range}`));
      const ends = interval(corrected.low, corrected.high);
      found.push(tile("Corrected for having been picked", fixed(corrected.value), ends && `95% interval ${ends}`));
    } else {
      found.push(tile(`Best ${objective}, cross-fitted`, fixed(value), range ? `95% interval ${range}` : `trial ${BEST.trial_id}`));
    }
    if (DATA.about_events) {
      found.push(tile("Seizures found, in sample", percent(BEST.val_event_sensitivity, 0), `${fixed(BEST.val_fa_per_day, 1)} false alarms per day`));
    }
    if (DATA.headlines) {
      for (const [name, column] of DATA.headlines) found.push(tile(`${name}, in sample`, fixed(BEST[column]), interval(BEST[`${column}_low`], BEST[`${column}_high`])));
    } else if (!DATA.about_events) {
      found.push(tile("Sensitivity, in sample", fixed(BEST.val_sensitivity), interval(BEST.val_sensitivity_low, BEST.val_sensitivity_high)));
      found.push(tile("Precision, in sample", fixed(BEST.val_precision), interval(BEST.val_precision_low, BEST.val_precision_high)));
    }
  }
  if (BEST_BASELINE) found.push(tile("Best baseline", fixed(BEST_BASELINE.value), titleOf(BEST_BASELINE)));
  const failed = ROWS.filter((row) => row.state === "failed").length;
  const stopped = ROWS.filter((row) => row.state === "stopped").length;
  const apart = [stopped && `${stopped} stopped early`, failed && `${failed} failed`].filter(Boolean).join(", ");
  found.push(tile("Trials", count(DATA.trials), apart || "all completed"));
  return h("dl", { class: "tiles" }, found);
}

function lead() {
  const data = `${count(DATA.rows)} ${DATA.trunk ? "validation rows" : "rows"} of ${DATA.source}${DATA.positives === null ? "" : `, ${count(DATA.positives)} of them positive`}`;
  const trained = ROWS.filter((row) => row.kind !== "baseline").length;
  const measured = DATA.trunk ? `${plural(trained, REPEATED ? "trial" : "configuration")} of ${DATA.trunk}` : `${plural(trained, "column")} of given scores`;
  const what = `${measured}, measured on ${data}.`;
  if (!BEST) return h("p", { class: "lead" }, what, " No trained trial has a value.");
  const button = h("button", { class: "link", click: () => (choose(BEST.trial_id), byId("trial").scrollIntoView()) }, `trial ${BEST.trial_id}`);
  const rank = rankOf(BEST);
  const tied = rank && rank.includes("–") ? `, which shares ranks ${rank}: these rows are too few to tell them apart` : "";
  return h("p", { class: "lead" }, what, " Best is ", button, ` (${[titleOf(BEST), seedsOf(BEST)].filter(Boolean).join("; ")})${tied}.`);
}

export function drawOverview() {
  const notes = [...DATA.caveats, DATA.selection?.note].filter(Boolean);
  const links = [["trials", "Trials"], ["trial", "One trial"], ["compare", "Two trials"], ["search", "The search"], ["about", "About this run"]];
  byId("overview").replaceChildren(
    h("p", { class: "kicker" }, `${DATA.trunk ? "Search of head configurations" : "Decisions on given scores"}${DATA.study === DATA.name ? "" : `, study ${DATA.study}`}`),
    h("h1", {}, DATA.name),
    lead(),
    tiles(),
    notes.length ? h("ul", { class: "caveats", "aria-label": "What to beware of" }, notes.map((note) => h("li", {}, note))) : "",
    h("nav", { "aria-label": "Parts of the page" }, links.map(([id, name]) => h("a", { href: `#${id}` }, name))),
  );
}

export function drawAbout() {
  const groups = DATA.facts.map(({ title, facts }) =>
    h("div", { class: "about" }, h("h3", {}, title), definitions(facts.map(([name, value]) => [words(name), value]))),
  );
  section("about", "About this run", h("div", { class: "abouts" }, groups));
  byId("foot").replaceChildren(
    h("p", {}, `Made ${DATA.made} from leaderboard.parquet and the records of ${DATA.name}. Research use, not a medical device.`),
  );
}
