// Charts in SVG: scales, axes, and a plot that is drawn anew when its place changes width.

import { h, s } from "./dom.js";
import { significant } from "./format.js";

export function linear(low, high, from, to) {
  const span = high - low || 1;
  return (value) => from + ((value - low) / span) * (to - from);
}

export function scaleOf({ low, high, log = false }, from, to) {
  if (!log) return linear(low, high, from, to);
  const inner = linear(Math.log10(low), Math.log10(high), from, to);
  return (value) => inner(Math.log10(value));
}

// Round numbers from low to high, about so many.
export function ticks({ low, high, log = false }, about = 5) {
  if (!(high > low)) return [low];
  if (log && high / low >= 10) {
    const first = Math.ceil(Math.log10(low) - 1e-9);
    const last = Math.floor(Math.log10(high) + 1e-9);
    return Array.from({ length: last - first + 1 }, (_, k) => 10 ** (first + k));
  }
  const rough = (high - low) / about;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= rough) * power;
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) found.push(k * step);
  return found;
}

export function path(points) {
  return points.map(([x, y], k) => `${k ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
}

// Steps that keep the height of the point before.
export function steps(points) {
  return points
    .map(([x, y], k) => (k ? `H${x.toFixed(1)}V${y.toFixed(1)}` : `M${x.toFixed(1)} ${y.toFixed(1)}`))
    .join("");
}

const MARGIN = { top: 10, right: 12, bottom: 38, left: 46 };

// A place for a drawing `draw(width) -> svg children` of one height, `drawn()` after each; returns it with `redraw`.
export function canvas(label, height, draw, drawn = () => {}) {
  const host = h("div", { class: "chart" });
  let width = 0;
  const redraw = () => {
    if (!width) return;
    host.replaceChildren(
      s("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label() }, draw(width, height)),
    );
    drawn();
  };
  new ResizeObserver(([entry]) => {
    const now = Math.round(entry.contentRect.width);
    if (!now || now === width) return;
    width = now;
    redraw();
  }).observe(host);
  return { host, redraw };
}

function axes(x, y, xScale, yScale, width, height) {
  const bottom = height - MARGIN.bottom;
  const right = width - MARGIN.right;
  const format = (axis) => axis.format ?? ((value) => significant(value));
  return s(
    "g",
    { class: "axes" },
    ticks(y, height > 150 ? 5 : 3).map((value) => [
      s("line", { class: "grid", x1: MARGIN.left, x2: right, y1: yScale(value), y2: yScale(value) }),
      s("text", { x: MARGIN.left - 7, y: yScale(value), dy: "0.32em", "text-anchor": "end" }, format(y)(value)),
    ]),
    ticks(x, Math.max(2, Math.floor(width / 90))).map((value) => [
      s("line", { class: "tick", x1: xScale(value), x2: xScale(value), y1: bottom, y2: bottom + 4 }),
      s("text", { x: xScale(value), y: bottom + 17, "text-anchor": "middle" }, format(x)(value)),
    ]),
    s("line", { class: "base", x1: MARGIN.left, x2: right, y1: bottom, y2: bottom }),
    s("text", { class: "name", x: right, y: height - 4, "text-anchor": "end" }, x.name),
    s("text", { class: "name", x: 4, y: 4, dy: "0.7em" }, y.name),
  );
}

// A plot of `content(xScale, yScale) -> svg children` on axes that `axesOf() -> {x, y}` says anew each time.
export function plot(label, height, axesOf, content, drawn) {
  return canvas(label, height + 14, (width, whole) => {
    const { x, y } = axesOf();
    const xScale = scaleOf(x, MARGIN.left, width - MARGIN.right);
    const yScale = scaleOf(y, whole - MARGIN.bottom, MARGIN.top + 14);
    return [axes(x, y, xScale, yScale, width, whole), content(xScale, yScale)];
  }, drawn);
}

export function legend(entries) {
  return h("ul", { class: "legend" }, entries.map(([name, kind]) => h("li", {}, h("i", { class: `key ${kind}` }), name)));
}
