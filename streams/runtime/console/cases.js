// Who waits to hear from us: one card per open case, the most urgent first, and what can be done about it.

import { button, el, inOrder, remember, remembered, say } from "./dom.js";
import { storyLink } from "./customer.js";
import { byWhom, get, nameField, post, refused } from "./service.js";
import { count, line, moment, spaced, span, t, word } from "./texts.js";

const SHOWN = 50;
const AT_FIRST = matchMedia("(max-width: 56rem)").matches ? 2 : 4; // the rest is a click away
const SETTLE_MS = 150; // several decisions of one commit are one change of the list
const ORDERS = ["urgent", "due", "newest"];
const STATES = ["open", "assigned", "contacted", "resolved", "communicated"];
const DISPOSITIONS = ["resolved", "acknowledged", "answered", "no_action_explained"];

class Card {
  // Its nodes stay while it is shown, so that focus, and a closing that is half written, stay too.
  constructor(id, customer) {
    this.id = id;
    this.badge = el("span", { class: "badge" });
    this.title = el("h3");
    this.story = storyLink(customer);
    this.gist = el("p", { class: "gist" });
    this.why = el("p", { class: "fine" });
    this.told = el("p", { class: "fine told", role: "status" });
    this.claim = this.act("assign");
    this.contact = this.act("contact");
    this.resolve = this.act("resolve");
    this.tell = this.act("communicate");
    this.cause = el("input", { type: "text", maxlength: "100", required: true });
    this.disposition = el("select", {}, ...DISPOSITIONS.map((value) => el("option", { value }, t(`case.disposition.${value}`))));
    this.informed = el("input", { type: "checkbox", required: true });
    this.asked = el("label", {}, this.informed, ` ${t("case.close.told")}`);
    this.form = el("form", { class: "closing" },
      el("label", {}, `${t("case.close.cause")} `, this.cause), el("label", {}, `${t("case.close.how")} `, this.disposition), this.asked,
      el("button", { type: "submit", class: "act" }, t("case.close.do")));
    this.close = el("details", {}, el("summary", {}, t("case.close")), this.form);
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.order("close", { cause: this.cause.value.trim(), disposition: this.disposition.value, communicated: this.informed.checked });
    });
    this.node = el("article", { class: "case" },
      el("header", {}, this.badge, this.title, this.story), this.gist, this.why,
      el("div", { class: "row" }, el("div", { class: "acts" }, this.claim, this.contact, this.resolve, this.tell), this.told), this.close);
  }

  act(order) {
    return button(t(`case.act.${order}`), () => this.order(order, {}));
  }

  update(one, now) {
    const at = STATES.indexOf(one.state), waits = at < STATES.indexOf("contacted");
    const left = (new Date(one.due_at) - now) / 1000, late = waits && (one.breached || left <= 0);
    this.node.dataset.state = late ? "late" : waits && one.warned ? "soon" : "calm";
    say(this.badge, late ? t("case.late") : waits && one.warned ? t("case.soon") : word("case.state", one.state));
    say(this.title, `${one.customer} · ${spaced(one.rule)}`);
    this.node.setAttribute("aria-label", t("case.label", { customer: one.customer, rule: one.rule }));
    const due = left > 0 ? t("time.in", { span: span(left) }) : t("time.ago", { span: span(-left) });
    const when = waits ? t("case.due", { time: moment(one.due_at), due }) : "";
    say(this.gist, line(one.owner ? t(`case.says.${one.state}`, { owner: one.owner }) : t("case.says.open"), when));
    say(this.why, line(t("case.opened", { time: moment(one.opened_at) }), ...one.because, one.priority && t("case.priority", { priority: one.priority }),
      one.worth && t("case.worth", { worth: count(Math.round(one.worth)) }), one.id));
    this.claim.hidden = one.owner === byWhom();
    this.contact.hidden = !waits;
    this.resolve.hidden = at >= STATES.indexOf("resolved");
    this.tell.hidden = at >= STATES.indexOf("communicated");
    this.asked.hidden = one.informed;
    this.informed.required = !one.informed;
  }

  async order(order, body) {
    say(this.told, "…");
    const answer = await post(`api/v1/cases/${encodeURIComponent(this.id)}/${order}`, { ...body, by: byWhom() });
    say(this.told, answer.ok ? t("case.noted") : refused(answer, "case"));
  }
}

export class Cases {
  constructor() {
    this.summary = el("p", { class: "budget" });
    this.name = nameField();
    this.ordered = remembered("cases", ORDERS, "urgent");
    this.sort = el("select", { "aria-label": t("cases.order") },
      ...ORDERS.map((value) => el("option", { value, selected: value === this.ordered }, t(`cases.order.${value}`))));
    this.sort.addEventListener("change", () => {
      this.ordered = this.sort.value;
      remember("cases", this.ordered);
      this.load();
    });
    this.name.addEventListener("change", () => this.draw());
    this.calm = el("p", { class: "calm" }, t("cases.calm"));
    this.list = el("div", { class: "alerts" });
    this.all = el("button", { type: "button", class: "act all", "aria-expanded": "false", hidden: true });
    this.all.addEventListener("click", () => {
      this.unfolded = !this.unfolded;
      this.draw();
    });
    this.more = el("p", { class: "fine", hidden: true }, t("cases.more", { count: count(SHOWN) }));
    this.cards = new Map();
    this.items = [];
    this.now = Date.now();
    this.waiting = null;
    this.node = el("section", { id: "cases", class: "page", "aria-labelledby": "cases-title" }, el("h2", { id: "cases-title" }, t("cases.title")),
      el("div", { class: "line" }, this.summary, this.sort, el("label", { class: "by" }, `${t("cases.as")} `, this.name)), this.calm, this.list, this.all, this.more);
  }

  open() {
    this.load();
  }

  hear(decision) {
    if (decision.type.startsWith("touchline.case.")) this.soon();
  }

  // A decision about a case has left: the list is read again, once for all that leave together.
  soon() {
    if (this.waiting === null) this.waiting = setTimeout(() => this.load(), SETTLE_MS);
  }

  async load() {
    clearTimeout(this.waiting);
    this.waiting = null;
    const { ok, status, body } = await get(`api/v1/cases?open=1&order=${this.ordered}&limit=${SHOWN}`);
    if (!ok && status !== 404) return; // the connection state tells, and reconnecting loads again
    this.items = ok ? body.items : []; // a service that knows no cases has none
    this.more.hidden = !ok || body.next === null;
    this.known = true;
    this.draw();
  }

  update({ health: { watermark } }) {
    const now = watermark ? new Date(watermark).getTime() : Date.now();
    if (Math.abs(now - this.now) < 1000) return;
    this.now = now;
    this.draw();
  }

  draw() {
    if (!this.known) return;
    const late = this.items.filter((one) => STATES.indexOf(one.state) < STATES.indexOf("contacted") && new Date(one.due_at) <= this.now).length;
    const open = `${count(this.items.length)}${this.more.hidden ? "" : "+"}`;
    say(this.summary, line(t("cases.open", { n: this.items.length, count: open }), late && t("cases.late", { n: late })));
    this.calm.hidden = this.items.length > 0;
    this.all.hidden = this.items.length <= AT_FIRST;
    this.all.setAttribute("aria-expanded", String(Boolean(this.unfolded)));
    say(this.all, this.unfolded ? t("cases.fewer") : t("cases.all", { count: count(this.items.length) }));
    const shown = new Map();
    for (const one of this.items) {
      const card = this.cards.get(one.id) || new Card(one.id, one.customer);
      card.update(one, this.now);
      card.node.hidden = !this.unfolded && shown.size >= AT_FIRST && !card.node.contains(document.activeElement);
      shown.set(one.id, card);
    }
    for (const [id, card] of this.cards) if (!shown.has(id)) card.node.remove();
    this.cards = shown;
    inOrder(this.list, [...shown.values()].map(({ node }) => node));
  }
}
