// What fires, what may soon, what has ended: one card per alert in plain words, and the budget it all keeps to.

import { el, english, fresh, inOrder, link, say } from "./dom.js";
import { Orders } from "./orders.js";
import { spoken } from "./phrases.js";
import { may, nameField } from "./service.js";
import { watchedTable } from "./sight.js";
import { FIRES } from "./state.js";
import { count, decimal, language, line, moment, t, word } from "./texts.js";
import { change, numbers, severity, size, sure, what, when, who } from "./words.js";

const OPEN_AT_FIRST = matchMedia("(max-width: 56rem)").matches ? 1 : 2; // of many alerts only the first are shown in full
const RESOLVED_SHOWN = 5; // those that ended last
const ICONS = { firing: "▲", flapping: "▲", pending: "△", resolved: "▼" };

export const pageOf = (alert) => `#alarm/${encodeURIComponent(alert.fingerprint)}`;

// The badge, what it is and how much: the same on a card and on the alert's own page.
export class Headline {
  constructor(tag, attributes = {}) {
    this.badge = el("span", { class: "badge" });
    this.title = el(tag, attributes);
    this.gist = el("p", { class: "gist" });
    this.when = el("p", { class: "fine" });
  }

  update(alert, now) {
    const icon = ICONS[alert.state] || "•";
    say(this.badge, `${icon} ${FIRES.includes(alert.state) ? word("severity", alert.severity) : word("alert.state", alert.state)}`);
    const found = [size(alert), numbers(alert)].filter(Boolean).join(": ");
    const early = alert.early && alert.size !== null ? el("span", { class: "early", title: t("alert.early.means") }, t("alert.early")) : "";
    fresh(this.gist, [found, early, ` · ${who(alert.segments)}`]);
    say(this.when, when(alert, now));
  }
}

// The service explains in English; in other languages it says first, in that language, whom it is about.
function whoAndWhy({ explanation, segments }) {
  if (!explanation) return who(segments);
  return language === "en" ? english("dd", explanation) : el("dd", {}, `${who(segments)}. `, spoken("span", explanation));
}

// Everything else there is to know, as pairs of name and node or text.
export function facts(alert, follows) {
  const [nearest] = alert.changes;
  return [
    ["who", whoAndWhy(alert)],
    ["severity", severity(alert)],
    ["change", nearest ? change(nearest) : t("alert.change.none")],
    ["incident", follows],
    ["owner", alert.owner || t("alert.owner.none")],
    ["evidence", sure(alert)],
    ["customers", alert.examples.join(", ")],
    ["runbook", alert.runbook && !/^https?:/.test(alert.runbook) ? alert.runbook : ""],
    ...alert.notes.map((note) => ["note", english("dd", note)]),
  ].filter(([, text]) => text);
}

export const factList = (pairs) => pairs.map(([name, text]) =>
  el("div", {}, el("dt", {}, t(`alert.fact.${name}`)), text.nodeType ? text : el("dd", {}, text)));

export const timeline = (alert) => alert.timeline.map(({ time, what: happened, text }) =>
  el("li", {}, el("time", { datetime: time, title: time }, moment(time)), el("b", {}, word("alert.happened", happened)), english("span", text)));

class Card {
  // Its nodes stay while it is shown, so that focus, selection and what is unfolded stay too.
  constructor(alert, open) {
    this.head = new Headline("h3");
    this.orders = new Orders(alert.fingerprint);
    this.page = el("a", { href: pageOf(alert) });
    this.head.title.append(this.page);
    this.facts = el("dl", { class: "facts" });
    this.more = el("details", { open }, el("summary", {}, t("alert.more")), this.facts, this.orders.accepting);
    this.story = el("ol");
    this.timeline = el("details", {}, el("summary", {}), this.story);
    this.runbook = link(alert.runbook, t("alert.runbook"));
    this.node = el("article", { class: "alert" },
      el("header", {}, this.head.badge, this.head.title), this.head.gist, this.head.when,
      el("div", { class: "row" }, this.orders.acts, this.runbook, this.orders.told), this.more, this.timeline);
    this.rows = "";
    this.entries = "";
  }

  update(alert, now, follows) {
    this.node.dataset.state = alert.state;
    this.node.dataset.severity = alert.severity;
    say(this.page, what(alert));
    this.node.setAttribute("aria-label", `${word("alert.state", alert.state)}: ${what(alert)}`);
    this.head.update(alert, now);
    this.orders.update(alert, FIRES.includes(alert.state));
    const rows = JSON.stringify([alert, follows]);
    if (rows !== this.rows) fresh(this.facts, factList(facts(alert, follows)));
    this.rows = rows;
    const entries = JSON.stringify(alert.timeline);
    this.timeline.hidden = !alert.timeline.length;
    if (entries === this.entries) return;
    this.entries = entries;
    say(this.timeline.firstChild, t("alert.timeline", { n: alert.timeline.length }));
    fresh(this.story, timeline(alert));
  }
}

export const rootOf = (alert, alerts) =>
  (alert.root && alert.root !== alert.fingerprint ? alerts.find(({ fingerprint }) => fingerprint === alert.root) : null);

export class Alarms {
  constructor() {
    this.budget = el("p", { class: "budget" });
    this.asked = el("label", { class: "by" }, `${t("alert.as")} `, nameField());
    this.calm = el("p", { class: "calm" }, t("alert.calm"));
    this.list = el("div", { class: "alerts" });
    this.more = el("p", { class: "fine", hidden: true });
    this.table = el("div", { class: "sheet", tabindex: "0", role: "region", "aria-label": t("sight.region") });
    this.watched = el("details", { class: "watched" }, el("summary", {}, t("sight.summary")), this.table);
    this.cards = new Map();
    this.watched.addEventListener("toggle", () => this.view && this.showWatched());
    this.node = el("section", { id: "alarms", "aria-labelledby": "alarms-title", hidden: true }, el("h2", { id: "alarms-title" }, t("alarms.title")),
      el("div", { class: "line" }, this.budget, this.asked), this.calm, this.list, this.more, this.watched);
  }

  update(alarms, now) {
    this.node.hidden = !alarms;
    if (!alarms) return;
    this.view = alarms;
    const used = alarms.credit_used < 0.005 && alarms.credit_used > 0 ? t("alarms.less", { value: decimal(0.01, 2) }) : decimal(alarms.credit_used, 2);
    const states = { learning: 0, quiet: 0 };
    for (const { state } of alarms.watched) states[state] = (states[state] || 0) + 1;
    say(this.budget, line(t("alarms.budget", { value: alarms.budget_per_week }), t("alarms.used", { value: used }),
      t("alarms.watched", { n: alarms.watched.length, count: count(alarms.watched.length) }),
      states.learning && t("alarms.learning", { n: states.learning }), states.quiet && t("alarms.quiet", { n: states.quiet })));
    this.calm.hidden = alarms.alerts.some((alert) => alert.state !== "resolved");
    this.asked.hidden = !may("agent") || !alarms.alerts.some((alert) => FIRES.includes(alert.state));
    this.draw(alarms.alerts, now);
    if (this.watched.open) this.showWatched();
    this.watched.hidden = !alarms.watched.length;
  }

  draw(alerts, now) {
    const shown = new Map();
    const live = alerts.filter(({ state }) => state !== "resolved"), over = alerts.filter(({ state }) => state === "resolved");
    [...live, ...over.slice(0, RESOLVED_SHOWN)].forEach((alert, index) => {
      const open = FIRES.includes(alert.state) && index < OPEN_AT_FIRST;
      // A series that fired again long after has an old and a new alert of the same fingerprint.
      const key = alert.fingerprint + (alert.state === "resolved" ? alert.resolved_at : "");
      const card = this.cards.get(key) || new Card(alert, open), root = rootOf(alert, alerts);
      card.update(alert, now, root ? t("alert.follows", { what: what(root) }) : "");
      shown.set(key, card);
    });
    const rest = over.length - RESOLVED_SHOWN;
    this.more.hidden = rest <= 0;
    say(this.more, t("alarms.more", { n: Math.max(rest, 0) }));
    for (const [key, card] of this.cards) if (!shown.has(key)) card.node.remove();
    this.cards = shown;
    inOrder(this.list, [...shown.values()].map(({ node }) => node));
  }

  showWatched() {
    fresh(this.table, watchedTable(this.view.watched));
  }
}

// Told aloud and in the title, whatever page is open: how many fire, and which began just now.
export class Watchman {
  constructor(news) {
    this.news = news;
    this.known = null;
    this.firing = 0;
  }

  update(alarms) {
    const firing = alarms ? alarms.alerts.filter((alert) => FIRES.includes(alert.state)) : [];
    const begun = this.known === null ? [] : firing.filter((alert) => !this.known.includes(alert.fingerprint));
    this.known = firing.map((alert) => alert.fingerprint);
    this.firing = firing.length;
    if (begun.length) say(this.news, `${t("alarms.news")} ${begun.map(what).join(". ")}`);
  }
}
