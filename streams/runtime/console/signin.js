// Signing in with a token of the file.

import { el, say } from "./dom.js";
import { post, refused, session } from "./service.js";
import { t } from "./texts.js";

export class SignIn {
  constructor(done) {
    this.field = el("input", { type: "password", required: true, autocomplete: "current-password", id: "token" });
    this.told = el("p", { class: "wrong", role: "alert" });
    const form = el("form", { class: "box signin" }, el("h2", { id: "signin-title", tabindex: "-1" }, t("signin.title")),
      el("p", { class: "fine" }, t("signin.means")), el("label", { for: "token" }, t("signin.token")), this.field,
      el("button", { type: "submit", class: "act" }, t("signin.do")), this.told);
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const answer = await post("api/v1/session", { token: this.field.value });
      say(this.told, answer.ok ? "" : refused(answer, "signin"));
      if (!answer.ok) return this.field.select();
      this.field.value = "";
      Object.assign(session, answer.body);
      return done();
    });
    this.node = el("section", { id: "signin", "aria-labelledby": "signin-title" }, form);
  }
}
