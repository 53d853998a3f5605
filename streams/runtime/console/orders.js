// What people say to an alert: seen, leave me alone for a while, this is the new normal.

import { button, el, say } from "./dom.js";
import { byWhom, may, post, refused } from "./service.js";
import { t } from "./texts.js";

const SNOOZES = ["30m", "2h", "8h", "1d"];
const long = (text) => t(`snooze.${text}`);

export class Orders {
  constructor(fingerprint) {
    this.fingerprint = fingerprint;
    this.told = el("p", { class: "fine told", role: "status" });
    this.ack = button(t("alert.ack"), () => this.order("ack", {}));
    this.long = el("select", { "aria-label": t("alert.snooze.for") }, ...SNOOZES.map((text) => el("option", { value: text, selected: text === "2h" }, long(text))));
    this.acts = el("div", { class: "acts" }, this.ack,
      el("span", { class: "snooze" }, button(t("alert.snooze"), () => this.order("snooze", { for: this.long.value })), this.long));
    this.accepting = el("p", { class: "row" }, button(t("alert.accept"), () => this.order("accept", {})), el("span", { class: "fine" }, t("alert.accept.means")));
  }

  update(alert, fires) {
    this.acts.hidden = this.accepting.hidden = !fires || !may("agent");
    this.ack.hidden = alert.acknowledged_by !== null;
  }

  async order(kind, body) {
    say(this.told, "…");
    const answer = await post(`api/v1/alerts/${encodeURIComponent(this.fingerprint)}/${kind}`, { ...body, by: byWhom() });
    say(this.told, answer.ok ? t(`alert.done.${kind}`, { span: body.for ? long(body.for) : "" }) : refused(answer, "alert"));
  }
}
