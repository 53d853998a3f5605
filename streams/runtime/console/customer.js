// One customer: searched for or linked to, told as a story that goes on while it is read.

import { el, fresh, say } from "./dom.js";
import { get, refused } from "./service.js";
import { chapters } from "./story.js";
import { line, t } from "./texts.js";

const SETTLE_MS = 150;

export function storyLink(id, text = t("customer.story")) {
  return el("a", { href: `#customer/${encodeURIComponent(id)}`, class: "story", "aria-label": t("customer.story.of", { id }) }, text);
}

export class Story {
  constructor() {
    this.field = el("input", { type: "search", required: true, autocomplete: "off", spellcheck: "false", placeholder: t("customer.placeholder") });
    this.told = el("p", { class: "fine", role: "status" });
    this.title = el("h3", { tabindex: "-1" });
    this.gist = el("p", { class: "gist" });
    this.chapters = el("div");
    this.traits = el("details", {}, el("summary", {}, t("customer.traits")), el("pre", { tabindex: "0" }));
    this.box = el("article", { class: "case tale", hidden: true }, this.title, this.gist, this.chapters, this.traits);
    const form = el("form", { class: "closing" }, el("label", {}, `${t("customer.label")} `, this.field), el("button", { type: "submit", class: "act" }, t("customer.show")));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const place = `#customer/${encodeURIComponent(this.field.value.trim())}`;
      if (location.hash === place) this.open(this.field.value.trim());
      else location.hash = place;
    });
    this.node = el("section", { id: "customer", class: "page", "aria-labelledby": "customer-title" },
      el("h2", { id: "customer-title" }, t("customer.title")), form, this.told, this.box);
    this.waiting = null;
  }

  // The address says whose story it is: it can be sent to somebody, and the back key works.
  open(id) {
    this.asked = id;
    if (!id) {
      this.show(null);
      say(this.told, t("customer.hint"));
      return;
    }
    this.field.value = id;
    say(this.told, "…");
    this.load(true);
  }

  // A decision about whoever is shown has left: the story goes on.
  hear(decision) {
    if (!this.asked || decision.subject !== this.shown || this.waiting !== null) return;
    this.waiting = setTimeout(() => {
      this.waiting = null;
      this.load(false);
    }, SETTLE_MS);
  }

  async load(first = false) {
    if (!this.asked) return;
    const id = this.asked, answer = await get(`api/v1/customers/${encodeURIComponent(id)}`);
    if (this.asked !== id) return; // somebody else has been asked for meanwhile
    say(this.told, answer.ok ? "" : answer.status === 404 ? t("customer.none", { id }) : refused(answer, "customer"));
    this.show(answer.ok ? answer.body : null);
    if (answer.ok && first) this.title.focus({ preventScroll: true });
  }

  show(one) {
    this.box.hidden = !one;
    this.shown = one && one.id;
    if (!one) return;
    say(this.title, one.id);
    fresh(this.gist, one.into ? [`${t("customer.into")} `, storyLink(one.into, one.into)]
      : [line(t(one.identified ? "customer.identified" : "customer.unidentified"), one.merged.length && t("customer.merged", { ids: one.merged.join(", ") }))]);
    fresh(this.chapters, chapters(one).map(([key, lines]) => el("section", {}, el("h4", {}, t(`story.title.${key}`)),
      el("ul", {}, ...lines.map(([time, text]) => el("li", {}, ...(time ? [el("time", {}, time), " "] : []), text))))));
    this.traits.hidden = !Object.keys(one.traits).length;
    say(this.traits.querySelector("pre"), JSON.stringify(one.traits, null, 2));
  }
}
