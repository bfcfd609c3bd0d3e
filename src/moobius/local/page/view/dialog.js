/** A service's dialog (platform.md 3.12), opened inside the member's column. */

import { button, fill, h } from "./dom.js";
import { open } from "./floating.js";

const DEFAULT_BOTTOM = [{ id: "confirm", text: "Confirm", submit: true }];

const input = (type) => (attributes) => h("input", { type, ...attributes });

/** Type of a component to its control; an unknown type is typed as text. */
const CONTROLS = {
  __proto__: null,
  text: input("text"),
  number: (attributes) => h("input", { type: "number", step: "any", ...attributes }),
  password: (attributes) => h("input", { type: "password", autocomplete: "off", ...attributes }),
  textbox: (attributes) => h("textarea", { rows: 4, ...attributes }),
  dropdown: ({ placeholder, ...attributes }, { choices }) =>
    h(
      "select",
      attributes,
      h("option", { value: "" }, placeholder || "Choose…"),
      (choices ?? []).map((choice) => h("option", { value: String(choice) }, String(choice))),
    ),
};

let dialogs = 0;

/**
 * Show a dialog; `onsubmit(args, bottomButtonId)` hears of a submitting button only.
 *
 * A bottom button with `submit: false` and Esc just close it.
 */
export function showDialog(host, dialog, onsubmit) {
  const id = `dialog-${++dialogs}`;
  const fields = (dialog.components ?? []).map((component, index) =>
    field(component, `${id}-${index}`),
  );
  const bottoms = dialog.bottom_buttons?.length ? dialog.bottom_buttons : DEFAULT_BOTTOM;
  const form = h("form.fields", {});
  const press = ({ id: bottom, submit }) => {
    if (submit === false) return close();
    if (!form.reportValidity()) return;
    close();
    onsubmit(
      fields.map(({ component, control }) => ({ label: component.label, value: control.value })),
      bottom ?? "confirm",
    );
  };
  const main = bottoms.findLast(({ submit }) => submit !== false);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (main) press(main);
  });
  fill(
    form,
    fields.map(({ row }) => row),
    h(
      "div.bottom",
      {},
      bottoms.map((bottom) =>
        h(
          bottom === main ? "button.primary" : "button",
          { type: bottom === main ? "submit" : "button", onclick: other(bottom, main, press) },
          bottom.text ?? bottom.id,
        ),
      ),
    ),
  );
  const title = h("h2", { id }, dialog.title || "Dialog");
  const shut = button(".quiet.shut", { "aria-label": "Close", onclick: () => close() }, "×");
  const panel = h(
    "div.dialog",
    { role: "dialog", "aria-modal": "true", "aria-labelledby": id, tabindex: "-1" },
    h("header", {}, title, shut),
    form,
  );
  const close = open(host, panel, {
    modal: true,
    first: () => fields[0]?.control ?? form.querySelector("button"),
  });
  return close;
}

/** The main button submits the form by itself, also on Enter. */
const other = (bottom, main, press) => (bottom === main ? null : () => press(bottom));

function field(component, id) {
  const { label, type, required, placeholder } = component;
  const make = CONTROLS[type] ?? CONTROLS.text;
  const control = make({ id, required: Boolean(required), placeholder }, component);
  const star = required ? h("span.required", { "aria-hidden": "true" }, " *") : null;
  const row = h("div.field", {}, h("label", { for: id }, label, star), control);
  return { component, control, row };
}
