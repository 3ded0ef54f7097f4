// Seizures: what the trial does for each patient, and one recording with reference and detected events.

import { canvas, legend, linear, ticks } from "./chart.js";
import { DATA } from "./data.js";
import { figure, h, s, scrolling, select } from "./dom.js";
import { DASH, count, duration, fixed, isNumber, percent, plural, significant } from "./format.js";
import { set, state } from "./state.js";

const CUT = DATA.measured ? "offsets" : "threshold";

export function patientsFigure(detail) {
  const { group, hours, seizures, sensitivity, fa_per_day: alarms, delay_s: delay } = detail.events.patients;
  const order = group.map((_, k) => k).sort((a, b) => (sensitivity[a] ?? 2) - (sensitivity[b] ?? 2) || (alarms[b] ?? 0) - (alarms[a] ?? 0));
  const head = ["patient", "recorded", "seizures", "found", "false alarms per day", "median delay"];
  const rows = order.map((k) =>
    h("tr", { class: sensitivity[k] === 0 ? "bad" : null },
      h("th", { scope: "row" }, group[k]),
      [duration(3600 * hours[k]), count(seizures[k]), percent(sensitivity[k], 0), fixed(alarms[k], 1), isNumber(delay[k]) ? `${significant(delay[k])} s` : DASH].map((text) => h("td", { class: "number" }, text))),
  );
  const table = h("table", { class: "patients" }, h("thead", {}, h("tr", {}, head.map((name, k) => h("th", { scope: "col", class: k ? "number" : null }, name)))), h("tbody", {}, rows));
  return figure("Patients", scrolling("Patients", table),
    `At the trial's ${CUT}, the worst first; events counted by ${DATA.events.scorer}, which merges and splits them.`, { class: "whole" });
}

function clock(seconds) {
  if (seconds < 60) return `${significant(seconds)} s`;
  const whole = Math.round(seconds);
  const two = (number) => String(number).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  return `${hours ? `${hours}:` : ""}${hours ? two(Math.floor((whole % 3600) / 60)) : Math.floor(whole / 60)}:${two(whole % 60)}`;
}

function clockTicks(high, about) {
  const step = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800].find((size) => high / size <= about) ?? 86400;
  return high < 5 ? ticks({ low: 0, high }, about) : Array.from({ length: Math.floor(high / step) + 1 }, (_, k) => k * step);
}

function drawn(recording, tracks, width) {
  const left = 84;
  const x = linear(0, recording.seconds, left, width - 24);
  const foot = 14 + tracks.length * 36;
  return [
    clockTicks(recording.seconds, Math.max(2, Math.floor(width / 110))).map((at) => [
      s("line", { class: "grid", x1: x(at), x2: x(at), y1: 8, y2: foot }),
      s("text", { x: x(at), y: foot + 16, "text-anchor": "middle" }, clock(at)),
    ]),
    tracks.map(([name, kind, spans], k) => [
      s("text", { class: "name", x: 2, y: 26 + 36 * k, dy: "0.32em" }, name),
      s("rect", { class: "track", x: left, width: x(recording.seconds) - left, y: 14 + 36 * k, height: 24, rx: 3 }),
      (spans ?? []).map(([from, to]) =>
        s("rect", { class: `event ${kind}`, x: x(from), width: Math.max(1.5, x(to) - x(from)), y: 14 + 36 * k, height: 24, rx: 1.5 },
          s("title", {}, `${clock(from)} to ${clock(to)} (${significant(to - from)} s)`))),
    ]),
  ];
}

// `others`: further trials to show below, as [name, detail].
export function timelineFigure(detail, others = []) {
  const { recordings } = DATA.events;
  if (!detail.events.detected) {
    return { redraw: () => {}, figure: figure("One recording", h("p", { class: "empty" }, "The detections of this trial are not in the page, to keep it small; those of better trials are.")) };
  }
  const first = recordings.findIndex(({ seizures }) => seizures.length);
  const current = () => state.recording ?? Math.max(0, first);
  const tracks = () => {
    const k = current();
    return [
      ["reference", "is-reference", recordings[k].seizures],
      ["detected", "is-first", detail.events.detected[k]],
      ...others.filter(([, other]) => other.events?.detected).map(([name, other]) => [name, "is-second", other.events.detected[k]]),
    ];
  };
  const label = () => {
    const [reference, detected] = tracks();
    return `${recordings[current()].name}: ${plural(reference[2].length, "seizure")} in the annotation, ${plural(detected[2].length, "detection")}`;
  };
  const height = 40 + 36 * tracks().length;
  const chart = canvas(label, height, (width) => drawn(recordings[current()], tracks(), width));
  const said = h("p", { class: "note" });
  const redraw = () => {
    said.textContent = `${label()}, at the trial's ${CUT}.`;
    chart.redraw();
  };
  redraw();
  const options = recordings.map((one, k) => [String(k), `${one.name}: ${duration(one.seconds)}, ${plural(one.seizures.length, "seizure")}`]);
  const pick = select("Recording", options, String(current()), (k) => (set({ recording: Number(k) }), redraw()));
  pick.querySelector("select").id = "recording";
  const keys = legend([["annotation", "is-reference"], ["detected", "is-first"], ...others.map(([name]) => [`detected ${name}`, "is-second"])]);
  return { redraw, figure: figure("One recording", h("div", {}, h("div", { class: "controls" }, pick), chart.host, said, keys), null, { class: "whole" }) };
}
