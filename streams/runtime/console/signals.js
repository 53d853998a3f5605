// Signals by what they tell: what happened, what customers say, what it came to.

import { el, fresh, say } from "./dom.js";
import { ADDITIVE, NOTHING, Range, interval, least, openTop, reading } from "./figures.js";
import { mark } from "./journeys.js";
import { byFile, segmentNote, segmentTables, segmentWindow, watchedAt, withheldNote } from "./segments.js";
import { sight } from "./sight.js";
import { state } from "./state.js";
import { count, line, spaced, t } from "./texts.js";

const KINDS = ["interaction", "perception", "outcome", "other"]; // the last one only shows when a signal has no kind

class Signal {
  constructor(signal, redraw) {
    this.value = el("p", { class: "value" });
    this.band = el("p", { class: "fine where" });
    this.n = el("p", { class: "fine how" });
    this.wrong = el("p", { class: "wrong", hidden: true }, t("signal.breached"));
    this.alarm = el("p", { class: "alarmed", hidden: true });
    this.range = new Range();
    this.key = `signal ${signal.name}`;
    this.more = el("b", { "aria-hidden": "true" });
    this.button = el("button", { class: "opener", type: "button", "aria-expanded": "false" },
      spaced(signal.name), el("span", { class: "unseen" }, `, ${t("signal.by_segment")}`), " ", this.more);
    this.button.addEventListener("click", () => {
      state.open = state.open === this.key ? null : this.key;
      redraw();
    });
    this.drill = el("div", { class: "dims inner", hidden: true });
    this.node = el("div", { class: "signal", "data-signal": signal.name },
      el("h4", {}, this.button), this.value, this.band, this.n, this.range.node, this.alarm, this.wrong, this.drill);
    this.how = line(signal.as_, [signal.journey, signal.step].filter(Boolean).join(" › "));
  }

  update(signal, alerts) {
    const estimate = signal.windows[state.window], read = reading(signal), known = estimate.value !== null;
    const shown = known ? `${read.show(estimate.value)}${read.unit ? ` ${read.unit}` : ""}` : least(estimate, signal.min_n);
    if (this.value.textContent !== shown) {
      fresh(this.value, known ? [read.show(estimate.value), read.unit ? el("small", {}, ` ${read.unit}`) : ""] : [shown]);
    }
    this.value.classList.toggle("none", !known);
    say(this.band, this.how);
    say(this.n, known ? `${interval(estimate, read.show)} · n ${count(estimate.n)}` : "");
    this.range.draw(estimate, read.floor, read.top ?? openTop(signal.name, known ? estimate.high : 0));
    this.node.dataset.state = signal.state;
    mark(this.alarm, alerts);
    this.wrong.hidden = signal.state !== "breached";
    this.open(signal, read);
  }

  open(signal, read) {
    const open = state.open === this.key, window = segmentWindow();
    this.button.setAttribute("aria-expanded", String(open));
    say(this.more, open ? "▴" : "▾");
    this.drill.hidden = !open;
    if (!open) return;
    const order = byFile(signal.segments);
    const rows = signal.segments.map((segment) => ({ ...segment, estimate: segment.windows[window] }))
      .filter(({ estimate }) => estimate && estimate.n)
      .sort((a, b) => order(a) - order(b) || b.estimate.n - a.estimate.n)
      .map((segment) => ({ ...segment, counts: [segment.estimate.n] }));
    fresh(this.drill, [el("p", { class: "fine" }, segmentNote()),
      ...segmentTables(rows, ADDITIVE.includes(signal.as_) ? NOTHING : signal.windows[window], [t("segment.of_value"), "n"], read),
      ...withheldNote(signal.segments, window), ...sight(watchedAt((one) => one.kind === "signal" && one.signal === signal.name))]);
  }
}

export class Signals {
  constructor(redraw) {
    this.redraw = redraw;
    this.list = el("div", { id: "signal-list", class: "kinds" });
    this.node = el("section", { "aria-labelledby": "signals-title" }, el("h2", { id: "signals-title" }, t("signals.title")), this.list);
    this.built = "";
    this.cards = [];
  }

  update(view, alerts) {
    const shape = JSON.stringify(view.signals.map((s) => [s.name, s.kind]));
    if (shape !== this.built) {
      this.built = shape;
      this.cards = view.signals.map((signal) => new Signal(signal, this.redraw));
      fresh(this.list, KINDS.flatMap((kind) => {
        const own = this.cards.filter((_, index) => (view.signals[index].kind || "other") === kind);
        return kind === "other" && !own.length ? [] : el("div", { class: "kind" }, el("h3", {}, t(`kind.${kind}`)), el("p", {}, t(`kind.${kind}.means`)),
          ...(own.length ? own.map((card) => card.node) : [el("p", { class: "empty" }, t("signals.none"))]));
      }));
    }
    view.signals.forEach((signal, index) => this.cards[index].update(signal, alerts.get(`signal ${signal.name}`)));
  }
}
