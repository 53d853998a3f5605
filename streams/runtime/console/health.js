// How the service itself is: is it behind, what came to the door, what leaves it.

import { el, english, fresh } from "./dom.js";
import { get } from "./service.js";
import { count, dated, line, plain, span, t, word } from "./texts.js";

const FAILED = ["failed", "disabled"];

export class Health {
  constructor() {
    this.state = el("p");
    this.vitals = el("dl", { class: "counts" });
    this.door = el("dl", { class: "counts" });
    this.receivers = el("div", { class: "sheet", tabindex: "0", role: "region", "aria-labelledby": "receivers-title" });
    this.failed = el("ul", { class: "fine" });
    const box = (id, title, ...nodes) => el("section", { class: "box", "aria-labelledby": id }, el("h3", { id }, t(title)), ...nodes);
    this.node = el("section", { id: "health", class: "page", "aria-labelledby": "health-title" }, el("h2", { id: "health-title" }, t("health.title")), this.state,
      el("div", { class: "pair" }, box("vitals-title", "health.vitals", this.vitals), box("door-title", "health.door", this.door)),
      box("receivers-title", "health.receivers", this.receivers, this.failed));
    this.said = "";
  }

  open() {
    this.asked = false;
  }

  async failures() {
    this.asked = true;
    const { ok, body } = await get("api/v1/deliveries?state=failed&limit=10");
    fresh(this.failed, ok ? body.items.filter(({ state }) => FAILED.includes(state)).map((one) =>
      el("li", {}, `${line(dated(one.created_at), one.receiver, one.type.replace(/^touchline\./, ""))} `, english("span", one.last_error || ""))) : []);
  }

  update({ health }) {
    if (!this.asked && health.receivers.length) this.failures();
    const rows = (names) => names.map(([name, value]) => el("div", {}, el("dt", {}, t(`health.${name}`)), el("dd", {}, value)));
    const well = health.status === "ok";
    this.state.className = well ? "calm" : "wrong";
    fresh(this.state, [line(word("health.status", health.status)), ...(health.reason ? [" · ", english("span", health.reason)] : [])]);
    fresh(this.vitals, rows([
      ["lag", health.lag_seconds === null ? "–" : span(Math.max(health.lag_seconds, 0))], ["rate", plain(health.events_per_second)],
      ["watermark", health.watermark ? dated(health.watermark) : "–"], ["uptime", span(health.uptime_seconds)],
      ["timers", count(health.pending_timers)], ["backlog", count(Math.max(health.log.next_offset - health.log.low, 0))],
      ["outbox", count(health.receivers.reduce((sum, one) => sum + one.pending, 0))], ["letters", count(health.dead_letters)],
      ...(health.store_bytes === null ? [] : [["disk", t("health.mebibytes", { size: count(Math.round(health.store_bytes / 2 ** 20)) })]]),
    ]));
    fresh(this.door, Object.entries(health.events).map(([name, value]) => el("div", {}, el("dt", {}, t(`door.${name}`)), el("dd", {}, count(value)))));
    const said = JSON.stringify(health.receivers);
    if (said === this.said) return;
    this.said = said;
    const head = ["name", "state", "pending", "oldest", "delivered", "retried", "failed"].map((name) => el("th", { scope: "col" }, t(`receiver.${name}`)));
    fresh(this.receivers, health.receivers.length ? [el("table", {}, el("thead", {}, el("tr", {}, ...head)),
      el("tbody", {}, ...health.receivers.map((one) => el("tr", { "data-state": one.state }, el("td", {}, `${one.name} (${one.kind})`),
        el("td", {}, word("receiver.state", one.state), ...(one.last_error ? [" · ", english("span", one.last_error)] : [])),
        ...[count(one.pending), one.oldest_seconds === null ? "–" : span(one.oldest_seconds), count(one.delivered), count(one.retried), count(one.failed)]
          .map((text) => el("td", {}, text))))))] : [el("p", { class: "empty" }, t("health.no_receivers"))]);
  }
}
