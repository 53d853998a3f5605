// What is watched, and what it can see by now; and which alarms belong to which place on the map.

import { el, english } from "./dom.js";
import { spoken } from "./phrases.js";
import { FIRES } from "./state.js";
import { count, decimal, line, spaced, t, word } from "./texts.js";
import { size, who } from "./words.js";

const named = (one) => line(one.kind === "arrivals" && t("sight.arrivals"), one.direction === "up" && t("sight.upward")).replace(" · ", ", ");

// A conversion that creeps down: worth knowing and no alarm.
const noted = (one) => (one.note ? [english("p", one.note, { class: "fine" })] : []);

function series(one) {
  const place = one.kind === "signal" ? spaced(one.signal || "") : one.kind === "source" ? t("sight.source", { source: one.signal || "" })
    : [one.journey, one.step].filter(Boolean).join(" › ");
  return [place, named(one)].filter(Boolean).join(", ");
}

// What the series of one step or signal can see by now: the whole first, then values that see the same together.
export function sight(watched) {
  if (!watched.length) return [];
  const whole = watched.filter((one) => !one.dimension), groups = new Map();
  for (const one of watched.filter(({ dimension }) => dimension)) {
    const key = JSON.stringify([one.state, one.sees, one.direction, one.kind]);
    groups.set(key, [...(groups.get(key) || []), one]);
  }
  const item = (name, one) => el("li", { "data-state": one.state }, el("b", {}, [name, named(one)].filter(Boolean).join(", ")), ` ${word("sight.state", one.state)}`,
    ...(one.sees ? [": ", spoken("span", one.sees)] : []), ...noted(one));
  return [el("h5", {}, t("sight.title")), el("ul", { class: "sight" },
    ...whole.map((one) => item(t("sight.whole"), one)),
    ...[...groups.values()].map((own) => {
      const dimensions = [...new Set(own.map((one) => one.dimension))];
      const names = dimensions.map((name) => `${spaced(name)} ${own.filter((one) => one.dimension === name).map((one) => one.value).join(", ")}`);
      return item(names.join(" · "), own[0]);
    }))];
}

export function watchedTable(watched) {
  const whole = watched.filter(({ dimension }) => !dimension), rest = watched.length - whole.length;
  const head = ["series", "state", "sees", "guarantee", "evidence"].map((name) => el("th", { scope: "col" }, t(`sight.column.${name}`)));
  return [el("table", {}, el("thead", {}, el("tr", {}, ...head)),
    el("tbody", {}, ...whole.map((one) => el("tr", {}, el("td", {}, series(one)), el("td", {}, word("sight.state", one.state)),
      el("td", {}, one.sees ? spoken("span", one.sees) : "–", ...noted(one)), el("td", {}, word("guarantee", one.guarantee)),
      el("td", {}, one.level < 0.01 ? `< ${decimal(0.01, 2)}` : decimal(one.level, 2)))))),
    rest ? el("p", { class: "fine" }, t("sight.more", { n: rest, count: count(rest) })) : ""];
}

// Alerts by the place on the map they belong to: journey/step, or the signal's name.
export function alertsByPlace(alarms) {
  const found = new Map();
  const add = (place, text, state) => found.set(place, [...(found.get(place) || []), { text, state }]);
  const live = alarms ? alarms.alerts.filter((alert) => alert.state !== "resolved") : [];
  for (const alert of live) {
    const fires = FIRES.includes(alert.state);
    const signal = ["conversion", "arrivals"].includes(alert.signal) ? "" : spaced(alert.signal);
    const where = alert.signal !== "arrivals" && alert.segments && alert.segments.length ? `, ${who(alert.segments)}` : "";
    const moved = size(alert, false) || t(`alert.way.${alert.direction}`);
    const text = `${t(fires ? "map.alarm" : "map.pending")}: ${[signal, moved].filter(Boolean).join(" ")}${where}`;
    const state = fires ? "firing" : "pending";
    if (alert.journey && alert.step) add(`${alert.journey}/${alert.step}${alert.signal === "arrivals" ? "/arrivals" : ""}`, text, state);
    if (signal && alert.signal !== "silence") add(`signal ${alert.signal}`, text, state);
  }
  for (const one of alarms ? alarms.watched : []) {
    const place = one.kind === "conversion" ? `${one.journey}/${one.step}` : null;
    if (place && ["firing", "pending"].includes(one.state) && !found.has(place)) {
      const value = one.dimension ? `: ${spaced(one.dimension)} ${one.value}` : "";
      add(place, `${t(one.state === "firing" ? "map.alarm" : "map.pending")}${value}`, one.state);
    }
  }
  return found;
}
