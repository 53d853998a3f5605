// What fires, what may soon, what has ended: one card per alert in plain words, and the budget it all keeps to.

import { clock, count, el, fresh, inOrder, nameField, percent, plain, say, span } from "./parts.js";

const SNOOZES = ["30m", "2h", "8h", "1d"];
const OPEN_AT_FIRST = matchMedia("(max-width: 56rem)").matches ? 1 : 2; // of many alerts only the first are shown in full
const RESOLVED_SHOWN = 5; // those that ended last
const STATES = {
  firing: ["▲", "firing"],
  flapping: ["▲", "firing on and off"],
  pending: ["△", "pending: nothing is sent yet"],
  resolved: ["▼", "resolved"],
};
const FIRES = ["firing", "flapping"];
const HAPPENED = { since: "began", change: "change", updated: "more is known" };
const UNLESS = { // why an order was not taken; the last one is for all other answers
  401: "It needs a console token.",
  403: "Your token may not do this.",
  404: "The service does not know this alert any more, or cannot take orders about alerts.",
  405: "This service cannot take orders about alerts.",
  409: "The alert is over.",
  429: "The service is busy; try again in a moment.",
  503: "The service takes nothing at the moment.",
};
const DAY_MS = 86_400_000;

const spaced = (name) => name.replaceAll("_", " ");
const round = (share) => percent(share, share < 0.1 ? 1 : 0).replace("%", " %");
const number = (value) => (Number.isInteger(value) || value >= 100 ? count(Math.round(value)) : plain(value));

let today = 0; // event time now: what is further from it is shown with its date

function moment(text) {
  if (Math.abs(today - new Date(text)) < DAY_MS / 2) return clock(text);
  return `${new Date(text).toLocaleDateString("en-GB", { day: "numeric", month: "short" })}, ${clock(text)}`;
}

// ---- an alert in words --------------------------------------------------------------------------------------------

function what(alert) {
  const down = alert.direction === "down";
  if (alert.signal === "conversion") {
    return `${alert.journey}: ${down ? "fewer" : "more"} than expected go from ${alert.step} to ${alert.next_step}`;
  }
  if (alert.signal === "arrivals") {
    const place = alert.step ? `${alert.journey}, ${alert.step}` : alert.journey;
    return `${place}: ${down ? "fewer" : "more"} customers arrive than expected`;
  }
  if (alert.signal === "silence") return `${alert.source}: nothing comes any more`;
  return `${spaced(alert.signal)} is ${down ? "lower" : "higher"} than expected`;
}

// Conjunctions whose union moved; none: everywhere; null: nobody can tell.
function who(segments) {
  if (segments === null) return "not enough data to tell";
  if (!segments.length) return "everywhere";
  return segments.map((one) => Object.entries(one).map(([name, value]) => `${spaced(name)} ${value}`).join(" and ")).join(", or ");
}

function size(alert) {
  if (alert.size === null) return "";
  const word = alert.signal === "silence" ? "missing" : alert.direction === "down" ? "fewer" : "more";
  const range = alert.size_low === null ? "" : ` (${round(alert.size_low).replace(" %", "")} – ${round(alert.size_high)})`;
  return `${round(alert.size)} ${["conversion", "arrivals", "silence"].includes(alert.signal) ? word : alert.direction === "down" ? "lower" : "higher"}${range}`;
}

function numbers(alert) {
  return `${number(alert.observed)} seen, ${number(alert.expected)} expected`;
}

// What a record about an alert says, in two parts: what it is, and how much of it.
export function recorded(data) {
  return [what(data), [size(data) || numbers(data), who(data.segments), data.early ? "early" : ""].filter(Boolean).join(" · ")];
}

function since(alert) {
  const around = alert.since_low === alert.since_high ? "" : ` (between ${moment(alert.since_low)} and ${moment(alert.since_high)})`;
  return `${moment(alert.since)}${around}`;
}

function lasted(alert, now) {
  const end = alert.resolved_at || now;
  const seconds = end ? (new Date(end) - new Date(alert.since)) / 1000 : 0;
  return seconds > 0 ? span(seconds) : "";
}

function change(found) {
  const words = ["service", "name", "title", "version", "text"].map((key) => found.data[key]).filter((value) => ["string", "number"].includes(typeof value)).join(" ");
  return `${words || found.event} at ${moment(found.time)}`;
}

function sure(alert) {
  return `${alert.evidence.toFixed(2)} (fires at 1) · guarantee: ${alert.guarantee}`;
}

// ---- one card -----------------------------------------------------------------------------------------------------

class Card {
  // Its nodes stay while it is shown, so that focus, selection and what is unfolded stay too.
  constructor(alert, open, byWhom) {
    this.fingerprint = alert.fingerprint;
    this.byWhom = byWhom;
    this.badge = el("span", { class: "badge" });
    this.title = el("h3");
    this.gist = el("p", { class: "gist" });
    this.when = el("p", { class: "fine" });
    this.facts = el("dl", { class: "facts" });
    this.accept = el("button", { type: "button", class: "act" }, "Accept as the new normal");
    this.accepting = el("p", { class: "row" }, this.accept, el("span", { class: "fine" }, "the change is meant to stay: what came since then becomes the baseline, as soon as there is enough"));
    this.more = el("details", { open }, el("summary", {}, "Why, how sure, who is in it"), this.facts, this.accepting);
    this.story = el("ol");
    this.timeline = el("details", {}, el("summary", {}), this.story);
    this.ack = el("button", { type: "button", class: "act" }, "Acknowledge");
    this.snooze = el("button", { type: "button", class: "act" }, "Snooze");
    this.long = el("select", { "aria-label": "snooze for" }, ...SNOOZES.map((text) => el("option", { value: text, selected: text === "2h" }, text)));
    this.told = el("p", { class: "fine told", role: "status" });
    this.runbook = el("a", { rel: "noreferrer", hidden: true }, "Runbook");
    this.acts = el("div", { class: "acts" }, this.ack, el("span", { class: "snooze" }, this.snooze, this.long));
    this.ack.addEventListener("click", () => this.order("ack", {}));
    this.accept.addEventListener("click", () => this.order("accept", {}));
    this.snooze.addEventListener("click", () => this.order("snooze", { for: this.long.value }));
    this.node = el("article", { class: "alert" },
      el("header", {}, this.badge, this.title), this.gist, this.when,
      el("div", { class: "row" }, this.acts, this.runbook, this.told), this.more, this.timeline);
    this.rows = "";
    this.entries = "";
  }

  update(alert, now, follows) {
    const [icon, state] = STATES[alert.state] || ["•", alert.state];
    const fires = FIRES.includes(alert.state);
    this.node.dataset.state = alert.state;
    this.node.dataset.severity = alert.severity;
    say(this.badge, fires ? `${icon} ${alert.severity}` : `${icon} ${alert.state}`);
    say(this.title, what(alert));
    this.node.setAttribute("aria-label", `${alert.state}: ${what(alert)}`);
    const found = [size(alert), numbers(alert)].filter(Boolean).join(": ");
    fresh(this.gist, [found, alert.early && alert.size !== null ? el("span", { class: "early", title: "a first estimate, replaced as data come" }, "early") : "", ` · ${who(alert.segments)}`]);
    const taken = [
      alert.acknowledged_by === null ? null : `acknowledged by ${alert.acknowledged_by || "somebody"}`,
      alert.snoozed_until === null ? null : `snoozed until ${moment(alert.snoozed_until)}`,
    ];
    const long = lasted(alert, now);
    say(this.when, [state, `since ${since(alert)}`, long && (alert.state === "resolved" ? `lasted ${long}` : `for ${long}`), ...taken].filter(Boolean).join(" · "));
    this.acts.hidden = this.accepting.hidden = !fires;
    this.ack.hidden = alert.acknowledged_by !== null;
    const link = alert.runbook && /^https?:/.test(alert.runbook) ? alert.runbook : null;
    this.runbook.hidden = link === null;
    if (link !== null && this.runbook.getAttribute("href") !== link) this.runbook.setAttribute("href", link);
    this.show(alert, follows);
    this.tell(alert);
  }

  show(alert, follows) {
    const [nearest] = alert.changes;
    const lost = [
      typeof alert.loss === "number" && alert.direction === "down" ? `${round(alert.loss)} of what the whole should complete is lost` : "",
      typeof alert.value_per_hour === "number" ? `value lost an hour: ${count(Math.round(alert.value_per_hour))}` : "",
    ];
    const facts = [
      ["Who", alert.explanation || who(alert.segments)],
      ["Severity", [alert.severity, ...lost, alert.fired > 1 ? `fired ${alert.fired} times` : ""].filter(Boolean).join(" · ")],
      ["Nearest change", nearest ? change(nearest) : "none known"],
      ["Incident", follows],
      ["Owner", alert.owner || "nobody named"],
      ["Evidence", sure(alert)],
      ["Customers in it", alert.examples.join(", ")],
      ["Runbook", alert.runbook && !/^https?:/.test(alert.runbook) ? alert.runbook : ""],
      ...alert.notes.map((note) => ["Note", note]),
    ].filter(([, text]) => text);
    const rows = JSON.stringify(facts);
    if (rows === this.rows) return;
    this.rows = rows;
    fresh(this.facts, facts.map(([name, text]) => el("div", {}, el("dt", {}, name), el("dd", {}, text))));
  }

  tell(alert) {
    const entries = JSON.stringify(alert.timeline);
    this.timeline.hidden = !alert.timeline.length;
    if (entries === this.entries) return;
    this.entries = entries;
    say(this.timeline.firstChild, `Timeline (${count(alert.timeline.length)})`);
    fresh(this.story, alert.timeline.map(({ time, what: happened, text }) =>
      el("li", {}, el("time", { datetime: time, title: time }, moment(time)), el("b", {}, HAPPENED[happened] || happened), el("span", {}, text))));
  }

  async order(kind, body) {
    say(this.told, "…");
    try {
      const answer = await fetch(`api/v1/alerts/${encodeURIComponent(this.fingerprint)}/${kind}`, {
        method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ ...body, by: this.byWhom() }),
      });
      const done = { ack: "Acknowledged", snooze: `Snoozed for ${body.for}`, accept: "Accepted" }[kind];
      say(this.told, answer.ok ? `${done}; shown as soon as it is in the log.` : UNLESS[answer.status] || `The service answered ${answer.status}.`);
    } catch {
      say(this.told, "The service was not reached.");
    }
  }
}

// ---- what is watched ----------------------------------------------------------------------------------------------

const TITLES = { watching: "watching", pending: "△ pending", firing: "▲ firing", learning: "learning", quiet: "too little volume" };

function series(one) {
  const place = one.kind === "signal" ? spaced(one.signal || "") : one.kind === "source" ? `source ${one.signal}` : `${one.journey} › ${one.step}`;
  return [place, one.kind === "arrivals" ? "arrivals" : "", one.direction === "up" ? "upward" : ""].filter(Boolean).join(", ");
}

// What the series of one step or signal can see by now: the whole first, then values that see the same together.
export function sight(watched) {
  const whole = watched.filter((one) => !one.dimension), groups = new Map();
  for (const one of watched.filter(({ dimension }) => dimension)) {
    const key = JSON.stringify([one.state, one.sees, one.direction, one.kind]);
    groups.set(key, [...(groups.get(key) || []), one]);
  }
  const title = (one) => [one.kind === "arrivals" ? "arrivals" : "", one.direction === "up" ? "upward" : ""].filter(Boolean).map((word) => `, ${word}`).join("");
  const line = (name, one) => el("li", { "data-state": one.state }, el("b", {}, name), ` ${TITLES[one.state] || one.state}${one.sees ? `: ${one.sees}` : ""}`);
  if (!watched.length) return [];
  return [el("h5", {}, "What the alarms can see by now"), el("ul", { class: "sight" },
    ...whole.map((one) => line(`The whole${title(one)}`, one)),
    ...[...groups.values()].map((own) => {
      const dimensions = [...new Set(own.map((one) => one.dimension))];
      const names = dimensions.map((name) => `${spaced(name)} ${own.filter((one) => one.dimension === name).map((one) => one.value).join(", ")}`).join(" · ");
      return line(`${names}${title(own[0])}`, own[0]);
    }))];
}

// Alerts by the place on the map they belong to: journey/step, or the signal's name.
export function alertsByPlace(alarms) {
  const found = new Map();
  const add = (place, text, state) => found.set(place, [...(found.get(place) || []), { text, state }]);
  const live = alarms ? alarms.alerts.filter((alert) => alert.state !== "resolved") : [];
  for (const alert of live) {
    const fires = FIRES.includes(alert.state), down = alert.direction === "down";
    const name = ["conversion", "arrivals"].includes(alert.signal) ? "" : `${spaced(alert.signal)} `;
    const where = alert.signal !== "arrivals" && alert.segments && alert.segments.length ? `, ${who(alert.segments)}` : "";
    const text = `${fires ? "▲ alarm" : "△ pending"}: ${name}${size(alert).replace(/ \(.*/, "") || (down ? "down" : "up")}${where}`;
    if (alert.journey && alert.step) add(`${alert.journey}/${alert.step}${alert.signal === "arrivals" ? "/arrivals" : ""}`, text, fires ? "firing" : "pending");
    if (name && alert.signal !== "silence") add(`signal ${alert.signal}`, text, fires ? "firing" : "pending");
  }
  for (const one of alarms ? alarms.watched : []) {
    const place = one.kind === "conversion" ? `${one.journey}/${one.step}` : null;
    if (place && ["firing", "pending"].includes(one.state) && !found.has(place)) {
      const value = one.dimension ? `: ${spaced(one.dimension)} ${one.value}` : "";
      add(place, `${one.state === "firing" ? "▲ alarm" : "△ pending"}${value}`, one.state);
    }
  }
  return found;
}

// ---- the area -----------------------------------------------------------------------------------------------------

export class Alarms {
  constructor(section) {
    this.section = section;
    this.budget = el("p", { class: "budget" });
    this.name = nameField();
    this.asked = el("label", { class: "by" }, "Acknowledge as ", this.name);
    this.calm = el("p", { class: "calm" });
    this.list = el("div", { class: "alerts" });
    this.more = el("p", { class: "fine", hidden: true });
    this.table = el("div", { class: "sheet", tabindex: "0", role: "region", "aria-label": "series under watch" });
    this.watched = el("details", { class: "watched" }, el("summary", {}, "What is watched, and what it can see by now"), this.table);
    this.news = el("p", { class: "unseen", role: "status" });
    this.cards = new Map();
    this.known = null;
    this.watched.addEventListener("toggle", () => this.view && this.showWatched(this.view.watched));
    section.append(el("div", { class: "line" }, this.budget, this.asked), this.news, this.calm, this.list, this.more, this.watched);
  }

  update(alarms, now) {
    this.section.hidden = !alarms;
    if (!alarms) return;
    this.view = alarms;
    today = now ? new Date(now).getTime() : Date.now();
    const used = alarms.credit_used < 0.005 && alarms.credit_used > 0 ? "less than 0.01" : alarms.credit_used.toFixed(2);
    const states = { learning: 0, quiet: 0 };
    for (const { state } of alarms.watched) states[state] = (states[state] || 0) + 1;
    say(this.budget, [`budget ${plain(alarms.budget_per_week).replace(/\.?0+$/, "")} per week`, `expected false alarms handed out so far ${used}`,
      `${count(alarms.watched.length)} series watched`, states.learning ? `${count(states.learning)} still learning` : "",
      states.quiet ? `${count(states.quiet)} with too little volume of their own` : ""].filter(Boolean).join(" · "));
    const live = alarms.alerts.filter((alert) => alert.state !== "resolved");
    const firing = alarms.alerts.filter((alert) => FIRES.includes(alert.state));
    this.calm.hidden = live.length > 0;
    say(this.calm, "Nothing fires.");
    this.asked.hidden = !firing.length;
    this.draw(alarms.alerts, now);
    this.announce(firing);
    if (this.watched.open) this.showWatched(alarms.watched);
    this.watched.hidden = !alarms.watched.length;
  }

  draw(alerts, now) {
    const shown = new Map();
    const live = alerts.filter(({ state }) => state !== "resolved"), over = alerts.filter(({ state }) => state === "resolved");
    [...live, ...over.slice(0, RESOLVED_SHOWN)].forEach((alert, index) => {
      const open = FIRES.includes(alert.state) && index < OPEN_AT_FIRST;
      // A series that fired again long after has an old and a new alert of the same fingerprint.
      const key = alert.fingerprint + (alert.state === "resolved" ? alert.resolved_at : "");
      const card = this.cards.get(key) || new Card(alert, open, () => this.name.value.trim() || "console");
      const root = alert.root && alert.root !== alert.fingerprint && alerts.find(({ fingerprint }) => fingerprint === alert.root);
      card.update(alert, now, root ? `follows “${what(root)}”` : "");
      shown.set(key, card);
    });
    this.more.hidden = over.length <= RESOLVED_SHOWN;
    say(this.more, `${count(over.length - RESOLVED_SHOWN)} more were resolved before: api/v1/alerts lists them`);
    for (const [key, card] of this.cards) if (!shown.has(key)) card.node.remove();
    this.cards = shown;
    inOrder(this.list, [...shown.values()].map(({ node }) => node));
  }

  announce(firing) {
    const names = firing.map((alert) => alert.fingerprint);
    const begun = this.known === null ? [] : firing.filter((alert) => !this.known.includes(alert.fingerprint));
    this.known = names;
    if (begun.length) say(this.news, `Alarm. ${begun.map(what).join(". ")}`);
    const title = firing.length ? `▲ ${firing.length} · Touchline` : "Touchline";
    if (document.title !== title) document.title = title;
  }

  showWatched(watched) {
    const whole = watched.filter(({ dimension }) => !dimension);
    fresh(this.table, [el("table", {},
      el("thead", {}, el("tr", {}, ...["series", "state", "sees", "guarantee", "evidence"].map((title) => el("th", { scope: "col" }, title)))),
      el("tbody", {}, ...whole.map((one) => el("tr", {}, el("td", {}, series(one)), el("td", {}, TITLES[one.state] || one.state),
        el("td", {}, one.sees || "–"), el("td", {}, one.guarantee), el("td", {}, one.level < 0.01 ? "< 0.01" : one.level.toFixed(2)))))),
      watched.length > whole.length ? el("p", { class: "fine" }, `and ${count(watched.length - whole.length)} segment values: open a step to see them`) : ""]);
  }
}
