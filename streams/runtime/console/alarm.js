// One alert on a page of its own: what, since when, who is in it, beside what is usual, and what can be done.

import { Headline, facts, factList, rootOf, timeline } from "./alarms.js";
import { bars, chart } from "./chart.js";
import { el, fresh, link, say } from "./dom.js";
import { NOTHING, READINGS, Range, interval, openTop, reading } from "./figures.js";
import { Orders } from "./orders.js";
import { get, may, nameField } from "./service.js";
import { FIRES, WINDOWS, state } from "./state.js";
import { count, number, t } from "./texts.js";
import { what } from "./words.js";

const USUAL = ["7d", "24h", "1h"];
const MINUTES = { "1m": 1, "5m": 5, "1h": 60, "24h": 1440, "7d": 10080 };
const PER_MINUTE = READINGS.per_minute;

// What an alert is about in every window, as [name, estimates by window, reading].
function series(alert, view) {
  const journey = view.journeys.find(({ name }) => name === alert.journey);
  const step = journey && journey.steps.find(({ name }) => name === alert.step);
  const signal = view.signals.find(({ name }) => name === alert.signal);
  const windows = (held, pick) => Object.fromEntries(Object.entries(held).map(([name, one]) => [name, pick(one, name)]));
  const rows = [];
  if (alert.signal === "conversion" && step) {
    rows.push([t("alarm.whole"), windows(step.windows, (one) => one.throughput), READINGS.ratio]);
    for (const segment of moved(alert, step.segments)) rows.push([segment.value, windows(segment.windows, (one) => one.throughput), READINGS.ratio]);
  } else if (alert.signal === "arrivals" && step) {
    const rate = (one, name) => ({ ...NOTHING, n: one.entered, value: one.entered / MINUTES[name], low: one.entered / MINUTES[name], high: one.entered / MINUTES[name] });
    rows.push([t("alarm.whole"), windows(step.windows, rate), PER_MINUTE]);
  } else if (signal) {
    rows.push([t("alarm.whole"), signal.windows, reading(signal)]);
    for (const segment of moved(alert, signal.segments)) rows.push([segment.value, segment.windows, reading(signal)]);
  }
  return { rows, step };
}

const moved = (alert, segments) => (alert.segments || []).filter((one) => Object.keys(one).length === 1)
  .flatMap((one) => segments.filter(({ dimension, value }) => one[dimension] === value));

export class AlarmPage {
  constructor() {
    this.head = new Headline("h2", { id: "alarm-title", tabindex: "-1" });
    this.told = el("p", { class: "empty", role: "status" });
    this.bars = el("div");
    this.usual = el("select", {}, ...USUAL.map((name) => el("option", { value: name }, t(`window.${name}.long`))));
    this.usual.addEventListener("change", () => this.view && this.draw(true));
    this.chart = el("div");
    this.compare = el("div", { class: "sheet", tabindex: "0", role: "region", "aria-labelledby": "compare-title" });
    this.facts = el("dl", { class: "facts" });
    this.story = el("ol");
    this.acts = el("div", { class: "row" });
    this.box = el("article", { class: "alert", "aria-labelledby": "alarm-title" });
    this.node = el("section", { id: "alarm", class: "page", "aria-labelledby": "alarm-title" },
      el("p", {}, el("a", { href: "#" }, t("alarm.back"))), this.told, this.box);
  }

  open(fingerprint) {
    this.fingerprint = fingerprint;
    this.orders = new Orders(fingerprint);
    this.older = null;
    this.drawn = "";
    const part = (title, id, ...nodes) => el("section", {}, el("h3", { id }, t(title)), ...nodes);
    fresh(this.box, [el("header", {}, this.head.badge, this.head.title), this.head.gist, this.head.when, this.acts,
      part("alarm.seen", "seen-title", this.bars, this.charted = el("div", {}, el("label", { class: "fine" }, `${t("alarm.usual")} `, this.usual), this.chart)),
      this.compared = part("alarm.compare", "compare-title", this.compare),
      part("alarm.known", "known-title", this.facts, this.orders.accepting), part("alarm.timeline", "timeline-title", this.story)]);
    if (state.view) this.update(state.view);
  }

  // One that was over before those in the stream is asked for once.
  async find() {
    if (this.older !== null) return;
    this.older = false;
    const { ok, body } = await get("api/v1/alerts?limit=1000");
    this.older = (ok && body.items.find(({ fingerprint }) => fingerprint === this.fingerprint)) || false;
    if (state.view) this.update(state.view);
  }

  update(view) {
    const alerts = view.alarms ? view.alarms.alerts : [];
    const alert = alerts.find(({ fingerprint }) => fingerprint === this.fingerprint) || this.older;
    if (!alert) this.find();
    say(this.told, alert ? "" : t("alarm.none"));
    this.box.hidden = !alert;
    this.told.hidden = Boolean(alert);
    if (!alert) return;
    this.view = view;
    this.alert = alert;
    this.draw();
  }

  draw(again = false) {
    const { alert, view } = this, now = view.health.watermark;
    this.box.dataset.state = alert.state;
    say(this.head.title, what(alert));
    this.head.update(alert, now);
    this.orders.update(alert, FIRES.includes(alert.state));
    const { rows, step } = series(alert, view), used = this.usual.value;
    const drawn = JSON.stringify([alert, rows, step && step.spark]);
    if (drawn === this.drawn && !again) return;
    this.drawn = drawn;
    if (!this.acts.firstChild) {
      const as = may("agent") && FIRES.includes(alert.state) ? el("label", { class: "by" }, `${t("alert.as")} `, nameField()) : null;
      fresh(this.acts, [this.orders.acts, as, link(alert.runbook, t("alert.runbook")), this.orders.told].filter(Boolean));
    }
    fresh(this.bars, [bars(alert.observed, alert.expected, number)]);
    this.charted.hidden = alert.signal !== "conversion" || !step;
    if (!this.charted.hidden) fresh(this.chart, [chart(step.spark, step.windows[used].throughput, alert, new Date(now).getTime())]);
    this.compared.hidden = !rows.length;
    fresh(this.compare, [this.table(rows)]);
    const alerts = view.alarms ? view.alarms.alerts : [], root = rootOf(alert, alerts);
    fresh(this.facts, factList(facts(alert, root ? t("alert.follows", { what: what(root) }) : "")));
    fresh(this.story, timeline(alert));
  }

  table(rows) {
    const heads = ["window", "who", "value", "n", "interval"].map((name) => el("th", { scope: "col" }, t(`alarm.column.${name}`)));
    const body = WINDOWS.flatMap((window) => rows.filter(([, held]) => held[window]).map(([name, held, read]) => {
      const estimate = held[window], range = new Range(), known = estimate.value !== null;
      range.draw(estimate, read.floor, read.top ?? openTop(`alarm ${this.fingerprint}`, known ? estimate.high : 0));
      return el("tr", {}, el("td", {}, t(`window.${window}.long`)), el("td", {}, name),
        el("td", {}, known ? `${read.show(estimate.value)} (${interval(estimate, read.show)})` : t("figure.few")), el("td", {}, count(estimate.n)), el("td", {}, range.node));
    }));
    return el("table", {}, el("thead", {}, el("tr", {}, ...heads)), el("tbody", {}, ...body));
  }
}
