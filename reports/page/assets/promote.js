// The command that ships a trial, with the threshold that was chosen here.

import { DATA, isBaseline } from "./data.js";
import { h } from "./dom.js";
import { state } from "./state.js";

function refusal(row) {
  if (isBaseline(row)) return "A baseline is a yardstick and cannot be promoted.";
  if (row.state === "failed") return "A failed trial cannot be promoted.";
  if (row.constant_decision && row.threshold_policy !== "fixed")
    return "Its rule decides all validation rows alike, so promote refuses it.";
  if (row.leaky) return "Its split is leaky: nothing is known of how it does on new data, so promote refuses it.";
  if (row.kind !== "given" && !DATA.kept.includes(row.trial_id)) return "Its weights were not kept (keep.checkpoints), so promote refuses it.";
  return null;
}

export function commandFor(row, detail) {
  const base = `python search.py promote ${DATA.run} --trial ${row.trial_id} --to bundle`;
  const moved = detail && state.cut !== detail.own;
  return moved ? `${base} --threshold-score ${detail.cuts[state.cut]}` : base; // as stored, to the last digit
}

async function copy(box, said) {
  try {
    await navigator.clipboard.writeText(box.value);
  } catch {
    box.select(); // where a page may not write to the clipboard, the browser's own copying may
    document.execCommand("copy");
  }
  said.textContent = "Copied.";
  setTimeout(() => (said.textContent = ""), 2500);
}

export function promoteBox(row, detail) {
  const refused = refusal(row);
  const box = h("input", { type: "text", id: "command", readonly: true, class: "command", "aria-label": "Promote command", focus: () => box.select() });
  const said = h("span", { role: "status", class: "said" });
  const button = h("button", { class: "primary", id: "copy", disabled: Boolean(refused), click: () => copy(box, said) }, "Copy the promote command");
  const redraw = () => {
    box.value = commandFor(row, detail);
    box.title = box.value;
  };
  redraw();
  const body = h("div", { class: "promote" }, refused ? h("p", { class: "note" }, refused) : [box, button, said]);
  return { redraw, body };
}
