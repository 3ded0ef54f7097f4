// Which dimensions mattered.

import { DATA } from "./data.js";
import { figure, h } from "./dom.js";
import { percent, plural, words } from "./format.js";

function bar([name, share], most) {
  const fill = h("span", { class: "fill" });
  fill.style.inlineSize = `${(100 * share) / most}%`;
  return h("tr", {}, h("th", { scope: "row" }, words(name)), h("td", { class: "bar" }, fill), h("td", { class: "number" }, share > 0 && share < 0.01 ? "< 1%" : percent(share, 0)));
}

export function importanceFigure() {
  const { trials, least, shares } = DATA.importances;
  if (!shares) {
    const why =
      trials < least
        ? `${plural(trials, "completed trial")} of the sampler cannot say; it takes at least ${least}.`
        : "The values of the completed trials do not differ enough to say.";
    return figure("Which dimensions mattered", h("p", { class: "empty" }, why));
  }
  const entries = Object.entries(shares);
  const most = Math.max(...entries.map(([, share]) => share)) || 1;
  const rough = trials < 50 ? " With so few, the order is rough." : "";
  return figure(
    "Which dimensions mattered",
    h("table", { class: "bars" }, h("tbody", {}, entries.map((entry) => bar(entry, most)))),
    `Share of the differences in value, by Optuna's fANOVA over ${plural(trials, "completed trial")}.${rough}`,
  );
}
