// The console: pages over what /api/v1/stream sends once a second. No framework; it only uses the public API.

import { Watchman } from "./alarms.js";
import { button, el, english, fresh, say } from "./dom.js";
import { Overview } from "./overview.js";
import { patched } from "./patch.js";
import { may, onSignedOut, post, session, whoIs } from "./service.js";
import { SignIn } from "./signin.js";
import { state } from "./state.js";
import { LANGUAGES, choose, count, dated, decimal, language, line, plain, t, time, word } from "./texts.js";

const STALE_MS = 5000;
const DEMO = "touchline demo"; // the file name a demo goes by
const PAGES = { // name in the address: what brings it, who may see it, whether the menu has it
  "": [() => Overview, "viewer", true],
  alarm: [async () => (await import("./alarm.js")).AlarmPage, "viewer", false],
  cases: [async () => (await import("./cases.js")).Cases, "agent", true],
  customer: [async () => (await import("./customer.js")).Story, "agent", true],
  decisions: [async () => (await import("./decisions.js")).Decisions, "viewer", true],
  letters: [async () => (await import("./letters.js")).Letters, "viewer", true],
  file: [async () => (await import("./file.js")).File, "viewer", true],
  health: [async () => (await import("./health.js")).Health, "viewer", true],
  digest: [async () => (await import("./digest.js")).Digest, "viewer", true],
  wall: [async () => (await import("./wall.js")).Wall, "viewer", false],
};
const $ = (id) => document.getElementById(id);
const pages = new Map();
const watchman = new Watchman($("news"));
let current = null, seenAt = 0, source = null, demo = null;

// ---- where we are -------------------------------------------------------------------------------------------------

function place() {
  const [name, ...rest] = location.hash.slice(1).split("/");
  let about = "";
  try {
    about = decodeURIComponent(rest.join("/"));
  } catch { /* half an escape: nothing */ }
  return [PAGES[name] && may(PAGES[name][1]) ? name : "", about];
}

async function go(event) {
  const [name, about] = place();
  if (!pages.has(name)) {
    const Page = await PAGES[name][0]();
    if (name !== place()[0] || !session.role) return; // somebody went on meanwhile
    if (!pages.has(name)) pages.set(name, new Page());
  }
  const page = pages.get(name), other = page !== current;
  if (other && current && current.close) current.close();
  current = page;
  if (other) fresh($("main"), [$("notice"), page.node]);
  for (const link of $("nav").querySelectorAll("a")) {
    if (link.dataset.page === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (page.open) page.open(about);
  if (state.view && page.update) page.update(state.view);
  title();
  if (!event || !other) return;
  scrollTo(0, 0);
  $("main").focus({ preventScroll: true }); // the reader of a screen hears that another page has come
}

function title() {
  const [name] = place();
  const page = name ? `${t(`page.${name}`)} · ` : "";
  const text = `${watchman.firing ? `▲ ${watchman.firing} · ` : ""}${page}Touchline`;
  if (document.title !== text) document.title = text;
}

function menu() {
  const seen = Object.entries(PAGES).filter(([, [, role, listed]]) => listed && may(role));
  fresh($("nav"), seen.map(([name]) => el("a", { href: `#${name}`, "data-page": name }, t(`page.${name || "overview"}`), name === "letters" || name === "file" ? el("b") : "")));
}

function badges({ health }) {
  const mark = (page, text, label) => {
    const badge = $("nav").querySelector(`[data-page="${page}"] b`);
    say(badge, text ? ` ${text}` : "");
    badge.title = text ? label : "";
  };
  mark("letters", health.dead_letters ? count(health.dead_letters) : "", t("vital.letters"));
  mark("file", health.config.refused ? "▲" : health.config.warnings.length ? "△" : "", t("page.file.faults"));
}

// ---- what is drawn on every page ----------------------------------------------------------------------------------

function inFlight(view) {
  return view.journeys.reduce((sum, journey) => journey.steps.reduce((inner, step) => inner + step.totals.in_flight, sum), 0);
}

function showVitals(view) {
  const { health } = view, lag = health.lag_seconds;
  const items = [
    ["rate", plain(health.events_per_second), "", false],
    ["lag", lag === null ? "–" : decimal(lag, 1), lag === null ? "" : ` ${t("unit.seconds")}`, lag > 15],
    ["in_flight", count(inFlight(view)), "", false],
    ["letters", count(health.dead_letters), "", health.dead_letters > 0],
  ];
  const vitals = $("vitals");
  if (vitals.children.length !== items.length) {
    fresh(vitals, items.map(([name]) => el("div", {}, el("dt", {}, t(`vital.${name}`)), el("dd", {}, el("span"), el("small")))));
  }
  items.forEach(([, value, unit, odd], index) => {
    const box = vitals.children[index];
    say(box.querySelector("span"), value);
    say(box.querySelector("small"), unit);
    box.classList.toggle("odd", odd);
  });
}

function draw() {
  const { view } = state;
  if (!view || !current) return;
  const { health } = view;
  time.now = health.watermark ? new Date(health.watermark).getTime() : Date.now();
  watchman.update(view.alarms);
  if (current.update) current.update(view);
  title();
  badges(view);
  showVitals(view);
  const notice = $("notice"), well = health.status === "ok";
  notice.hidden = well;
  const why = JSON.stringify([health.status, health.reason]);
  if (notice.dataset.said !== why) {
    notice.dataset.said = why;
    fresh(notice, well ? [] : [t("notice", { status: word("health.status", health.status) }), " ", english("span", health.reason || "")]);
  }
  say($("foot"), line(health.watermark ? t("foot.time", { time: dated(health.watermark) }) : t("foot.none"), t("foot.file", { file: health.config.file, hash: health.config.hash })));
  if (demo === null && health.config.file === DEMO) {
    demo = import("./demo.js");
    demo.then(({ Demo }) => $("top").append(new Demo().node));
  }
}

function showLink() {
  const link = $("link"), age = Date.now() - seenAt, lost = seenAt && age > STALE_MS;
  link.dataset.state = lost ? "lost" : seenAt ? "live" : "connecting";
  say(link, lost ? t("link.lost", { seconds: Math.round(age / 1000) }) : t(seenAt ? "link.live" : "link.connecting"));
}

function settings() {
  const languages = el("select", { id: "language", "aria-label": t("language") },
    ...Object.entries(LANGUAGES).map(([code, [name]]) => el("option", { value: code, lang: code, selected: code === language }, name)));
  languages.addEventListener("change", () => choose(languages.value));
  const out = button(t("signin.out"), async () => {
    await post("api/v1/session", {}, "DELETE");
    location.reload();
  }, { id: "sign-out" });
  const who = session.role && session.tokens ? [el("span", { class: "fine", id: "who" }, `${session.name} · ${t(`role.${session.role}`)}`), out] : [];
  fresh($("settings"), [...who, languages]);
}

// ---- start --------------------------------------------------------------------------------------------------------

function seen(view) {
  state.view = view;
  seenAt = Date.now();
  showLink();
  if (!document.hidden) requestAnimationFrame(draw);
  else { // a tab in the background still says in its title that something fires
    watchman.update(view.alarms);
    title();
  }
}

function connect() {
  source = new EventSource("api/v1/stream?view=changes");
  source.addEventListener("open", () => current && current.load && current.load()); // what came meanwhile
  source.addEventListener("view", (event) => seen(JSON.parse(event.data)));
  source.addEventListener("change", (event) => seen(patched(state.view, JSON.parse(event.data))));
  source.addEventListener("decision", (event) => {
    const decision = JSON.parse(event.data);
    for (const page of pages.values()) if (page.hear) page.hear(decision);
  });
  source.addEventListener("error", async () => {
    // The browser reconnects by itself unless the answer was no stream at all.
    if (source.readyState !== EventSource.CLOSED) return;
    if ((await whoIs()) && !session.role) signIn();
    else setTimeout(connect, 3000);
  });
}

function signIn() {
  if (source) source.close();
  current = null;
  pages.clear();
  fresh($("nav"), []);
  settings();
  const form = new SignIn(begin);
  fresh($("main"), [$("notice"), form.node]);
  $("link").hidden = true;
  form.field.focus();
}

function begin() {
  $("link").hidden = false;
  menu();
  settings();
  go();
  connect();
}

say($("skip"), t("skip"));
$("nav").setAttribute("aria-label", t("nav"));
$("skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address says which page is open
  $("main").focus();
});
showLink();
setInterval(showLink, 1000);
addEventListener("hashchange", (event) => session.role && go(event));
document.addEventListener("visibilitychange", () => { if (!document.hidden) draw(); });
onSignedOut(() => whoIs().then((known) => known && !session.role && signIn()));
await whoIs();
if (session.role) begin();
else signIn();
