// The live console: draws what /api/v1/stream sends once a second. No framework; it only uses the public API.

import { Alarms, alertsByPlace, recorded, sight } from "./alarms.js";
import { Cases } from "./cases.js";
import { Story } from "./customer.js";
import {
  ADDITIVE, NOTHING, READINGS, Range, Spark, clock, count, el, fresh, interval, openTop, percent, plain, reading, remember,
  remembered, say, span,
} from "./parts.js";

const WINDOWS = ["1m", "5m", "1h", "24h", "7d"];
const MEASURES = { throughput: "throughput", cohort: "entry cohort" };
const KINDS = { // the last one only shows when a signal has no kind
  interaction: "What happened, as the systems saw it",
  perception: "What customers say",
  outcome: "What it came to",
  other: "Of no kind in the file",
};
const STALE_MS = 5000;
const SHOWN_DECISIONS = 100;
const DEMO = "touchline demo"; // the file name a demo goes by

const state = {
  window: remembered("window", WINDOWS, "5m"),
  measure: remembered("measure", Object.keys(MEASURES), "throughput"),
  open: null, // "journey/step" whose segments are shown
  view: null,
  seenAt: 0,
  decisions: [],
  demo: false,
  incident: null,
};
const $ = (id) => document.getElementById(id);

// ---- journeys -----------------------------------------------------------------------------------------------------

class Pass {
  // The way from one step to the next: conversion, interval, n, history. A button that opens the segments.
  constructor(journey, step) {
    this.key = `${journey.name}/${step.name}`;
    this.rate = el("span", { class: "rate" });
    this.more = el("span", { class: "more", "aria-hidden": "true" }, el("i", {}, "segments "), el("b"));
    this.range = new Range();
    this.band = el("span", { class: "fine" });
    this.n = el("span");
    this.half = el("span");
    this.spark = new Spark();
    this.wrong = el("span", { class: "wrong" });
    this.alarm = el("span", { class: "alarmed", hidden: true });
    this.node = el("button", { class: "pass", type: "button", "aria-expanded": "false" },
      el("span", { class: "arrow", "aria-hidden": "true" }),
      el("span", { class: "unseen" }, `${step.name} to ${step.next_step}: `),
      this.rate, this.more, this.range.node, this.band, el("span", { class: "fine" }, this.n, " ", this.half), this.alarm, this.wrong, this.spark.node);
    this.node.addEventListener("click", () => {
      state.open = state.open === this.key ? null : this.key;
      draw();
    });
  }

  update(step, breached, alerts) {
    const estimate = step.windows[state.window][state.measure];
    const known = estimate.value !== null;
    say(this.rate, known ? percent(estimate.value) : `collecting ${count(estimate.n)}/30`);
    this.rate.classList.toggle("none", !known);
    this.range.draw(estimate, 0, 1);
    say(this.band, known ? interval(estimate) : "no interval yet");
    const half = step.duration && step.duration.p50;
    say(this.n, `n ${count(estimate.n)}`);
    say(this.half, half ? `half in ${span(half)}` : "");
    this.half.hidden = !half;
    this.spark.draw(step.spark || []);
    say(this.wrong, breached.length ? `▲ ${breached.join(", ")} breached` : "");
    this.wrong.hidden = !breached.length;
    mark(this.alarm, alerts);
    const open = state.open === this.key;
    this.node.setAttribute("aria-expanded", String(open));
    say(this.more.lastChild, open ? "▴" : "▾");
  }
}

// What alarms say about a place: all of it in words, and whether one fires or is only pending.
function mark(node, alerts = []) {
  node.hidden = !alerts.length;
  fresh(node, alerts.map(({ text, state }) => el("span", { "data-state": state }, text)));
}

class Step {
  constructor(journey, step) {
    this.entered = el("p", { class: "big" });
    this.what = el("p", { class: "what" });
    this.inFlight = el("span");
    this.left = el("span");
    this.flight = el("p", { class: "flight fine" }, this.inFlight, " ", this.left);
    this.alarm = el("p", { class: "alarmed", hidden: true });
    const tile = el("div", { class: step.next_step ? "step" : "step goal" },
      el("h4", {}, step.name), this.entered, this.what, this.flight, this.alarm);
    this.pass = step.next_step ? new Pass(journey, step) : null;
    this.node = el("li", {}, tile, this.pass && this.pass.node);
    this.key = `${journey.name}/${step.name}`;
  }

  update(step, breached, alerts) {
    const seen = step.windows[state.window];
    say(this.entered, count(seen.entered));
    say(this.what, step.next_step ? "entered" : "reached");
    say(this.inFlight, step.next_step ? `${count(step.totals.in_flight)} in flight` : `${count(step.totals.entered)} in all`);
    say(this.left, step.next_step ? `${count(seen.abandoned)} left` : "");
    this.left.hidden = !step.next_step;
    mark(this.alarm, alerts.get(`${this.key}/arrivals`));
    if (this.pass) this.pass.update(step, breached, alerts.get(this.key));
  }
}

class Drill {
  // Segments of one step. Rebuilt each second: it holds nothing that can have focus.
  constructor() {
    this.node = el("div", { class: "drill", hidden: true, role: "region" });
  }

  update(journey, step) {
    this.node.hidden = !step;
    if (!step) return;
    this.node.setAttribute("aria-label", `segments of ${journey.name}, ${step.name}`);
    const window = segmentWindow();
    const totals = Object.entries(step.totals).map(([name, value]) =>
      el("div", {}, el("dt", {}, name.replace("_", " ")), el("dd", {}, count(value))));
    const order = byFile(step.segments);
    const rows = step.segments.map((segment) => ({ ...segment, seen: segment.windows[window] }))
      .filter(({ seen, in_flight }) => seen.entered || in_flight)
      .sort((a, b) => order(a) - order(b) || b.seen.entered - a.seen.entered)
      .map(({ dimension, value, seen, in_flight }) =>
        ({ dimension, value, estimate: seen[state.measure], counts: [seen.entered, in_flight] }));
    const tables = segmentTables(rows, step.windows[window][state.measure],
      ["conversion", "entered", "in flight"], READINGS.ratio, true);
    fresh(this.node, [
      el("header", {},
        el("h4", {}, `${step.name} → ${step.next_step}, by segment`),
        el("p", { class: "fine" }, segmentNote()),
        el("dl", { class: "totals", title: "since the beginning" }, ...totals)),
      tables.length ? el("div", { class: "dims" }, ...tables) : el("p", { class: "empty" }, "Nobody entered lately."),
      ...sight(watchedAt((one) => one.kind !== "signal" && one.journey === journey.name && one.step === step.name)),
    ]);
  }
}

// One table per dimension: each value of it beside the whole. `rows` are {dimension, value, estimate, counts}.
// `better` colours what stands out: more of a conversion is good, of other numbers nobody knows.
function segmentTables(rows, whole, titles, read, better = false) {
  const groups = new Map();
  for (const row of rows) groups.set(row.dimension, [...(groups.get(row.dimension) || []), row]);
  const top = read.top ?? Math.max(whole.high || 0, ...rows.map((row) => row.estimate.high || 0)) * 1.1;
  return [...groups].map(([dimension, own]) => el("table", {},
    el("caption", {}, dimension),
    el("thead", {}, el("tr", {}, ...["", "95 % interval", ...titles].map((title) => el("th", { scope: "col" }, title)))),
    el("tbody", {}, ...own.map(({ value, estimate, counts }) => {
      const range = new Range(), known = estimate.value !== null && whole.value !== null;
      range.draw(estimate, read.floor, top, whole.value);
      const less = known && estimate.high < whole.low, more = known && estimate.low > whole.high;
      const shown = estimate.value === null ? `${count(estimate.n)}/30` : read.show(estimate.value);
      return el("tr", {},
        el("td", {}, value), el("td", {}, range.node),
        el("td", { class: less || more ? `apart ${better ? (less ? "less" : "more") : ""}` : null, title: interval(estimate, read.show) },
          less ? `▼ ${shown}` : more ? `▲ ${shown}` : shown),
        ...counts.map((number) => el("td", {}, count(number))));
    }))));
}

// Series under watch that belong to what is unfolded.
const watchedAt = (belongs) => (state.view.alarms ? state.view.alarms.watched.filter(belongs) : []);

// Where a segment's dimension stands in the file.
function byFile(segments) {
  const dimensions = [...new Set(segments.map((segment) => segment.dimension))];
  return (segment) => dimensions.indexOf(segment.dimension);
}

// Segments are kept for two windows only; the nearest is shown, and said.
const segmentWindow = () => (["1m", "5m"].includes(state.window) ? "5m" : "1h");

function segmentNote() {
  const window = segmentWindow();
  return `last ${window}${window === state.window ? "" : " (segments are kept for 5m and 1h)"} · dashed: the whole`;
}

class Journey {
  constructor(journey) {
    this.steps = journey.steps.map((step) => new Step(journey, step));
    this.drill = new Drill();
    this.node = el("article", { class: "journey", "data-journey": journey.name },
      el("header", {}, el("h3", {}, journey.name),
        journey.owner ? el("p", {}, journey.owner) : null,
        journey.runbook && /^https?:/.test(journey.runbook)
          ? el("p", {}, el("a", { href: journey.runbook, rel: "noreferrer" }, "runbook")) : null),
      el("ol", { class: "map" }, ...this.steps.map((step) => step.node)), this.drill.node);
  }

  update(journey, breached, alerts) {
    journey.steps.forEach((step, index) =>
      this.steps[index].update(step, breached.get(`${journey.name}/${step.name}`) || [], alerts));
    this.drill.update(journey, journey.steps.find((step) => state.open === `${journey.name}/${step.name}`));
  }
}

// ---- signals ------------------------------------------------------------------------------------------------------

class Signal {
  constructor(signal) {
    this.value = el("p", { class: "value" });
    this.band = el("p", { class: "fine where" });
    this.n = el("p", { class: "fine how" });
    this.wrong = el("p", { class: "wrong", hidden: true });
    this.alarm = el("p", { class: "alarmed", hidden: true });
    this.range = new Range();
    const place = signal.journey ? `${signal.journey}${signal.step ? ` › ${signal.step}` : ""}` : "";
    this.key = `signal ${signal.name}`;
    this.more = el("b", { "aria-hidden": "true" });
    this.button = el("button", { class: "opener", type: "button", "aria-expanded": "false" },
      signal.name.replaceAll("_", " "), el("span", { class: "unseen" }, ", by segment"), " ", this.more);
    this.button.addEventListener("click", () => {
      state.open = state.open === this.key ? null : this.key;
      draw();
    });
    this.drill = el("div", { class: "dims inner", hidden: true });
    this.node = el("div", { class: "signal", "data-signal": signal.name },
      el("h4", {}, this.button), this.value, this.band, this.n, this.range.node, this.alarm, this.wrong, this.drill);
    this.how = [signal.as_, place].filter(Boolean).join(" · ");
  }

  update(signal, alerts) {
    const estimate = signal.windows[state.window], read = reading(signal), known = estimate.value !== null;
    const least = signal.min_n;
    fresh(this.value, known ? [read.show(estimate.value), read.unit ? el("small", {}, ` ${read.unit}`) : ""]
      : [`collecting ${count(estimate.n)}/${least}`]);
    this.value.classList.toggle("none", !known);
    say(this.band, this.how);
    say(this.n, known ? `${interval(estimate, read.show)} · n ${count(estimate.n)}` : "");
    const top = read.top ?? openTop(signal.name, known ? estimate.high : 0);
    this.range.draw(estimate, read.floor, top);
    this.node.setAttribute("data-state", signal.state);
    mark(this.alarm, alerts);
    this.wrong.hidden = signal.state !== "breached";
    say(this.wrong, signal.state === "breached" ? "▲ breached: outside what the file expects" : "");
    this.open(signal, read);
  }

  open(signal, read) {
    const open = state.open === this.key, window = segmentWindow();
    this.button.setAttribute("aria-expanded", String(open));
    say(this.more, open ? "▴" : "▾");
    this.drill.hidden = !open;
    if (!open) return;
    const order = byFile(signal.segments);
    const rows = signal.segments.map((segment) => ({ ...segment, estimate: segment.windows[window] }))
      .filter(({ estimate }) => estimate.n)
      .sort((a, b) => order(a) - order(b) || b.estimate.n - a.estimate.n)
      .map((segment) => ({ ...segment, counts: [segment.estimate.n] }));
    fresh(this.drill, [el("p", { class: "fine" }, segmentNote()),
      ...segmentTables(rows, ADDITIVE.includes(signal.as_) ? NOTHING : signal.windows[window], ["value", "n"], read),
      ...sight(watchedAt((one) => one.kind === "signal" && one.signal === signal.name))]);
  }
}

// ---- decisions ----------------------------------------------------------------------------------------------------

const TONES = { breached: ["bad", "▲"], firing: ["bad", "▲"], broken: ["bad", "▲"], recovered: ["good", "▼"], resolved: ["good", "▼"] };

function sentence(decision) {
  const data = decision.data || {};
  const name = data.signal && data.signal !== decision.subject ? `${decision.subject} · ${data.signal}` : decision.subject || "";
  if (decision.type.startsWith("touchline.signal.")) {
    const share = ["share", "conversion"].includes(data.quantity) || (data.value !== null && Math.abs(data.value) <= 1 && Math.abs(data.target) <= 1);
    const show = (value) => (typeof value !== "number" ? String(value) : share ? percent(value) : plain(value));
    const range = typeof data.low === "number" ? ` (${show(data.low)} – ${show(data.high)}, n ${count(data.n)})` : "";
    return [name, `${data.quantity} ${show(data.value)}${range}, expected ${show(data.target)}`];
  }
  if (decision.type.startsWith("touchline.alert.") && data.fingerprint) return recorded(data);
  const because = [].concat(data.because || []).join(", ");
  return [name, [data.rule, data.reason, because].filter(Boolean).join(" · ")];
}

function decisionItem(decision, isNew) {
  const verb = decision.type.split(".").pop();
  const [tone, icon] = TONES[verb] || ["", "•"];
  const [name, why] = sentence(decision);
  return el("li", { class: isNew ? "new" : null },
    el("time", { datetime: decision.time, title: decision.time }, clock(decision.time)),
    el("span", { class: "what", "data-tone": tone }, `${icon} ${decision.type.replace(/^touchline\./, "").replace(".", " ")}`),
    el("span", {}, name), el("span", { class: "why" }, why));
}

function showDecisions(newest = null) {
  const items = state.decisions.map((decision) => decisionItem(decision, decision === newest));
  fresh($("decision-list"), items.length ? items : [el("li", { class: "empty" }, "None yet: every signal is where the file expects it.")]);
}

async function fetchDecisions() {
  const answer = await fetch(`api/v1/decisions?limit=${SHOWN_DECISIONS}`);
  if (!answer.ok) return;
  state.decisions = (await answer.json()).items;
  showDecisions();
}

// ---- the door -----------------------------------------------------------------------------------------------------

const door = {
  counts: el("dl", { class: "counts" }),
  letters: el("details", { class: "letters" }, el("summary", {}, "Show the last dead letters"), el("ol")),
};

function showDoor(health) {
  const rows = [...Object.entries(health.events), ["dead letters", health.dead_letters], ["timers waiting", health.pending_timers]];
  fresh(door.counts, rows.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, count(value)))));
  door.letters.hidden = !health.dead_letters;
}

door.letters.addEventListener("toggle", async () => {
  if (!door.letters.open) return;
  const answer = await fetch("api/v1/dlq?limit=20");
  if (!answer.ok) return;
  const { items } = await answer.json();
  fresh(door.letters.querySelector("ol"), items.map((letter) =>
    el("li", {}, el("b", {}, letter.reason), ` · ${letter.message} · ${count(letter.size)} B${letter.state === "redriven" ? " · re-driven" : ""}`)));
});

// ---- the page -----------------------------------------------------------------------------------------------------

function showVitals(health) {
  const lag = health.lag_seconds;
  const items = [
    ["events/s", plain(health.events_per_second), "", false],
    ["lag", lag === null ? "–" : lag.toFixed(1), lag === null ? "" : " s", lag > 15],
    ["in flight", count(inFlight()), "", false],
    ["dead letters", count(health.dead_letters), "", health.dead_letters > 0],
  ];
  const vitals = $("vitals");
  if (vitals.children.length !== items.length) {
    fresh(vitals, items.map(([name]) => el("div", {}, el("dt", {}, name), el("dd", {}, el("span"), el("small")))));
  }
  items.forEach(([, value, unit, odd], index) => {
    const box = vitals.children[index];
    say(box.querySelector("span"), value);
    say(box.querySelector("small"), unit);
    box.classList.toggle("odd", odd);
  });
}

function inFlight() {
  return state.view.journeys.reduce((sum, journey) => journey.steps.reduce((inner, step) => inner + step.totals.in_flight, sum), 0);
}

let built = "", journeys = [], signals = [];
const alarms = new Alarms($("alarms")), cases = new Cases($("cases"));
new Story($("customer"));

function build(view) {
  const shape = JSON.stringify([view.journeys.map((j) => [j.name, j.owner, j.runbook, j.steps.map((s) => s.name)]),
    view.signals.map((s) => [s.name, s.kind])]);
  if (shape === built) return;
  built = shape;
  journeys = view.journeys.map((journey) => new Journey(journey));
  fresh($("journey-list"), journeys.length ? journeys.map((journey) => journey.node)
    : [el("p", { class: "empty" }, "The file names no journeys.")]);
  signals = view.signals.map((signal) => new Signal(signal));
  fresh($("signal-list"), Object.entries(KINDS).flatMap(([kind, meaning]) => {
    const own = signals.filter((_, index) => (view.signals[index].kind || "other") === kind);
    return kind === "other" && !own.length ? [] : el("div", { class: "kind" }, el("h3", {}, kind[0].toUpperCase() + kind.slice(1)), el("p", {}, meaning),
      ...(own.length ? own.map((signal) => signal.node) : [el("p", { class: "empty" }, "None in the file.")]));
  }));
}

// What is wrong at a step: its own expectation, and those of the signals placed on it.
function breachedByPlace(view) {
  const found = new Map();
  const add = (place, name) => found.set(place, [...(found.get(place) || []), name]);
  for (const journey of view.journeys) {
    for (const step of journey.steps) if (step.state === "breached") add(`${journey.name}/${step.name}`, "conversion");
  }
  for (const signal of view.signals) {
    if (signal.state === "breached" && signal.step) add(`${signal.journey}/${signal.step}`, signal.name.replaceAll("_", " "));
  }
  return found;
}

function draw() {
  const view = state.view;
  if (!view) return;
  build(view);
  const breached = breachedByPlace(view), alerts = alertsByPlace(view.alarms);
  alarms.update(view.alarms, view.health.watermark);
  cases.update(view.health.watermark);
  view.journeys.forEach((journey, index) => journeys[index].update(journey, breached, alerts));
  view.signals.forEach((signal, index) => signals[index].update(signal, alerts.get(`signal ${signal.name}`)));
  showVitals(view.health);
  showDoor(view.health);
  const { health } = view;
  const notice = $("notice");
  notice.hidden = health.status === "ok";
  say(notice, health.status === "ok" ? "" : `The service is ${health.status}. ${health.reason || ""}`);
  say($("foot"), [
    health.watermark ? `event time ${new Date(health.watermark).toLocaleString("en-GB")}` : "no event yet",
    `file ${health.config.file} (${health.config.hash})`,
    ...health.config.warnings.slice(0, 3),
  ].join("  ·  "));
  if (!state.demo && health.config.file === DEMO) startDemo();
}

function showLink() {
  const link = $("link"), age = Date.now() - state.seenAt;
  const lost = state.seenAt && age > STALE_MS;
  link.dataset.state = lost ? "lost" : state.seenAt ? "live" : "connecting";
  say(link, lost ? `no data for ${Math.round(age / 1000)} s, reconnecting…` : state.seenAt ? "live" : "connecting…");
}

function switcher(id, name, options) {
  const box = $(id);
  for (const [value, label] of options) {
    const input = el("input", { type: "radio", name, value });
    input.checked = state[name] === value;
    input.addEventListener("change", () => {
      state[name] = value;
      remember(name, value);
      draw();
    });
    box.append(el("label", {}, input, el("span", {}, label)));
  }
}

// ---- demo only ----------------------------------------------------------------------------------------------------

function startDemo() {
  state.demo = true;
  $("demo").hidden = false;
  const ask = async (method) => {
    try {
      const answer = await fetch("api/v1/demo/incident", { method });
      if (answer.ok) state.incident = await answer.json();
    } catch { /* the connection state tells */ }
    showIncident();
  };
  $("plant").addEventListener("click", () => ask("POST"));
  setInterval(() => ask("GET"), 2000);
  ask("GET");
}

function showIncident() {
  const incident = state.incident, text = $("incident");
  if (!incident) return;
  $("plant").disabled = incident.running;
  text.toggleAttribute("data-on", incident.running);
  say(text, incident.running ? `▲ planted: ${incident.what}, until ${clock(incident.until)}`
    : incident.next ? `next planted incident at ${clock(incident.next)}` : "no incident planned");
}

// ---- start --------------------------------------------------------------------------------------------------------

function connect() {
  const source = new EventSource("api/v1/stream");
  source.addEventListener("open", () => {
    fetchDecisions().catch(() => {});
    cases.load();
  });
  source.addEventListener("view", (event) => {
    state.view = JSON.parse(event.data);
    state.seenAt = Date.now();
    showLink();
    if (!document.hidden) requestAnimationFrame(draw);
  });
  source.addEventListener("decision", (event) => {
    const decision = JSON.parse(event.data);
    if (state.decisions.some((known) => known.id === decision.id)) return;
    state.decisions = [decision, ...state.decisions].slice(0, SHOWN_DECISIONS);
    showDecisions(decision);
    if (decision.type.startsWith("touchline.case.")) cases.soon();
  });
  source.addEventListener("error", () => {
    // The browser reconnects by itself unless the answer was no stream at all.
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, 3000);
  });
}

switcher("windows", "window", WINDOWS.map((name) => [name, name]));
switcher("measures", "measure", Object.entries(MEASURES));
fresh($("door"), [el("div", { class: "box" }, door.counts, door.letters)]);
showDecisions();
setInterval(showLink, 1000);
document.addEventListener("visibilitychange", () => { if (!document.hidden) draw(); });
connect();
