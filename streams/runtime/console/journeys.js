// Journeys as maps: steps with who is in them, and the ways between with conversion, interval, n and history.

import { el, fresh, link, say } from "./dom.js";
import { READINGS, Range, Spark, interval, least } from "./figures.js";
import { byFile, segmentNote, segmentTables, segmentWindow, watchedAt, withheldNote } from "./segments.js";
import { sight } from "./sight.js";
import { state } from "./state.js";
import { count, percent, span, spaced, t } from "./texts.js";

// What alarms say about a place: all of it in words, and whether one fires or is only pending.
export function mark(node, alerts = []) {
  node.hidden = !alerts.length;
  const said = JSON.stringify(alerts);
  if (node.dataset.said === said) return;
  node.dataset.said = said;
  fresh(node, alerts.map(({ text, state: way }) => el("span", { "data-state": way }, text)));
}

class Pass {
  // The way from one step to the next. A button that opens the segments.
  constructor(journey, step, redraw) {
    this.key = `${journey.name}/${step.name}`;
    this.rate = el("span", { class: "rate" });
    this.more = el("span", { class: "more", "aria-hidden": "true" }, el("i", {}, `${t("map.segments")} `), el("b"));
    this.range = new Range();
    this.band = el("span", { class: "fine" });
    this.n = el("span");
    this.half = el("span");
    this.spark = new Spark();
    this.wrong = el("span", { class: "wrong" });
    this.drop = el("span", { class: "drop", hidden: true }, t("map.drop"));
    this.alarm = el("span", { class: "alarmed", hidden: true });
    this.node = el("button", { class: "pass", type: "button", "aria-expanded": "false" },
      el("span", { class: "arrow", "aria-hidden": "true" }),
      el("span", { class: "unseen" }, `${t("map.way", { step: step.name, next: step.next_step })}: `),
      this.rate, this.more, this.range.node, this.band, el("span", { class: "fine" }, this.n, " ", this.half), this.drop, this.alarm, this.wrong, this.spark.node);
    this.node.addEventListener("click", () => {
      state.open = state.open === this.key ? null : this.key;
      redraw();
    });
  }

  update(step, breached, alerts, drop) {
    this.drop.hidden = !drop;
    const estimate = step.windows[state.window][state.measure];
    const known = estimate.value !== null;
    say(this.rate, known ? percent(estimate.value) : least(estimate));
    this.rate.classList.toggle("none", !known);
    this.range.draw(estimate, 0, 1);
    say(this.band, known ? interval(estimate) : t("figure.no_interval"));
    const half = step.duration && step.duration.p50;
    say(this.n, `n ${count(estimate.n)}`);
    say(this.half, half ? t("map.half", { span: span(half) }) : "");
    this.half.hidden = !half;
    this.spark.draw(step.spark || []);
    say(this.wrong, breached.length ? t("map.breached", { what: breached.join(", ") }) : "");
    this.wrong.hidden = !breached.length;
    mark(this.alarm, alerts);
    const open = state.open === this.key;
    this.node.setAttribute("aria-expanded", String(open));
    say(this.more.lastChild, open ? "▴" : "▾");
  }
}

class Step {
  constructor(journey, step, redraw) {
    this.entered = el("p", { class: "big" });
    this.what = el("p", { class: "what" });
    this.inFlight = el("span");
    this.left = el("span");
    this.flight = el("p", { class: "flight fine" }, this.inFlight, " ", this.left);
    this.alarm = el("p", { class: "alarmed", hidden: true });
    const tile = el("div", { class: step.next_step ? "step" : "step goal" },
      el("h4", {}, step.name), this.entered, this.what, this.flight, this.alarm);
    this.pass = step.next_step ? new Pass(journey, step, redraw) : null;
    this.node = el("li", {}, tile, this.pass && this.pass.node);
    this.key = `${journey.name}/${step.name}`;
  }

  update(step, breached, alerts, drop) {
    const seen = step.windows[state.window], on = Boolean(step.next_step);
    say(this.entered, count(seen.entered));
    say(this.what, t(on ? "map.entered" : "map.reached", { n: seen.entered }));
    say(this.inFlight, on ? t("map.in_flight", { count: count(step.totals.in_flight) }) : t("map.in_all", { count: count(step.totals.entered) }));
    say(this.left, on ? t("map.left", { n: seen.abandoned, count: count(seen.abandoned) }) : "");
    this.left.hidden = !on;
    mark(this.alarm, alerts.get(`${this.key}/arrivals`));
    if (this.pass) this.pass.update(step, breached, alerts.get(this.key), drop);
  }
}

class Drill {
  // Segments of one step. Rebuilt when they change: it holds nothing that can have focus.
  constructor() {
    this.node = el("div", { class: "drill", hidden: true, role: "region" });
  }

  update(journey, step) {
    this.node.hidden = !step;
    if (!step) return;
    this.node.setAttribute("aria-label", t("map.drill.region", { journey: journey.name, step: step.name }));
    const window = segmentWindow();
    const totals = Object.entries(step.totals).map(([name, value]) =>
      el("div", {}, el("dt", {}, t(`total.${name}`)), el("dd", {}, count(value))));
    const order = byFile(step.segments);
    const rows = step.segments.map((segment) => ({ ...segment, seen: segment.windows[window] }))
      .filter(({ seen, in_flight }) => seen && (seen.entered || in_flight))
      .sort((a, b) => order(a) - order(b) || b.seen.entered - a.seen.entered)
      .map(({ dimension, value, seen, in_flight }) =>
        ({ dimension, value, estimate: seen[state.measure], counts: [seen.entered, in_flight] }));
    const tables = segmentTables(rows, step.windows[window][state.measure],
      [t("segment.conversion"), t("segment.entered"), t("segment.in_flight")], READINGS.ratio, true);
    fresh(this.node, [
      el("header", {},
        el("h4", {}, t("map.drill.title", { step: step.name, next: step.next_step })),
        el("p", { class: "fine" }, segmentNote()),
        el("dl", { class: "totals", title: t("map.drill.totals") }, ...totals)),
      tables.length ? el("div", { class: "dims" }, ...tables) : el("p", { class: "empty" }, t("map.drill.empty")),
      ...withheldNote(step.segments, window),
      ...sight(watchedAt((one) => one.kind !== "signal" && one.journey === journey.name && one.step === step.name)),
    ]);
  }
}

class Journey {
  constructor(journey, redraw) {
    this.steps = journey.steps.map((step) => new Step(journey, step, redraw));
    this.drill = new Drill();
    const runbook = link(journey.runbook, t("map.runbook"));
    this.node = el("article", { class: "journey", "data-journey": journey.name },
      el("header", {}, el("h3", {}, journey.name), journey.owner ? el("p", {}, journey.owner) : null, runbook && el("p", {}, runbook)),
      el("ol", { class: "map" }, ...this.steps.map((step) => step.node)), this.drill.node);
  }

  update(journey, breached, alerts) {
    const drop = largestDrop(journey.steps);
    journey.steps.forEach((step, index) =>
      this.steps[index].update(step, breached.get(`${journey.name}/${step.name}`) || [], alerts, step === drop));
    this.drill.update(journey, journey.steps.find((step) => state.open === `${journey.name}/${step.name}`));
  }
}

// Where most customers are lost: the step with the lowest conversion, when it is surely lower than the next one.
function largestDrop(steps) {
  const known = steps.filter((step) => step.next_step && step.windows[state.window][state.measure].value !== null)
    .map((step) => [step, step.windows[state.window][state.measure]]).sort((a, b) => a[1].value - b[1].value);
  return known.length > 1 && known[0][1].high < known[1][1].low ? known[0][0] : null;
}

// What is wrong at a step: its own expectation, and those of the signals placed on it.
function breachedByPlace(view) {
  const found = new Map();
  const add = (place, name) => found.set(place, [...(found.get(place) || []), name]);
  for (const journey of view.journeys) {
    for (const step of journey.steps) if (step.state === "breached") add(`${journey.name}/${step.name}`, t("map.conversion"));
  }
  for (const signal of view.signals) {
    if (signal.state === "breached" && signal.step) add(`${signal.journey}/${signal.step}`, spaced(signal.name));
  }
  return found;
}

export class Journeys {
  constructor(redraw) {
    this.redraw = redraw;
    this.list = el("div", { id: "journey-list" }, el("p", { class: "empty" }, t("journeys.waiting")));
    this.node = el("section", { id: "journeys", "aria-labelledby": "journeys-title" },
      el("h2", { id: "journeys-title" }, t("journeys.title")), this.list);
    this.built = "";
    this.cards = [];
  }

  update(view, alerts) {
    const shape = JSON.stringify(view.journeys.map((j) => [j.name, j.owner, j.runbook, j.steps.map((s) => s.name)]));
    if (shape !== this.built) {
      this.built = shape;
      this.cards = view.journeys.map((journey) => new Journey(journey, this.redraw));
      fresh(this.list, this.cards.length ? this.cards.map((card) => card.node) : [el("p", { class: "empty" }, t("journeys.none"))]);
    }
    const breached = breachedByPlace(view);
    view.journeys.forEach((journey, index) => this.cards[index].update(journey, breached, alerts));
  }
}
