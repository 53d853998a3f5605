// The service: who is signed in, asking it, telling it, and why it says no.

import { el, remember, remembered } from "./dom.js";
import { t } from "./texts.js";

const ROLES = ["viewer", "agent", "admin"];
export const session = { role: null, name: null, tokens: false };
export const may = (role) => ROLES.indexOf(session.role) >= ROLES.indexOf(role);

let whenOut = () => {};
export const onSignedOut = (act) => { whenOut = act; };

// An answer as {status, body}; status 0: nothing was reached.
async function ask(path, options = {}) {
  try {
    const answer = await fetch(path, options);
    const json = (answer.headers.get("Content-Type") || "").includes("json");
    const body = json ? await answer.json() : null;
    if (answer.status === 401 && path !== "api/v1/session") whenOut();
    return { ok: answer.ok, status: answer.status, body };
  } catch {
    return { ok: false, status: 0, body: null };
  }
}

export const get = (path) => ask(path);
export const post = (path, body = {}, method = "POST") =>
  ask(path, { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

// Why something was not done, in words; `about` has words of its own for some statuses.
export function refused({ status, body }, about) {
  const own = t(`refused.${about}.${status}`);
  if (!own.startsWith("refused.")) return own;
  if (status === 422 && body && body.detail) return body.detail;
  const common = t(`refused.${status}`);
  return common.startsWith("refused.") ? t("refused.other", { status: String(status) }) : common;
}

export async function whoIs() {
  const { ok, body } = await get("api/v1/session");
  if (ok) Object.assign(session, body);
  return ok;
}

const fields = []; // in which somebody says who they are: all of them show the same

export function nameField() {
  const field = el("input", { type: "text", maxlength: "80", autocomplete: "name", placeholder: t("name.yours") });
  field.value = remembered("name", null, session.name || "");
  field.addEventListener("change", () => {
    remember("name", field.value.trim());
    for (const other of fields) if (other !== field) other.value = field.value;
  });
  fields.push(field);
  return field;
}

export const byWhom = () => (fields.length && fields[0].value.trim()) || session.name || "console";
