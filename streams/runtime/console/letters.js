// What could not be read: why, its bytes, and sending it through the door again.

import { button, el, english, fresh, say } from "./dom.js";
import { get, may, post, refused } from "./service.js";
import { count, dated, line, t, word } from "./texts.js";

const SHOWN = 50;

class Letter {
  constructor(letter) {
    this.id = letter.id;
    this.bytes = el("pre", { tabindex: "0", "aria-label": t("letters.bytes.of", { id: String(letter.id) }) });
    this.told = el("p", { class: "fine told", role: "status" });
    this.state = el("span");
    this.redrive = button(t("letters.redrive"), () => this.again());
    this.show = el("details", {}, el("summary", {}, t("letters.bytes")), this.bytes);
    this.show.addEventListener("toggle", () => this.show.open && this.load());
    const when = letter.time ? dated(letter.time) : "";
    this.node = el("li", { "data-letter": String(letter.id) }, el("p", {}, el("b", {}, word("reason", letter.reason)), " · ", english("span", letter.message)),
      el("p", { class: "fine" }, `${line(when, t("letters.size", { size: count(letter.size) }), `#${letter.id}`)} `, this.state),
      may("agent") ? this.show : null, el("div", { class: "row" }, may("admin") ? this.redrive : null, this.told));
    this.update(letter);
  }

  update(letter) {
    const done = letter.state === "redriven";
    say(this.state, done ? t("letters.redriven") : "");
    this.redrive.hidden = done;
  }

  async load() {
    const answer = await get(`api/v1/dlq/${this.id}`);
    say(this.bytes, answer.ok ? answer.body.body ?? t("letters.base64", { text: answer.body.body_base64 }) : refused(answer, "letter"));
  }

  async again() {
    say(this.told, "…");
    const answer = await post(`api/v1/dlq/${this.id}/redrive`);
    say(this.told, answer.ok ? t("letters.done", { offset: String(answer.body.offset) }) : refused(answer, "letter"));
    if (answer.ok) this.redrive.hidden = true;
  }
}

export class Letters {
  constructor() {
    this.known = new Map();
    this.held = null;
    this.calm = el("p", { class: "calm" }, t("letters.none"));
    this.list = el("ol", { class: "letters" });
    this.older = button(t("letters.older"), () => this.load(this.next), { hidden: true });
    this.node = el("section", { id: "letters", class: "page", "aria-labelledby": "letters-title" }, el("h2", { id: "letters-title" }, t("letters.title")),
      el("p", { class: "fine" }, t("letters.means")), this.calm, this.list, this.older);
  }

  open() {
    this.load();
  }

  update({ health }) {
    if (this.held !== null && this.held !== health.dead_letters) this.load();
    this.held = health.dead_letters;
  }

  async load(cursor = null) {
    const { ok, body } = await get(`api/v1/dlq?limit=${SHOWN}${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);
    if (!ok) return;
    this.next = body.next;
    const kept = cursor ? [...this.known.values()] : [];
    for (const letter of body.items) {
      const known = this.known.get(letter.id) || new Letter(letter);
      known.update(letter);
      this.known.set(letter.id, known);
      kept.push(known);
    }
    this.known = new Map(kept.map((one) => [one.id, one]));
    this.calm.hidden = kept.length > 0;
    this.older.hidden = !this.next;
    const nodes = kept.map((one) => one.node);
    if (nodes.length !== this.list.children.length || nodes.some((node, at) => node !== this.list.children[at])) fresh(this.list, nodes);
  }
}
