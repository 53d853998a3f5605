// The week on paper: what fired, what creeps, every conversion and signal with n and interval, cases, asking. Only what is kept.

import { button, el, english, fresh, say } from "./dom.js";
import { interval, least, reading } from "./figures.js";
import { get } from "./service.js";
import { count, dated, line, moment, percent, spaced, t, word } from "./texts.js";
import { kind, lasted, size, what, who } from "./words.js";

const WEEK_MS = 7 * 86_400_000;
const PAGES = 20, PORTION = 1000; // decisions that are counted at most
const CASES = ["opened", "warned", "breached", "contacted", "closed", "reopened"];
const ASKS = ["requested", "withheld", "deferred"];
const REASONS = 5;

const table = (titles, rows) => el("table", {}, el("thead", {}, el("tr", {}, ...titles.map((title) => el("th", { scope: "col" }, title)))),
  el("tbody", {}, ...rows.map((row) => el("tr", {}, ...row.map((cell) => el("td", {}, cell))))));

const many = (counts) => table([t("digest.what"), t("digest.count")], counts.map(([name, number]) => [name, count(number)]));

// Rows of words and a share each, with its interval and n.
const shares = (titles, rows) => table([...titles, t("segment.interval"), "n"], rows.map(([words, estimate]) =>
  [...words, estimate.value === null ? least(estimate) : percent(estimate.value), interval(estimate) || "–", count(estimate.n)]));

// How often each kind of decision left since a time, newest first until there are too many.
async function counted(since) {
  const kinds = new Map(), asks = new Map(), reasons = new Map();
  const add = (map, key) => map.set(key, (map.get(key) || 0) + 1);
  let cursor = "", seen = 0, oldest = null;
  for (let page = 0; page < PAGES; page++) {
    const { ok, body } = await get(`api/v1/decisions?since=${encodeURIComponent(since)}&limit=${PORTION}${cursor}`);
    if (!ok) return null;
    for (const one of body.items) {
      const name = one.type.replace(/^touchline\./, "");
      add(kinds, name);
      oldest = one.time;
      if (name === "feedback.requested") add(asks, one.data.metric);
      if (name === "feedback.withheld" && one.data.final) add(reasons, one.data.reason);
    }
    seen += body.items.length;
    if (body.next === null) return { kinds, asks, reasons, seen, from: null };
    cursor = `&cursor=${encodeURIComponent(body.next)}`;
  }
  return { kinds, asks, reasons, seen, from: oldest };
}

export class Digest {
  constructor() {
    this.title = el("h2", { id: "digest-title" });
    this.about = el("p", { class: "fine" });
    this.body = el("div", { class: "digest" });
    this.node = el("section", { id: "digest", class: "page", "aria-labelledby": "digest-title" },
      el("div", { class: "line" }, this.title, button(t("digest.print"), () => print())), this.about, this.body);
    document.head.append(el("link", { rel: "stylesheet", href: "digest.css" }));
  }

  open() {
    this.drawn = false;
    fresh(this.body, [el("p", { class: "empty" }, t("digest.waiting"))]);
  }

  // Once, when it is opened: paper does not move.
  update(view) {
    if (this.drawn) return;
    this.drawn = true;
    this.draw(view);
  }

  async draw(view) {
    const now = view.health.watermark, since = now && new Date(new Date(now) - WEEK_MS).toISOString();
    say(this.title, now ? t("digest.title", { from: dated(since), until: dated(now) }) : t("foot.none"));
    say(this.about, line(t("foot.file", { file: view.health.config.file, hash: view.health.config.hash }), t("digest.means")));
    if (!now) return fresh(this.body, []);
    const [{ ok, body }, asked, decided] = await Promise.all([get(`api/v1/alerts?since=${encodeURIComponent(since)}&limit=1000`), get("api/v1/asking"), counted(since)]);
    const part = (name, ...nodes) => el("section", { class: "box", tabindex: "0", "aria-labelledby": `digest-${name}` }, el("h3", { id: `digest-${name}` }, t(`digest.${name}`)), ...nodes);
    const none = (text) => el("p", { class: "empty" }, t(text));
    return fresh(this.body, [
      part("alarms", ...this.alarms(ok ? body.items.filter((one) => one.fired_at) : null, view, none)),
      part("creeping", ...this.creeping(view, none)),
      part("conversions", this.conversions(view)),
      part("signals", view.signals.length ? this.signals(view) : none("signals.none")),
      ...(decided ? [part("cases", ...this.cases(decided, none)), part("asking", ...this.asking(decided, none))] : [none("digest.failed")]),
      ...(asked.ok ? [part("responses", ...this.responses(asked.body, none)), part("coverage", ...this.coverage(asked.body, none)),
        ...(asked.body.arms.length ? [part("arms", this.arms(asked.body))] : [])] : [none("digest.failed")]),
    ]);
  }

  alarms(alerts, view, none) {
    if (!alerts) return [none("digest.failed")];
    const budget = view.alarms ? el("p", { class: "fine" }, line(t("alarms.budget", { value: view.alarms.budget_per_week }), t("alarms.watched", { n: view.alarms.watched.length, count: count(view.alarms.watched.length) }))) : "";
    if (!alerts.length) return [none(view.alarms ? "digest.alarms.none" : "wall.blind"), budget];
    return [table(["what", "since", "lasted", "size", "who", "owner"].map((name) => t(`digest.alarm.${name}`)), alerts.map((one) => [
      line(what(one), word("severity", one.severity)), moment(one.since), line(lasted(one, view.health.watermark), one.resolved_at ? "" : t("digest.alarm.still")),
      size(one) || "–", who(one.segments), one.owner || t("alert.owner.none")])), budget];
  }

  creeping(view, none) {
    const notes = view.alarms ? view.alarms.watched.filter(({ note }) => note) : [];
    return notes.length ? [el("ul", {}, ...notes.map((one) => el("li", {}, `${one.journey} › ${one.step}: `, english("span", one.note))))] : [none("digest.creeping.none")];
  }

  conversions(view) {
    return table([t("digest.way"), t("digest.value"), t("segment.interval"), "n"], view.journeys.flatMap((journey) => journey.steps.filter(({ next_step: next }) => next).map((step) => {
      const estimate = step.windows["7d"].cohort, known = estimate.value !== null;
      return [`${journey.name}: ${step.name} → ${step.next_step}`, known ? percent(estimate.value) : least(estimate), interval(estimate) || "–", count(estimate.n)];
    })));
  }

  signals(view) {
    return table([t("digest.signal"), t("digest.value"), t("segment.interval"), "n"], view.signals.map((signal) => {
      const estimate = signal.windows["7d"], read = reading(signal), known = estimate.value !== null;
      return [line(spaced(signal.name), signal.as_, signal.state === "breached" ? t("signal.breached") : ""),
        known ? `${read.show(estimate.value)} ${read.unit}`.trim() : least(estimate, signal.min_n), interval(estimate, read.show) || "–", count(estimate.n)];
    }));
  }

  cases({ kinds, from }, none) {
    const rows = [...CASES.map((name) => `case.${name}`), "promise.broken"].filter((name) => kinds.get(name)).map((name) => [kind({ type: `touchline.${name}` })[2], kinds.get(name)]);
    return [rows.length ? many(rows) : none("digest.none"), ...this.short(from)];
  }

  asking({ kinds, asks, reasons, from }, none) {
    const rows = ASKS.map((name) => `feedback.${name}`).filter((name) => kinds.get(name)).map((name) => [kind({ type: `touchline.${name}` })[2], kinds.get(name)]);
    if (!rows.length) return [none("digest.none")];
    const by = [...asks].sort((a, b) => b[1] - a[1]).map(([metric, number]) => [t("decision.metric", { metric }), number]);
    const why = [...reasons].sort((a, b) => b[1] - a[1]).slice(0, REASONS).map(([reason, number]) => [word("gate", reason), number]);
    return [many([...rows, ...by]), ...(why.length ? [el("h4", {}, t("digest.reasons")), many(why)] : []), el("p", { class: "fine" }, t("digest.answers")), ...this.short(from)];
  }

  responses({ responses }, none) {
    if (!responses.length) return [none("digest.responses.none")];
    return [shares([t("digest.rule"), t("digest.value")], responses.map(({ rule, channel, answered }) => [[line(rule, channel && word("channel", channel))], answered])),
      el("p", { class: "fine" }, t("digest.responses.means"))];
  }

  coverage({ coverage }, none) {
    if (!coverage.length) return [none("digest.coverage.none")];
    return [shares([t("digest.what"), t("digest.value")], coverage.map(({ metric, class: name, followed }) => [[line(metric, word("class", name))], followed])),
      el("p", { class: "fine" }, t("digest.coverage.means"))];
  }

  arms({ arms }) {
    return shares([t("digest.rule"), t("digest.arm"), t("digest.chance"), t("digest.value")], arms.map(({ rule, what: kind, arm, chance, answered }) =>
      [[rule, `${t(`digest.arm.${kind}`)}: ${kind === "channel" ? word("channel", arm) : arm}`, percent(chance)], answered]));
  }

  short(from) {
    return from ? [el("p", { class: "wrong" }, t("digest.short", { count: count(PAGES * PORTION), from: dated(from) }))] : [];
  }
}
