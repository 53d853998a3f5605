// What all parts of the console are made of: elements, texts and times, numbers with their interval.

// ---- small things -------------------------------------------------------------------------------------------------

export function remembered(name, allowed, fallback) {
  try {
    const value = localStorage.getItem(`touchline.${name}`);
    return (allowed === null ? value !== null : allowed.includes(value)) ? value : fallback; // null: any text
  } catch {
    return fallback;
  }
}

export function remember(name, value) {
  try {
    localStorage.setItem(`touchline.${name}`, value);
  } catch { /* a private window keeps nothing */ }
}

const names = []; // fields in which somebody says who they are: all of them show the same

export function nameField() {
  const field = el("input", { type: "text", maxlength: "80", autocomplete: "name", placeholder: "your name" });
  field.value = remembered("name", null, "");
  field.addEventListener("change", () => {
    remember("name", field.value.trim());
    for (const other of names) if (other !== field) other.value = field.value;
  });
  names.push(field);
  return field;
}

export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

export function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

// Writing only what changed keeps selection, focus and the screen reader still.
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function fresh(parent, nodes) {
  parent.replaceChildren(...nodes);
}

// Moving a node takes the focus from what is in it, so only those out of place are moved.
export function inOrder(parent, nodes) {
  let place = parent.firstElementChild;
  for (const node of nodes) {
    if (node === place) place = place.nextElementSibling;
    else {
      const focused = node.contains(document.activeElement) ? document.activeElement : null;
      parent.insertBefore(node, place);
      if (focused) focused.focus();
    }
  }
}

const commas = new Intl.NumberFormat("en");
export const count = (value) => commas.format(value);
export const percent = (value, digits = 1) => `${(value * 100).toFixed(digits)}%`;
export const clock = (text) => new Date(text).toLocaleTimeString("en-GB");

export function plain(value) {
  const size = Math.abs(value);
  return size >= 1000 ? count(Math.round(value)) : value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2);
}

export function span(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  return seconds < 5400 ? `${(seconds / 60).toFixed(1)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

// ---- numbers with their interval ----------------------------------------------------------------------------------

// How a signal's numbers read, and the scale its interval is drawn on.
export const READINGS = {
  ratio: { show: percent, unit: "", floor: 0, top: 1 },
  points: { show: (v) => (v > 0 ? "+" : v < 0 ? "−" : "") + Math.abs(v).toFixed(1), unit: "", floor: -100, top: 100 },
  score: { show: (v) => v.toFixed(2), unit: "of 7", floor: 1, top: 7 },
  per_minute: { show: plain, unit: "/min", floor: 0, top: null },
  seconds: { show: plain, unit: "s", floor: 0, top: null },
};
export const ADDITIVE = ["rate", "sum"]; // a part of these is always less than the whole, which says nothing
export const NOTHING = { n: 0, value: null, low: null, high: null };
export const reading = (signal) => READINGS[signal.unit] || { show: plain, unit: "", floor: 0, top: null };

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
  }

  draw(estimate, floor, top, whole = null) {
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
  }

  draw(minutes) {
    const values = minutes.slice(0, -1); // the minute that is still going on would always look like a drop
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
    this.node.setAttribute("aria-label",
      `last 30 minutes: between ${percent(Math.min(...known), 0)} and ${percent(Math.max(...known), 0)}`);
  }
}

export function interval(estimate, show = percent) {
  return estimate.value === null ? "" : `${show(estimate.low)} – ${show(estimate.high)}`.replaceAll("% –", " –");
}
