// Who waits to hear from us: one card per open case, the most urgent first, and what can be done about it.

import { storyLink } from "./customer.js";
import { clock, count, el, inOrder, nameField, remember, remembered, say, span } from "./parts.js";

const SHOWN = 50;
const AT_FIRST = matchMedia("(max-width: 56rem)").matches ? 2 : 4; // the rest is a click away
const SETTLE_MS = 150; // several decisions of one commit are one change of the list
const ORDERS = { urgent: "the most urgent first", due: "the one due first", newest: "the newest first" };
const STATES = ["open", "assigned", "contacted", "resolved", "communicated"];
const SAYS = { open: "nobody has it", assigned: "has it", contacted: "was in contact", resolved: "resolved it", communicated: "told the customer" };
const DISPOSITIONS = { resolved: "resolved", acknowledged: "acknowledged", answered: "answered", no_action_explained: "nothing done, and said why" };
const UNLESS = { // why it was not taken; the last one is for all other answers
  401: "It needs a console token.",
  403: "Your token may not do this.",
  404: "The service does not know this case any more.",
  409: "The case is there already.",
  429: "The service is busy; try again in a moment.",
  503: "The service takes nothing at the moment.",
};
const DAY_MS = 86_400_000;
const long = (seconds) => (seconds < 172_800 ? span(seconds) : `${Math.round(seconds / 86_400)} d`);

function moment(text, now) {
  if (Math.abs(now - new Date(text)) < DAY_MS / 2) return clock(text);
  return `${new Date(text).toLocaleDateString("en-GB", { day: "numeric", month: "short" })}, ${clock(text)}`;
}

class Card {
  // Its nodes stay while it is shown, so that focus, and a closing that is half written, stay too.
  constructor(id, customer, byWhom) {
    this.id = id;
    this.byWhom = byWhom;
    this.badge = el("span", { class: "badge" });
    this.title = el("h3");
    this.story = storyLink(customer);
    this.gist = el("p", { class: "gist" });
    this.why = el("p", { class: "fine" });
    this.told = el("p", { class: "fine told", role: "status" });
    this.claim = this.button("Claim", "assign");
    this.contact = this.button("Contacted", "contact");
    this.resolve = this.button("Resolved", "resolve");
    this.tell = this.button("Told", "communicate");
    this.cause = el("input", { type: "text", maxlength: "100", required: true });
    this.disposition = el("select", {}, ...Object.entries(DISPOSITIONS).map(([value, text]) => el("option", { value }, text)));
    this.informed = el("input", { type: "checkbox", required: true });
    this.asked = el("label", {}, this.informed, " the customer was told");
    this.form = el("form", { class: "closing" },
      el("label", {}, "What was behind it ", this.cause), el("label", {}, "How it ended ", this.disposition), this.asked,
      el("button", { type: "submit", class: "act" }, "Close the case"));
    this.close = el("details", {}, el("summary", {}, "Close"), this.form);
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.order("close", { cause: this.cause.value.trim(), disposition: this.disposition.value, communicated: this.informed.checked });
    });
    this.node = el("article", { class: "case" },
      el("header", {}, this.badge, this.title, this.story), this.gist, this.why,
      el("div", { class: "row" }, el("div", { class: "acts" }, this.claim, this.contact, this.resolve, this.tell), this.told), this.close);
  }

  button(text, word) {
    const node = el("button", { type: "button", class: "act" }, text);
    node.addEventListener("click", () => this.order(word, {}));
    return node;
  }

  update(one, now) {
    const at = STATES.indexOf(one.state), waits = at < STATES.indexOf("contacted");
    const left = (new Date(one.due_at) - now) / 1000, late = waits && (one.breached || left <= 0);
    this.node.dataset.state = late ? "late" : waits && one.warned ? "soon" : "calm";
    say(this.badge, late ? "▲ too late" : waits && one.warned ? "△ soon too late" : one.state);
    say(this.title, `${one.customer} · ${one.rule.replaceAll("_", " ")}`);
    this.node.setAttribute("aria-label", `case of ${one.customer}, ${one.rule}`);
    const when = waits ? `contact due ${moment(one.due_at, now)} (${left > 0 ? `in ${long(left)}` : `${long(-left)} ago`})` : "";
    say(this.gist, [one.owner ? `${one.owner} ${SAYS[one.state]}` : SAYS.open, when].filter(Boolean).join(" · "));
    say(this.why, [`opened ${moment(one.opened_at, now)}`, ...one.because, one.priority ? `priority ${one.priority}` : "",
      one.worth ? `worth ${count(Math.round(one.worth))}` : "", one.id].filter(Boolean).join(" · "));
    this.claim.hidden = one.owner === this.byWhom();
    this.contact.hidden = !waits;
    this.resolve.hidden = at >= STATES.indexOf("resolved");
    this.tell.hidden = at >= STATES.indexOf("communicated");
    this.asked.hidden = one.informed;
    this.informed.required = !one.informed;
  }

  async order(word, body) {
    say(this.told, "…");
    try {
      const answer = await fetch(`api/v1/cases/${encodeURIComponent(this.id)}/${word}`, {
        method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ ...body, by: this.byWhom() }),
      });
      const why = answer.status === 422 ? (await answer.json()).detail : UNLESS[answer.status];
      say(this.told, answer.ok ? "Noted; shown as soon as it is in the log." : why || `The service answered ${answer.status}.`);
    } catch {
      say(this.told, "The service was not reached.");
    }
  }
}

export class Cases {
  constructor(section) {
    this.section = section;
    this.summary = el("p", { class: "budget" });
    this.name = nameField();
    this.ordered = remembered("cases", Object.keys(ORDERS), "urgent");
    this.sort = el("select", { "aria-label": "order of the cases" },
      ...Object.entries(ORDERS).map(([value, text]) => el("option", { value, selected: value === this.ordered }, text)));
    this.sort.addEventListener("change", () => {
      this.ordered = this.sort.value;
      remember("cases", this.ordered);
      this.load();
    });
    this.name.addEventListener("change", () => this.draw());
    this.calm = el("p", { class: "calm" }, "Nobody waits.");
    this.list = el("div", { class: "alerts" });
    this.all = el("button", { type: "button", class: "act all", "aria-expanded": "false", hidden: true });
    this.all.addEventListener("click", () => {
      this.unfolded = !this.unfolded;
      this.draw();
    });
    this.more = el("p", { class: "fine", hidden: true });
    this.cards = new Map();
    this.items = [];
    this.now = Date.now();
    this.waiting = null;
    section.append(el("div", { class: "line" }, this.summary, this.sort, el("label", { class: "by" }, "Work as ", this.name)), this.calm, this.list, this.all, this.more);
  }

  // A decision about a case has left: the list is read again, once for all that leave together.
  soon() {
    if (this.waiting === null) this.waiting = setTimeout(() => this.load(), SETTLE_MS);
  }

  async load() {
    clearTimeout(this.waiting);
    this.waiting = null;
    try {
      const answer = await fetch(`api/v1/cases?open=1&order=${this.ordered}&limit=${SHOWN}`);
      if (!answer.ok) return;
      const { items, next } = await answer.json();
      this.items = items;
      this.more.hidden = next === null;
      say(this.more, `the first ${count(SHOWN)} are shown; api/v1/cases and touchline cases list all of them`);
    } catch {
      return; // the connection state tells, and reconnecting loads again
    }
    this.known = true;
    this.draw();
  }

  update(watermark) {
    const now = watermark ? new Date(watermark).getTime() : Date.now();
    if (Math.abs(now - this.now) < 1000) return;
    this.now = now;
    this.draw();
  }

  draw() {
    this.section.hidden = !this.known || (!this.items.length && !this.used);
    if (!this.known) return;
    this.used = this.used || this.items.length > 0; // a service whose file opens no cases is not bothered with them
    const late = this.items.filter((one) => STATES.indexOf(one.state) < STATES.indexOf("contacted") && new Date(one.due_at) <= this.now);
    say(this.summary, [`${count(this.items.length)}${this.more.hidden ? "" : "+"} open`, late.length ? `▲ ${count(late.length)} too late` : ""].filter(Boolean).join(" · "));
    this.calm.hidden = this.items.length > 0;
    this.all.hidden = this.items.length <= AT_FIRST;
    this.all.setAttribute("aria-expanded", String(Boolean(this.unfolded)));
    say(this.all, this.unfolded ? "Show fewer" : `Show all ${count(this.items.length)}`);
    const shown = new Map();
    for (const one of this.items) {
      const card = this.cards.get(one.id) || new Card(one.id, one.customer, () => this.name.value.trim() || "console");
      card.update(one, this.now);
      card.node.hidden = !this.unfolded && shown.size >= AT_FIRST && !card.node.contains(document.activeElement);
      shown.set(one.id, card);
    }
    for (const [id, card] of this.cards) if (!shown.has(id)) card.node.remove();
    this.cards = shown;
    inOrder(this.list, [...shown.values()].map(({ node }) => node));
  }
}
