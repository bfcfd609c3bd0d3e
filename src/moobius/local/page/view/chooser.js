/** Who are you? Ready-made people in developer mode, and signing in or up. */

import { signIn, signUp } from "../client/session.js";
import { avatar } from "./avatar.js";
import { button, fill, h } from "./dom.js";

/**
 * Return the card that asks.
 *
 * Args:
 *   people: The ready-made people; none outside developer mode.
 *   reason: Why it is asked again, if there is a reason.
 *   onperson: Called with a ready-made person.
 *   onsession: Called with the session of who signed in.
 */
export function chooser({ people, reason, onperson, onsession }) {
  const trouble = h("p.trouble", { role: "alert" }, reason);
  const attempt = async (action) => {
    fill(trouble);
    try {
      await action();
    } catch (error) {
      fill(trouble, error.message);
    }
  };
  return h(
    "main.chooser",
    { "aria-labelledby": "who" },
    h("h1", { id: "who" }, "Who are you?"),
    trouble,
    people.length > 0 && readyMade(people, (person) => attempt(() => onperson(person))),
    signInForm(people.length > 0, attempt, onsession),
  );
}

function readyMade(people, choose) {
  return h(
    "section",
    { "aria-label": "Ready-made people" },
    h("p.soft", {}, "Ready-made people, for trying things out. Each tab can be somebody else."),
    h(
      "ul.people",
      {},
      people.map((person) =>
        h(
          "li",
          {},
          button(
            ".person",
            { "aria-label": person.name, title: person.email, onclick: () => choose(person) },
            avatar({ ...person, id: person.user_id }),
            h("span", {}, person.name),
          ),
        ),
      ),
    ),
  );
}

function signInForm(second, attempt, onsession) {
  const email = h("input", {
    id: "email",
    type: "email",
    required: true,
    autocomplete: "username",
  });
  const password = h("input", {
    id: "password",
    type: "password",
    required: true,
    autocomplete: "current-password",
  });
  const go = (how) => attempt(async () => onsession(await how(email.value.trim(), password.value)));
  const onsubmit = (event) => {
    event.preventDefault();
    go(signIn);
  };
  const form = h(
    "form.fields",
    { "aria-label": "Sign in", onsubmit },
    second && h("p.soft", {}, "Or as yourself:"),
    h("div.field", {}, h("label", { for: "email" }, "E-mail"), email),
    h("div.field", {}, h("label", { for: "password" }, "Password"), password),
  );
  const up = () => form.reportValidity() && go(signUp);
  form.append(
    h(
      "div.bottom",
      {},
      button("", { onclick: up }, "Sign up"),
      h("button.primary", { type: "submit" }, "Sign in"),
    ),
  );
  return form;
}
