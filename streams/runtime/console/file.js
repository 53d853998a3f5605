// Which file holds, and what is wrong with it or with the one on disk.

import { el, english, fresh } from "./dom.js";
import { t } from "./texts.js";

export class File {
  constructor() {
    this.box = el("div", { class: "box" });
    this.said = "";
    this.node = el("section", { id: "file", class: "page", "aria-labelledby": "file-title" }, el("h2", { id: "file-title" }, t("file.title")), this.box);
  }

  update(view) {
    const { config } = view.health, said = JSON.stringify([config, view.journeys.length, view.signals.length]);
    if (said === this.said) return;
    this.said = said;
    const row = (name, ...text) => el("div", {}, el("dt", {}, t(`file.${name}`)), el("dd", {}, ...text));
    const list = (items) => el("ul", {}, ...items.map((item) => english("li", item)));
    const { refused, needs_restart: restart, warnings } = config;
    fresh(this.box, [
      el("p", { class: refused ? "wrong" : "calm" }, refused ? t("file.refused", { n: refused.count }) : t("file.in_force")),
      el("dl", { class: "sheetlike" },
        row("name", config.file), row("hash", el("code", {}, config.hash)),
        row("holds", [t("file.journeys", { n: view.journeys.length }), t("file.signals", { n: view.signals.length })].join(", ")),
        ...(refused ? [row("first", english("span", refused.first))] : []),
        ...(restart.length ? [row("restart", list(restart))] : []),
        row("warnings", warnings.length ? list(warnings) : t("file.no_warnings"))),
      el("p", { class: "fine" }, t("file.means")),
    ]);
  }
}
