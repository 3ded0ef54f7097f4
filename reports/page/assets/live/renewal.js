// Asks the server what has changed, and draws that: what goes on now at once, the page when nobody is using it.

import { byId, h } from "../dom.js";
import { drawnAs, emptied, inUse, kept, restore } from "./kept.js";
import { drawNow } from "./now.js";

const PAUSE_MS = 2000;
const IDLE_MS = 5000; // the same where no driver is at work, or nobody looks
const SHARE = 10; // at most one part in so many of the time is spent on asking and drawing

const blank = document.querySelector("main").cloneNode(true);
const known = { parts: {}, rows: {}, details: {} };
let version = 0;
let drawn = 0;
let page = null;
let first = null;
let now = null;

function take(news) {
  if (news.error) {
    drawNow({ error: news.error });
    return;
  }
  for (const [kind, changed] of Object.entries({ parts: news.parts, rows: news.rows, details: news.details })) {
    for (const [name, value] of Object.entries(changed)) {
      if (value === null && kind !== "parts") delete known[kind][name];
      else known[kind][name] = value;
    }
  }
  version = news.version;
  now = news.now;
  drawNow(now);
  document.title = `${now.finished}/${now.total} ${byId("live").dataset.title}`;
}

// The document as the page of a finished run has it.
function whole() {
  const { columns, order, ranks, ...parts } = known.parts;
  const table = Object.fromEntries(columns.map((name) => [name, name === "rank" ? ranks : order.map((id) => known.rows[id][name] ?? null)]));
  return { ...parts, table, details: known.details };
}

function draw() {
  if (!known.parts.order) {
    byId("overview").replaceChildren(h("h1", {}, byId("live").dataset.title.split(":")[0]), h("p", { class: "lead" }, "No trial has finished yet."));
    return;
  }
  if (version === drawn) return;
  byId("live").classList.toggle("waits", inUse() && page !== null);
  if (page && inUse()) return;
  const before = page && kept(page, first);
  byId("data").textContent = JSON.stringify(whole());
  emptied(blank);
  page = build(); // of the script that holds this module
  first = drawnAs(page);
  drawn = version;
  if (before) restore(page, before);
  else document.querySelector("main").style.minBlockSize = "";
}

async function asked() {
  try {
    const answer = await fetch(`changes?since=${version}`);
    return answer.ok ? await answer.json() : null;
  } catch {
    return null; // the server has ended, or this host sleeps
  }
}

// Charts are drawn with the frame that follows.
function painted() {
  return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
}

async function refresh() {
  const began = performance.now();
  let answered = began;
  try {
    const news = document.hidden ? undefined : await asked();
    answered = performance.now();
    if (news === null) drawNow({ ...now, gone: true });
    else if (news) {
      take(news);
      draw();
      await painted();
    }
  } finally {
    const took = performance.now() - began;
    const ms = { refreshMs: took.toFixed(1), askedMs: (answered - began).toFixed(1) };
    Object.assign(document.documentElement.dataset, { ...ms, version }); // for whoever measures
    setTimeout(refresh, document.hidden || !now?.driver ? IDLE_MS : Math.max(PAUSE_MS, SHARE * took));
  }
}

byId("live").dataset.title = document.title;
take(JSON.parse(byId("data").textContent));
draw();
document.documentElement.dataset.ready = "true";
setTimeout(refresh, PAUSE_MS);
