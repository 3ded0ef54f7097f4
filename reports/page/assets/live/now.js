// What goes on now: how far the search is, what trains where, and what failed. Drawn above the page.

import { byId, h, scrolling } from "../dom.js";
import { count, duration, percent, plural } from "../format.js";

const MOST = 24; // trials under way that are named

function tile(name, value, small) {
  return h("div", { class: "tile" }, h("dt", {}, name), h("dd", {}, h("strong", {}, value), small && h("small", {}, small)));
}

function sum(hosts, name) {
  return hosts.reduce((total, host) => total + host[name], 0);
}

// A share of a GPU or a number of them: 0.25, 2.
function amount(value) {
  return String(Math.round(value * 100) / 100);
}

function state(now) {
  if (now.error) return ["is-bad", "The run cannot be read"];
  if (now.gone) return ["is-bad", "The watch has ended: this page stands still"];
  if (now.driver) return ["is-on", "Searching"];
  return now.finished >= now.total ? ["is-done", "Complete"] : ["is-off", "No driver is at work"];
}

function head(now) {
  const [kind, text] = state(now);
  const said = now.error ?? (now.driver?.process ? `process ${now.driver.process} on ${now.driver.host}` : null);
  return h("p", { class: "state", role: "status" }, h("i", { class: `lamp ${kind}`, "aria-hidden": "true" }), h("strong", {}, text), said && h("small", {}, said));
}

function part(kind, trials, total) {
  const fill = h("span", { class: `part ${kind}` });
  fill.style.inlineSize = `${(100 * trials) / Math.max(total, 1)}%`;
  return fill;
}

function bar({ finished, total, stopped, failed }) {
  const lost = failed.reduce((found, one) => found + one.trials, 0);
  const said = [`${count(finished)} of ${plural(total, "trial")} finished`, stopped && `${count(stopped)} of them stopped early`, lost && `${count(lost)} failed`];
  return h(
    "div",
    { class: "progress" },
    h("div", { class: "bar", role: "progressbar", "aria-label": "Trials finished", "aria-valuemin": 0, "aria-valuemax": total, "aria-valuenow": finished },
      part("is-trial", finished - stopped - lost, total), part("is-stopped", stopped, total), part("is-failed", lost, total)),
    h("p", { class: "note" }, said.filter(Boolean).join(", ")),
  );
}

function tiles({ in_flight, hosts, starting, left_s, driver }) {
  if (!driver && !in_flight.length) return null;
  const running = in_flight.filter(({ running_s }) => running_s !== null).length;
  const waiting = in_flight.length - running;
  const found = [tile("Trials running", count(running), waiting ? `${count(waiting)} ${driver ? "drawn, to begin" : "to start again"}` : null)];
  if (hosts) {
    found.push(tile("Workers", count(sum(hosts, "workers")), [`on ${plural(hosts.length, "host")}`, starting && `${count(starting)} starting`].filter(Boolean).join(", ")));
    for (const [name, key] of [["Processors held", "cpus"], ["GPUs held", "gpus"]]) {
      const [whole, held] = [sum(hosts, key), sum(hosts, `${key}_held`)];
      found.push(whole ? tile(name, percent(held / whole, 0), `${amount(held)} of ${amount(whole)}`) : tile(name, "–", "there are none"));
    }
  }
  if (driver) found.push(tile("Time left", duration(left_s), left_s === null ? "not known yet" : "at the pace of the latest trials"));
  return h("dl", { class: "tiles" }, found);
}

function flights({ in_flight }) {
  const running = in_flight.filter(({ running_s }) => running_s !== null);
  if (!running.length) return null;
  const named = running.slice(0, MOST).map(({ trial_id, running_s }) => h("li", {}, trial_id, " ", h("small", {}, duration(running_s))));
  return h("div", {}, h("h2", {}, "Running"), h("ul", { class: "flights" }, named, running.length > MOST && h("li", {}, `and ${count(running.length - MOST)} more`)));
}

function failures({ failed, damaged }) {
  if (!failed.length && !damaged.length) return null;
  const rows = failed.map(({ trials, reason }) => h("li", {}, h("strong", {}, `${count(trials)} ×`), " ", h("span", {}, reason)));
  return h("div", {}, h("h2", {}, "Failed"), h("ul", { class: "failures" }, rows, damaged.map((path) => h("li", {}, h("span", {}, `${path} is no record`)))));
}

function share(held, whole) {
  if (!whole) return h("td", { class: "number" }, "–");
  const fill = h("span", { class: "fill" });
  fill.style.inlineSize = `${Math.min(100, (100 * held) / whole)}%`;
  return h("td", { class: "number" }, `${amount(held)} of ${amount(whole)}`, h("span", { class: "held", "aria-hidden": "true" }, fill));
}

function machines({ hosts, nodes }) {
  if (!hosts?.length) return null;
  const heads = ["host", "workers", "processors", "GPUs", "finished"];
  const rows = hosts.map((host) =>
    h("tr", {}, h("th", { scope: "row" }, host.address), h("td", { class: "number" }, count(host.workers)), share(host.cpus_held, host.cpus), share(host.gpus_held, host.gpus), h("td", { class: "number" }, count(nodes[host.address] ?? 0))),
  );
  return h("div", {}, h("h2", {}, "Hosts"), scrolling("Hosts", h("table", {}, h("thead", {}, h("tr", {}, heads.map((name, k) => h("th", { scope: "col", class: k ? "number" : null }, name)))), h("tbody", {}, rows))));
}

function next({ next }) {
  return h("p", { class: "note" }, "Next: ", h("code", {}, next));
}

// Each block is made anew only when what it says has changed, so that text in it can be marked and copied.
const said = new Map();

function put(name, of, draw) {
  const text = JSON.stringify(of);
  if (said.get(name) === text) return;
  said.set(name, text);
  let place = byId(`live-${name}`);
  if (!place) byId("live").append((place = h("div", { id: `live-${name}` })));
  place.replaceChildren(...[draw(of)].filter(Boolean));
}

// `now` as the server told it last; or only `error`, or `gone`.
export function drawNow(now) {
  const { error, gone, driver, finished, total, in_flight } = now;
  put("state", { error, gone, driver, finished, total }, head);
  if (error || !in_flight) return;
  const { stopped, failed, damaged, hosts, starting, left_s, nodes } = now;
  put("bar", { finished, total, stopped, failed }, bar);
  put("tiles", { in_flight, hosts, starting, left_s: left_s === null ? null : Math.round(left_s), driver }, tiles);
  put("flights", { in_flight }, flights);
  put("failures", { failed, damaged }, failures);
  put("hosts", { hosts, nodes }, machines);
  put("next", { next: now.next }, next);
}
