// The first page: what fires, all journeys, all signals.

import { Alarms } from "./alarms.js";
import { el, remember } from "./dom.js";
import { Journeys } from "./journeys.js";
import { alertsByPlace } from "./sight.js";
import { Signals } from "./signals.js";
import { MEASURES, WINDOWS, state } from "./state.js";
import { t } from "./texts.js";

function switcher(id, name, options, redraw) {
  const labels = options.map((value) => {
    const input = el("input", { type: "radio", name, value });
    input.checked = state[name] === value;
    input.addEventListener("change", () => {
      state[name] = value;
      remember(name, value);
      redraw();
    });
    return el("label", {}, input, el("span", {}, t(`${name}.${value}`)));
  });
  return el("fieldset", { id, class: "switch" }, el("legend", {}, t(`${name}.title`)), ...labels);
}

export class Overview {
  constructor() {
    const redraw = () => state.view && this.update(state.view);
    this.alarms = new Alarms();
    this.journeys = new Journeys(redraw);
    this.signals = new Signals(redraw);
    this.bar = el("div", { class: "bar" }, switcher("windows", "window", WINDOWS, redraw), switcher("measures", "measure", MEASURES, redraw));
    this.node = el("div", { class: "page" }, this.bar, this.alarms.node, this.journeys.node, this.signals.node);
  }

  update(view) {
    const alerts = alertsByPlace(view.alarms);
    this.alarms.update(view.alarms, view.health.watermark);
    this.journeys.update(view, alerts);
    this.signals.update(view, alerts);
  }
}
