// Only in the demo: a button that plants an incident.

import { button, el, say } from "./dom.js";
import { get, may, post } from "./service.js";
import { clock, t } from "./texts.js";

export class Demo {
  constructor() {
    this.said = el("p", { id: "incident", role: "status" });
    this.plant = button(t("demo.plant"), () => this.ask(post), { id: "plant", class: "plant" });
    this.node = el("div", { id: "demo", class: "demo" }, this.said, may("admin") ? this.plant : null);
    setInterval(() => this.ask(get), 2000);
    this.ask(get);
  }

  async ask(how) {
    const { ok, body } = await how("api/v1/demo/incident");
    if (!ok) return; // the connection state tells
    this.plant.disabled = body.running;
    this.said.toggleAttribute("data-on", body.running);
    say(this.said, body.running ? t("demo.running", { what: body.what, until: clock(body.until) })
      : body.next ? t("demo.next", { time: clock(body.next) }) : t("demo.none"));
  }
}
