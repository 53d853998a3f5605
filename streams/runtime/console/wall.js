// A view to leave open on a wall: what fires, every journey, what is spent and who waits; nothing to press, read from afar.

import { el, fresh, say } from "./dom.js";
import { interval, least } from "./figures.js";
import { get, may } from "./service.js";
import { alertsByPlace } from "./sight.js";
import { FIRES, WINDOWS } from "./state.js";
import { clock, count, decimal, line, percent, span, t, word } from "./texts.js";
import { lasted, since, size, what, who } from "./words.js";

const STALE_MS = 5000;
const TURN_MS = 15_000; // how long one part of the journeys is shown
const CASES_MS = 30_000;
const ALARMS = 3;
const WAYS = 6; // of one journey; those with an alarm are always among them
const WAITS = ["open", "assigned"];

class Row {
  // One journey: its ways with conversion and interval.
  constructor() {
    this.name = el("h3");
    this.ways = el("ol");
    this.node = el("article", { class: "wall-journey" }, this.name, this.ways);
    this.said = "";
  }

  update(journey, window, alerts) {
    say(this.name, journey.name);
    const steps = journey.steps.filter(({ next_step: next }) => next);
    const alarmed = (step) => (alerts.get(`${journey.name}/${step.name}`) || []).some(({ state }) => state === "firing");
    const kept = new Set([...steps.filter(alarmed), ...steps].slice(0, WAYS));
    const ways = steps.filter((step) => kept.has(step)).map((step) => {
      const estimate = step.windows[window].throughput, known = estimate.value !== null;
      return [`${step.name} → ${step.next_step}`, known ? percent(estimate.value) : least(estimate),
        known ? `${interval(estimate)} · n ${count(estimate.n)}` : "", alarmed(step), known];
    });
    const left = steps.length - ways.length;
    const said = JSON.stringify([ways, left]);
    if (said === this.said) return;
    this.said = said;
    this.node.dataset.state = ways.some(([, , , bad]) => bad) ? "firing" : "calm";
    fresh(this.ways, [...ways.map(([name, value, range, bad, known]) => el("li", { "data-state": bad ? "firing" : "calm" },
      el("p", { class: "wall-way" }, name), el("p", { class: known ? "wall-rate" : "wall-few" }, bad ? `▲ ${value}` : value), el("p", { class: "wall-range" }, range))),
    ...(left > 0 ? [el("li", { class: "wall-way" }, t("wall.more", { n: left }))] : [])]);
  }
}

export class Wall {
  constructor() {
    this.rows = new Map();
    this.first = 0;
    this.turned = Date.now();
    this.seen = Date.now();
    this.cases = null;
    this.link = el("p", { class: "wall-link", role: "status", hidden: true });
    this.clock = el("p", { class: "wall-clock" });
    this.title = el("h2", { id: "wall-title" });
    this.alarms = el("div", { class: "wall-alarms" });
    this.journeys = el("div", { class: "wall-journeys" });
    this.foot = el("ul", { class: "wall-foot" });
    this.node = el("section", { id: "wall", "aria-labelledby": "wall-title" },
      el("header", {}, this.title, this.clock), this.link, this.alarms, this.journeys, this.foot);
    const style = el("link", { rel: "stylesheet", href: "wall.css" });
    this.styled = new Promise((done) => style.addEventListener("load", done, { once: true }));
    document.head.append(style);
    addEventListener("keydown", ({ key }) => {
      if (document.body.classList.contains("wall") && key === "Escape") location.hash = "";
    });
    addEventListener("resize", () => this.view && this.update(this.view, false));
    setInterval(() => this.tick(), 1000);
  }

  open(about) {
    this.window = WINDOWS.includes(about) ? about : "1h";
    document.body.classList.add("wall");
    this.awake();
    this.styled.then(() => {
      this.dressed = true; // only now does it show how much fits
      if (this.view) this.update(this.view, false);
    });
  }

  close() {
    document.body.classList.remove("wall");
    if (this.lock) this.lock.then((held) => held && held.release());
    this.lock = null;
  }

  // A screen that goes dark is no wall; not every browser can help it.
  awake() {
    if (!navigator.wakeLock || document.hidden) return;
    this.lock = navigator.wakeLock.request("screen").catch(() => null);
  }

  tick() {
    if (!document.body.classList.contains("wall")) return;
    const age = Date.now() - this.seen, lost = age > STALE_MS;
    this.node.dataset.state = lost ? "lost" : "live";
    this.link.hidden = !lost;
    if (lost) say(this.link, t("wall.lost", { span: span(age / 1000) }));
    if (this.view && Date.now() - this.turned >= TURN_MS) {
      this.turned = Date.now();
      this.first += Math.max(this.fit - this.firing, 1);
      this.update(this.view, false);
    }
    if (may("agent") && Date.now() - (this.asked || 0) >= CASES_MS) this.count();
  }

  async count() {
    this.asked = Date.now();
    const { ok, body } = await get("api/v1/cases?open=1&order=due&limit=1000");
    this.cases = ok ? body : null;
    if (this.view) this.foots(this.view);
  }

  update(view, heard = true) {
    this.view = view;
    if (heard) this.seen = Date.now();
    const now = view.health.watermark;
    say(this.title, t(`window.${this.window}.long`));
    say(this.clock, now ? clock(now) : "");
    this.fires(view.alarms ? view.alarms.alerts.filter(({ state }) => FIRES.includes(state)) : null, now);
    this.turn(view);
    this.foots(view);
  }

  fires(alerts, now) {
    const firing = alerts || [], said = JSON.stringify([firing, now && now.slice(0, 16)]);
    this.node.classList.toggle("wall-alarmed", firing.length > 0);
    if (said === this.told) return;
    this.told = said;
    fresh(this.alarms, firing.length ? [...firing.slice(0, ALARMS).map((alert) => el("article", { class: "wall-alarm", "data-severity": alert.severity },
      el("p", { class: "wall-badge" }, `▲ ${word("severity", alert.severity)}`), el("h3", {}, what(alert)),
      el("p", {}, line(size(alert, false), who(alert.segments), t("alert.since", { since: since({ ...alert, since_low: 0, since_high: 0 }) }), t("alert.for", { span: lasted(alert, now) }), alert.owner,
        alert.acknowledged_by === null ? "" : t("alert.acknowledged.somebody"))))),
    ...(firing.length > ALARMS ? [el("p", { class: "wall-rest" }, t("wall.alarms", { n: firing.length - ALARMS }))] : [])]
      : [el("p", { class: "wall-calm" }, alerts ? t("wall.calm") : t("wall.blind"))]);
  }

  // As many journeys as fit, the next ones after a while; those with an alarm come first in any case.
  turn(view) {
    const places = alertsByPlace(view.alarms);
    const bad = ({ name }) => [...places].some(([place, found]) => place.startsWith(`${name}/`) && found.some(({ state }) => state === "firing"));
    const firing = view.journeys.filter(bad), rest = view.journeys.filter((one) => !bad(one));
    this.firing = firing.length;
    const row = (journey) => {
      if (!this.rows.has(journey.name)) this.rows.set(journey.name, new Row());
      const held = this.rows.get(journey.name);
      held.update(journey, this.window, places);
      return held.node;
    };
    const put = (many) => {
      const from = rest.length ? this.first % rest.length : 0;
      fresh(this.journeys, [...firing, ...rest.slice(from), ...rest.slice(0, from)].slice(0, many).map(row));
    };
    const shape = JSON.stringify([firing, rest].map((all) => all.map(({ name }) => name)).concat(innerWidth, innerHeight, this.alarms.offsetHeight, this.dressed));
    if (shape !== this.shape) {
      this.shape = shape;
      this.fit = view.journeys.length;
      put(this.fit);
      while (this.fit > 1 && this.journeys.scrollHeight > this.journeys.clientHeight) put(--this.fit);
    }
    put(this.fit);
    this.hidden = view.journeys.length - this.fit;
  }

  foots(view) {
    const { alarms, health } = view, items = [];
    if (alarms) items.push(t("wall.budget", { value: alarms.budget_per_week, used: decimal(alarms.credit_used, 2) }));
    if (this.cases) {
      const now = health.watermark ? new Date(health.watermark).getTime() : Date.now();
      const waits = this.cases.items.filter(({ state }) => WAITS.includes(state)), late = waits.filter(({ due_at: due }) => new Date(due) <= now);
      const risk = waits.filter((one) => one.warned && !late.includes(one));
      items.push([t("wall.cases", { n: waits.length, count: `${count(waits.length)}${this.cases.next === null ? "" : "+"}`, late: count(late.length), soon: count(risk.length) }), late.length > 0]);
    }
    if (health.status !== "ok") items.push([word("health.status", health.status), true]);
    items.push([t("wall.lag", { span: health.lag_seconds === null ? "–" : span(Math.max(health.lag_seconds, 0)) }), health.lag_seconds > 15]);
    if (this.hidden) items.push(t("wall.turns", { n: this.hidden }));
    fresh(this.foot, items.map((one) => el("li", { class: Array.isArray(one) && one[1] ? "wall-bad" : null }, Array.isArray(one) ? one[0] : one)));
  }
}
