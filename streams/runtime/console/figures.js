// Numbers with their interval.

import { svg } from "./dom.js";
import { count, decimal, percent, plain, t } from "./texts.js";

// How a signal's numbers read, and the scale its interval is drawn on.
export const READINGS = {
  ratio: { show: percent, unit: "", floor: 0, top: 1 },
  points: { show: (v) => (v > 0 ? "+" : v < 0 ? "−" : "") + decimal(Math.abs(v), 1), unit: "", floor: -100, top: 100 },
  score: { show: (v) => decimal(v, 2), unit: t("unit.of_seven"), floor: 1, top: 7 },
  per_minute: { show: plain, unit: t("unit.per_minute"), floor: 0, top: null },
  seconds: { show: plain, unit: t("unit.seconds"), floor: 0, top: null },
};
export const ADDITIVE = ["rate", "sum"]; // a part of these is always less than the whole, which says nothing
export const NOTHING = { n: 0, value: null, low: null, high: null };
export const reading = (signal) => READINGS[signal.unit] || { show: plain, unit: "", floor: 0, top: null };
export const least = (estimate, of = 30) => t("figure.collecting", { seen: count(estimate.n), least: count(of) });

const tops = new Map(); // open scales keep the largest top they needed, so that a bar does not jump about

export function openTop(name, high) {
  const step = 10 ** Math.floor(Math.log10(Math.max(high, 1e-9) * 1.2));
  const top = Math.max(tops.get(name) || 0, Math.ceil((high * 1.2) / step) * step);
  tops.set(name, top);
  return top;
}

export class Range {
  // The 95 % interval on its scale: a track, a band, a mark at the value.
  constructor() {
    this.track = svg("rect", { class: "track", x: 0, y: 3, width: "100%", height: 4, rx: 2 });
    this.band = svg("rect", { class: "band", y: 1.5, height: 7, rx: 2 });
    this.mid = svg("rect", { class: "mid", y: 0, height: 10, width: 2.5, rx: 1 });
    this.whole = svg("line", { class: "whole", y1: -1, y2: 11, "stroke-dasharray": "2 2" });
    this.node = svg("svg", { class: "range", "aria-hidden": "true" }, this.track, this.whole, this.band, this.mid);
    this.drawn = "";
  }

  draw(estimate, floor, top, whole = null) {
    const drawn = [estimate.value, estimate.low, estimate.high, floor, top, whole].join();
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    const at = (value) => `${Math.min(100, Math.max(0, ((value - floor) / (top - floor)) * 100)).toFixed(2)}%`;
    const known = estimate.value !== null;
    this.band.style.display = this.mid.style.display = known ? "" : "none";
    this.whole.style.display = whole === null ? "none" : "";
    if (known) {
      this.band.setAttribute("x", at(estimate.low));
      this.band.setAttribute("width", at(floor + Math.max(estimate.high - estimate.low, (top - floor) * 0.005)));
      this.mid.setAttribute("x", at(estimate.value));
      this.mid.setAttribute("transform", "translate(-1.25 0)");
    }
    if (whole !== null) {
      this.whole.setAttribute("x1", at(whole));
      this.whole.setAttribute("x2", at(whole));
    }
  }
}

export class Spark {
  // Thirty minutes of conversion; the scale spans at least ten points so that noise stays small.
  constructor() {
    this.line = svg("path");
    this.node = svg("svg", { class: "spark", viewBox: "0 0 100 26", preserveAspectRatio: "none", role: "img" },
      svg("path", { class: "floor", d: "M0 25.5H100" }), this.line);
    this.drawn = "";
  }

  draw(minutes) {
    const values = minutes.slice(0, -1); // the minute that is still going on would always look like a drop
    const drawn = values.join();
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    const known = values.filter((value) => value !== null);
    this.node.style.visibility = known.length > 1 ? "" : "hidden";
    if (known.length < 2) return;
    let low = Math.min(...known), high = Math.max(...known);
    const pad = Math.max(0, (0.1 - (high - low)) / 2);
    [low, high] = [low - pad, high + pad];
    let path = "", pen = "M";
    values.forEach((value, index) => {
      if (value === null) { pen = "M"; return; }
      const x = (index / Math.max(values.length - 1, 1)) * 100, y = 23 - ((value - low) / (high - low)) * 20;
      path += `${pen}${x.toFixed(1)} ${y.toFixed(1)}`;
      pen = "L";
    });
    this.line.setAttribute("d", path);
    this.node.setAttribute("aria-label", t("figure.spark", { low: percent(Math.min(...known), 0), high: percent(Math.max(...known), 0) }));
  }
}

export function interval(estimate, show = percent) {
  return estimate.value === null ? "" : `${show(estimate.low)} – ${show(estimate.high)}`.replaceAll("% –", " –");
}
