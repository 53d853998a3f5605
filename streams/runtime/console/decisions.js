// Decisions as they leave, with their reasons; chosen by kind or by a word in them.

import { pageOf } from "./alarms.js";
import { storyLink } from "./customer.js";
import { button, el, fresh, say } from "./dom.js";
import { get, may } from "./service.js";
import { clock, count, t } from "./texts.js";
import { kind, told } from "./words.js";

const KEPT = 100;
const KINDS = ["all", "alert", "signal", "feedback", "case", "promise", "offer"];

export class Decisions {
  constructor() {
    this.items = [];
    this.next = null;
    this.kind = el("select", {}, ...KINDS.map((name) => el("option", { value: name }, t(`decisions.kind.${name}`))));
    this.words = el("input", { type: "search", autocomplete: "off", spellcheck: "false" });
    this.stop = el("input", { type: "checkbox" });
    this.kind.addEventListener("change", () => this.draw());
    this.words.addEventListener("input", () => this.draw());
    this.stop.addEventListener("change", () => this.draw());
    this.found = el("p", { class: "fine" });
    this.list = el("ol", { id: "decision-list", class: "decisions", "aria-labelledby": "decisions-title" });
    this.older = button(t("decisions.older"), () => this.more(), { hidden: true });
    this.node = el("section", { id: "decisions", class: "page", "aria-labelledby": "decisions-title" }, el("h2", { id: "decisions-title" }, t("decisions.title")),
      el("div", { class: "filters" }, el("label", {}, `${t("decisions.kind")} `, this.kind), el("label", {}, `${t("decisions.words")} `, this.words),
        el("label", {}, this.stop, ` ${t("decisions.stop")}`)), this.found, this.list, this.older);
  }

  open() {
    this.load();
  }

  async load() {
    const { ok, body } = await get(`api/v1/decisions?limit=${KEPT}`);
    if (!ok) return;
    const live = this.items.filter((one) => !body.items.some(({ id }) => id === one.id) && body.items.length && one.time > body.items[0].time);
    this.items = [...live, ...body.items];
    this.next = body.next;
    this.draw();
  }

  async more() {
    const { ok, body } = await get(`api/v1/decisions?limit=${KEPT}&cursor=${encodeURIComponent(this.next)}`);
    if (!ok) return;
    this.items = [...this.items, ...body.items];
    this.next = body.next;
    this.draw();
  }

  hear(decision) {
    if (this.items.some((known) => known.id === decision.id)) return;
    this.items = [decision, ...this.items].slice(0, Math.max(KEPT, this.items.length));
    if (!this.stop.checked) this.draw(decision);
  }

  draw(newest = null) {
    const kinds = this.kind.value, words = this.words.value.trim().toLowerCase();
    const shown = this.items.filter((one) => (kinds === "all" || one.type.startsWith(`touchline.${kinds}.`))
      && (!words || [...told(one), ...kind(one)].join(" ").toLowerCase().includes(words)));
    say(this.found, t("decisions.found", { n: shown.length, count: count(shown.length), all: count(this.items.length) }));
    fresh(this.list, shown.length ? shown.map((one) => this.item(one, one === newest)) : [el("li", { class: "empty" }, t("decisions.none"))]);
    this.older.hidden = this.next === null;
  }

  item(decision, isNew) {
    const [tone, icon, name] = kind(decision), [subject, why] = told(decision), data = decision.data || {};
    const about = decision.type.startsWith("touchline.alert.") ? el("a", { href: pageOf(data) }, subject)
      : !/^touchline\.(signal|alert)\./.test(decision.type) && decision.subject && may("agent") ? storyLink(decision.subject, subject) : subject;
    return el("li", { class: isNew ? "new" : null },
      el("time", { datetime: decision.time, title: decision.time }, clock(decision.time)),
      el("span", { class: "what", "data-tone": tone }, `${icon} ${name}`), el("span", {}, about), el("span", { class: "why" }, why));
  }
}
