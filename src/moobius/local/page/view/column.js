/** One member's column: the same component alone on a phone and beside others on a stage. */

import { Emitter } from "../client/emitter.js";
import { Room } from "../client/room.js";
import { avatar } from "./avatar.js";
import { buttonRow } from "./buttons.js";
import { canvasView } from "./canvas.js";
import { channelsView } from "./channels.js";
import { characterList } from "./characters.js";
import { composer } from "./composer.js";
import { showDialog } from "./dialog.js";
import { button, coalesced, fill, h } from "./dom.js";
import { open, place } from "./floating.js";
import { lookOf } from "./look.js";
import { pointBelow, showMenu } from "./menu.js";
import { messageLog } from "./messages.js";
import { notice } from "./notice.js";

const CONNECTION = { open: "on line", connecting: "connecting…", lost: "off line" };
const LOST = "Connection lost. Trying again; what you send waits.";

/**
 * Everything one member sees, under one root element; nothing of it is global.
 *
 * Emits `opened` with a channel (null when none is open any more), `described` when its name or
 * type is to be shown, and `left` with a channel that was left.
 */
export class Column extends Emitter {
  room = null;
  #member;
  #whoMenu;
  #who = h("div.who", {});
  #lost = h("div.lost", { role: "status" });
  #body = h("div.body", {});
  #notice = notice();

  /** `whoMenu()` returns the menu entries of whoever embeds the column (switch, sign out). */
  constructor(member, { whoMenu }) {
    super();
    this.#member = member;
    this.#whoMenu = whoMenu;
    this.root = h(
      "section.column",
      { "aria-label": `${member.profile.name}'s column`, "data-connection": member.connection },
      this.#lost,
      this.#who,
      this.#notice.root,
      this.#body,
    );
    member.on("connection", () => this.#drawConnection());
    member.on("renamed", () => this.#drawWho());
    this.#drawConnection();
  }

  /** Show a channel; history, list, canvas and the rest arrive as they come. */
  show(channel) {
    this.close();
    const room = new Room(this.#member, channel);
    this.room = room;
    const onWho = coalesced(() => this.#drawWho());
    room.on("characters", onWho);
    room.on("channel", () => this.emit("described", room.channel));
    room.on("trouble", (error) => this.#notice.say(error.message));
    room.on("style", () => this.#drawChannelLook());
    const log = messageLog(room, this.root);
    fill(
      this.#body,
      characterList(room),
      canvasView(room),
      log,
      h("p.hint.channel-hint", { hidden: true }),
      h("div.foot", {}, buttonRow(room, this.root), composer(room, this.#body)),
    );
    this.#drawWho();
    this.emit("opened", channel);
    this.emit("described", channel);
    return room.open();
  }

  /** Offer the channels in place of a room. */
  offerChannels(wanted) {
    this.close();
    const { root } = channelsView(this.#member, {
      current: null,
      wanted,
      onopen: (channel) => this.show(channel),
      ontrouble: (error) => this.#notice.say(error.message),
    });
    fill(this.#body, h("div.lobby", {}, h("h2", {}, "Choose a channel"), root));
    this.#drawWho();
    this.emit("opened", null);
    this.emit("described", null);
  }

  /** Open the panel to switch, join, create or leave, near the element that asked for it. */
  async switchChannel(near) {
    const { root, ready } = channelsView(this.#member, {
      current: this.room?.channel ?? null,
      onopen: (channel) => {
        close();
        this.show(channel);
      },
      onleft: (channel) => {
        close();
        this.emit("left", channel);
        this.offerChannels();
      },
      ontrouble: (error) => this.#notice.say(error.message),
    });
    await ready;
    const attributes = { role: "dialog", "aria-label": "Channels", tabindex: "-1" };
    const panel = h("div.panel", attributes, root);
    const close = open(this.root, panel);
    place(panel, this.root, pointBelow(near));
  }

  /** Say something to the person in this column. */
  say(text) {
    this.#notice.say(text);
  }

  close() {
    this.room?.close();
    this.room = null;
    this.#notice.clear();
  }

  #drawWho() {
    const { profile, email } = this.#member;
    const me = button(
      ".me",
      {
        "aria-haspopup": "menu",
        "aria-label": `You are ${profile.name}. Switch or sign out`,
        title: email,
        onclick: () => this.#openWhoMenu(me),
      },
      avatar(profile),
      h(
        "span.names",
        {},
        h("strong", {}, profile.name),
        h("span.soft", {}, this.#seen() ?? email),
      ),
      h("span.caret", { "aria-hidden": "true" }, "▾"),
    );
    const state = this.#member.connection;
    fill(this.#who, me, h("span.soft.connection", { "data-state": state }, CONNECTION[state]));
  }

  #seen() {
    if (!this.room) return null;
    const { length } = this.room.characters;
    if (!length) return "sees nobody yet";
    return `sees ${length} ${length === 1 ? "character" : "characters"}`;
  }

  #openWhoMenu(near) {
    const rename = { text: "Change my name…", choose: () => this.#rename() };
    showMenu(this.root, "Who am I", [...this.#whoMenu(rename)], pointBelow(near));
  }

  #rename() {
    const name = { label: "Name", type: "text", required: true };
    showDialog(this.root, { title: "My name", components: [name] }, ([{ value }]) => {
      this.#member.rename(value.trim()).catch((error) => this.#notice.say(error.message));
    });
  }

  #drawConnection() {
    const state = this.#member.connection;
    this.root.dataset.connection = state;
    fill(this.#lost, state === "lost" && LOST);
    this.#drawWho();
  }

  /** A style may also speak of the channel as a whole. */
  #drawChannelLook() {
    const { highlighted, hint } = lookOf(this.room.style, "channel");
    const line = this.#body.querySelector(".channel-hint");
    line.hidden = !hint;
    fill(line, hint);
    this.#body.classList.toggle("highlighted", highlighted);
  }
}
