// What the console says, and how numbers and times read, in the reader's language.

import { remember, remembered } from "./dom.js";

export const LANGUAGES = {
  en: ["English", "en-GB"], uk: ["Українська", "uk-UA"], bg: ["Български", "bg-BG"], ro: ["Română", "ro-RO"], ru: ["Русский", "ru-RU"],
};
const DAY_MS = 86_400_000;

function wanted() {
  const chosen = remembered("language", Object.keys(LANGUAGES), null);
  const asked = (navigator.languages || []).map((name) => name.slice(0, 2));
  return chosen || asked.find((name) => name in LANGUAGES) || "en";
}

export const language = wanted();
const locale = LANGUAGES[language][1];
const texts = await (await fetch(`texts/${language}.json`)).json();
const plurals = new Intl.PluralRules(locale);
const whole = new Intl.NumberFormat(locale);
const fixed = [0, 1, 2].map((digits) => new Intl.NumberFormat(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits }));
const short = new Intl.NumberFormat(locale, { maximumFractionDigits: 2 });
const timeOfDay = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
const day = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short" });
const both = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "medium" });
document.documentElement.lang = language;

export function choose(name) {
  remember("language", name);
  location.reload();
}

// A text with its placeholders filled; one with several forms takes that of `n`. Numbers are written as people do.
export function t(key, values = {}) {
  let text = texts[key];
  if (text === undefined) return key;
  if (typeof text !== "string") text = text[plurals.select(values.n)] ?? text.other;
  return text.replace(/\{(\w+)\}/g, (_, name) => (typeof values[name] === "number" ? short.format(values[name]) : values[name] ?? ""));
}

// The same for words that come from the service: those we have no text for are shown as they are.
export const word = (group, name) => (texts[`${group}.${name}`] === undefined ? spaced(String(name)) : t(`${group}.${name}`));

// What is joined in one line, without what is empty.
export const line = (...parts) => parts.filter(Boolean).join(" · ");

export const spaced = (name) => name.replaceAll("_", " ");
export const count = (value) => whole.format(value);
export const decimal = (value, digits) => fixed[digits].format(value);
export const percent = (value, digits = 1) => `${fixed[digits].format(value * 100)}%`;
export const share = (value) => fixed[value < 0.1 ? 1 : 0].format(value * 100);
export const clock = (text) => timeOfDay.format(new Date(text));
export const dated = (text) => both.format(new Date(text));

export function plain(value) {
  const size = Math.abs(value);
  return size >= 1000 ? count(Math.round(value)) : decimal(value, size >= 100 ? 0 : size >= 10 ? 1 : 2);
}

export const number = (value) => (Number.isInteger(value) || value >= 100 ? count(Math.round(value)) : plain(value));

export function span(seconds) {
  if (seconds < 90) return t("span.seconds", { value: decimal(seconds, 0) });
  if (seconds < 5400) return t("span.minutes", { value: decimal(seconds / 60, 1) });
  if (seconds < 172_800) return t("span.hours", { value: decimal(seconds / 3600, 1) });
  return t("span.days", { value: decimal(seconds / 86_400, 0) });
}

export const time = { now: 0 }; // event time now: what is further from it is shown with its date

export function moment(text) {
  if (Math.abs((time.now || Date.now()) - new Date(text)) < DAY_MS / 2) return clock(text);
  return `${day.format(new Date(text))}, ${clock(text)}`;
}
