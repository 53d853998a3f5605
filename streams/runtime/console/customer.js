// The story of one customer: what happened, what was decided and why, what is still to come.

import { el, fresh, say } from "./parts.js";

const PLACE = "#customer/";
const FIRST = ["Open cases", "What is to come"]; // what somebody on the phone must know comes before what has been
const UNLESS = { // why nothing is shown; the last one is for all other answers
  401: "It needs a console token.",
  403: "Your token may not see customers.",
  404: (id) => `Nothing is kept of ${id}.`,
};

export function storyLink(id, text = "Story") {
  return el("a", { href: PLACE + encodeURIComponent(id), class: "story", "aria-label": `story of ${id}` }, text);
}

export class Story {
  constructor(section) {
    this.section = section;
    this.field = el("input", { type: "search", required: true, autocomplete: "off", spellcheck: "false", placeholder: "customer id" });
    this.told = el("p", { class: "fine", role: "status" });
    this.title = el("h3", { tabindex: "-1" });
    this.gist = el("p", { class: "gist" });
    this.chapters = el("div");
    this.traits = el("details", {}, el("summary", {}, "Traits"), el("pre"));
    this.box = el("article", { class: "case tale", hidden: true }, this.title, this.gist, this.chapters, this.traits);
    const form = el("form", { class: "closing" }, el("label", {}, "Customer ", this.field), el("button", { type: "submit", class: "act" }, "Show"));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const place = PLACE + encodeURIComponent(this.field.value.trim());
      if (location.hash === place) this.follow();
      else location.hash = place;
    });
    section.append(form, this.told, this.box);
    addEventListener("hashchange", () => this.follow());
    this.follow();
  }

  // The address says whose story it is: it can be sent to somebody, and the back key works.
  async follow() {
    if (!location.hash.startsWith(PLACE)) return;
    let id;
    try {
      id = decodeURIComponent(location.hash.slice(PLACE.length));
    } catch {
      return; // half an escape: no id
    }
    if (!id) return;
    this.field.value = id;
    this.asked = id;
    say(this.told, "…");
    try {
      const answer = await fetch(`api/v1/customers/${encodeURIComponent(id)}`);
      const found = answer.ok ? await answer.json() : null;
      if (this.asked !== id) return; // somebody else has been asked for meanwhile
      const why = UNLESS[answer.status] || `The service answered ${answer.status}.`;
      say(this.told, found ? "" : typeof why === "string" ? why : why(id));
      this.show(found);
    } catch {
      say(this.told, "The service was not reached.");
    }
  }

  show(one) {
    this.box.hidden = !one;
    if (!one) return;
    say(this.title, one.id);
    const known = [one.identified ? "identified" : "not identified", one.merged.length ? `earlier known as ${one.merged.join(", ")}` : ""];
    fresh(this.gist, one.into ? ["lives on as ", storyLink(one.into, one.into)] : [known.filter(Boolean).join(" · ")]);
    const now = ({ title }) => FIRST.includes(title);
    const chapters = [...one.story.filter(now), ...one.story.filter((chapter) => !now(chapter))];
    fresh(this.chapters, chapters.map(({ title, lines }) => el("section", {}, el("h4", {}, title),
      el("ul", {}, ...lines.map((line) => el("li", {}, line))))));
    this.traits.hidden = !Object.keys(one.traits).length;
    say(this.traits.querySelector("pre"), JSON.stringify(one.traits, null, 2));
    this.section.scrollIntoView({ block: "start" });
    this.title.focus({ preventScroll: true });
  }
}
