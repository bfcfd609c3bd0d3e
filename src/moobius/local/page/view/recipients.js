/** Who will read the next message: everyone, the service, or those who are ticked. */

import { button, coalesced, fill, h } from "./dom.js";
import { listed } from "./text.js";

/** More chips than this nobody ticks by hand. */
const MOST = 200;

/**
 * The chips. `audience` is "all", "service" or a list of ids.
 *
 * A ticked character that leaves the list stays ticked: a private message must never widen to
 * everyone because its reader has just gone.
 */
export class Recipients {
  audience = "all";
  #room;
  #chips = h("div.chips", { role: "group", "aria-label": "Recipients" });
  #onchange;

  constructor(room, onchange) {
    this.#room = room;
    this.#onchange = onchange;
    const to = h("span.soft", { "aria-hidden": "true" }, "To");
    this.root = h("div.recipients", {}, to, this.#chips);
    room.on("characters", coalesced(() => this.#draw()));
    this.#draw();
  }

  /** Who will read it, for the composer: "everyone", "the service", "Bob and Meow". */
  get words() {
    if (this.audience === "all") return "everyone";
    if (this.audience === "service") return "the service";
    return listed(this.audience.map((id) => this.#room.member.profiles.get(id).name));
  }

  #choose(audience) {
    this.audience = audience;
    this.#draw();
  }

  #toggle(id) {
    const ticked = Array.isArray(this.audience) ? this.audience : [];
    const next = ticked.includes(id) ? ticked.filter((other) => other !== id) : [...ticked, id];
    this.#choose(next.length ? next : "all");
  }

  #draw() {
    const ticked = Array.isArray(this.audience) ? this.audience : [];
    const seen = [...new Set(this.#room.characters)];
    const gone = ticked.filter((id) => !seen.includes(id));
    const focused = this.#chips.contains(document.activeElement)
      ? document.activeElement.dataset.id
      : null;
    fill(
      this.#chips,
      this.#chip("all", "All", this.audience === "all", () => this.#choose("all")),
      this.#chip("service", "Service", this.audience === "service", () => this.#choose("service")),
      [...seen.slice(0, MOST), ...gone].map((id) => {
        const { name } = this.#room.member.profiles.get(id);
        const chip = this.#chip(id, name, ticked.includes(id), () => this.#toggle(id));
        if (gone.includes(id)) chip.title = `${name} is no longer in your list`;
        chip.classList.toggle("gone", gone.includes(id));
        return chip;
      }),
    );
    if (focused) [...this.#chips.children].find(({ dataset }) => dataset.id === focused)?.focus();
    this.#onchange();
  }

  #chip(id, name, pressed, onclick) {
    return button(".chip", { "data-id": id, "aria-pressed": `${pressed}`, onclick }, name);
  }
}
