/** One channel as one member sees it: what has arrived, and what can be done. No drawing. */

import { Unreachable } from "./api.js";
import { pause } from "./backoff.js";
import { Emitter } from "./emitter.js";
import { HISTORY_PAGE } from "./endpoints.js";
import { change, fromWire, merge, receive } from "./timeline.js";
import { upload } from "./upload.js";

/** Subtype of an update to what it changes; each update replaces the whole of it. */
const UPDATES = {
  __proto__: null,
  characters: (room, { characters }) => room.showCharacters(characters),
  buttons: (room, content) => room.replace("buttons", content),
  canvas: (room, content) => room.replace("canvas", content),
  style: (room, content) => room.replace("style", content),
  menu: (room, content) => room.replace("menu", content),
  channel_info: (room, content) => room.describe(content),
};

const FRAMES = {
  __proto__: null,
  message_down: (room, body) => room.receive(body),
  update: (room, body) => (UPDATES[body.subtype] ?? unknown)(room, body.content, body.subtype),
};

const unknown = (room, content, what) => console.warn("nothing is drawn for", what, content);

/**
 * Emits the name of what changed (`characters`, `buttons`, `canvas`, `style`, `menu`, `messages`,
 * `channel`) and `trouble` with an error that concerns the person.
 */
export class Room extends Emitter {
  characters = []; // ids, in the order of the service
  characterList = false; // whether the service has sent a list yet
  buttons = [];
  canvas = [];
  style = [];
  menu = [];
  messages = [];
  hasEarlier = false;
  loaded = false; // whether the history has come; what came with it is not news
  #stops = [];
  #newestList = 0;
  #outgoing = Promise.resolve();
  #lastTimestamp = 0;

  constructor(member, channel) {
    super();
    this.member = member;
    this.channel = channel;
  }

  get id() {
    return this.channel.channel_id;
  }

  /** A channel with no service bound: members reach each other directly (platform.md 4.6). */
  get isDirect() {
    return this.channel.channel_context?.channel_type === "dcs";
  }

  /** Listen, fetch the history and ask for the view; again after every reconnect. */
  async open() {
    this.#stops = [
      this.member.on("frame", ({ type, body }) => {
        if (body?.channel_id === this.id) (FRAMES[type] ?? unknown)(this, body, type);
      }),
      this.member.on("opened", () => this.look()),
    ];
    if (this.member.connection === "open") await this.look();
  }

  close() {
    for (const stop of this.#stops) stop();
  }

  /** Fetch the latest history, then ask the service (or the Platform) for everything else. */
  async look() {
    await this.#attempt(() => this.loadHistory());
    this.loaded = true;
    this.emit("messages");
    await this.#attempt(() => this.member.act("refresh", this.id));
  }

  async loadHistory(before) {
    const items = await this.member.calls.history(this.id, before);
    if (before !== undefined || !this.messages.length) {
      this.hasEarlier = items.length >= HISTORY_PAGE;
    }
    const page = items.map((item) => fromWire(item, this.member.id)).reverse();
    this.#setMessages(merge(this.messages, page));
    await this.#learn(page);
  }

  loadEarlier() {
    const oldest = this.messages.find((message) => message.id);
    return this.#attempt(() => this.loadHistory(oldest && oldest.timestamp / 1000));
  }

  receive(body) {
    const message = fromWire(body, this.member.id);
    this.#setMessages(receive(this.messages, message));
    return this.#attempt(() => this.#learn([message]));
  }

  replace(what, content) {
    this[what] = content ?? [];
    this.emit(what);
  }

  /** Resolve a character list; when two arrive together, the later one wins. */
  async showCharacters(group) {
    const turn = ++this.#newestList;
    await this.#attempt(async () => {
      const characters = await this.member.groups.listOf(group);
      await this.member.profiles.learn(characters);
      if (turn !== this.#newestList) return;
      this.characters = characters;
      this.characterList = true;
      this.emit("characters");
      this.emit("messages"); // names may have been learnt
    });
  }

  describe({ channel_name, context }) {
    const channel_context = { ...this.channel.channel_context, ...context };
    this.channel = { ...this.channel, channel_context };
    if (channel_name) this.channel.channel_name = channel_name;
    this.emit("channel");
  }

  /** Say something to "all", "service" or a list of ids. It shows at once, and sends in turn. */
  say(subtype, content, audience) {
    this.#lastTimestamp = Math.max(Date.now(), this.#lastTimestamp + 1);
    const message = {
      key: `mine-${this.#lastTimestamp}`,
      id: null,
      mine: true,
      echo: false,
      sender: this.member.id,
      subtype,
      content,
      timestamp: this.#lastTimestamp,
      group: null,
      recipients: audience === "all" ? [...this.characters] : audience,
      audience,
      state: "waiting",
    };
    this.#setMessages([...this.messages, message]);
    return this.#send(message);
  }

  /** Upload a file and say it; resolves when it is stored, not when the message has left. */
  async attach(file, audience) {
    const { subtype, content } = await upload(this.member.calls, file);
    this.say(subtype, content, audience);
  }

  /** Send a message that failed once more. */
  repeat(message) {
    this.#setMessages(change(this.messages, message.key, { state: "waiting", error: null }));
    return this.#send(message);
  }

  click(button, args, bottom_button_id) {
    const fields = { button_id: button.button_id, arguments: args, bottom_button_id };
    return this.#attempt(() => this.member.act("button_click", this.id, fields));
  }

  /** Choose a menu item for a message; a message of our own learns its id from the history first. */
  choose(item, message, args, bottom_button_id) {
    return this.#attempt(async () => {
      if (!message.id) await this.loadHistory();
      const known = this.messages.find((other) => other.key === message.key) ?? message;
      await this.member.act("menu_item_click", this.id, {
        menu_item_id: item.menu_item_id,
        message_id: known.id,
        message_subtype: known.subtype,
        message_content: known.content,
        arguments: args,
        bottom_button_id,
      });
    });
  }

  /** Prepare one message after the other, so that they leave in the order they were written. */
  #send(message) {
    const { key, subtype, content, timestamp } = message;
    const left = this.#outgoing.then(async () => {
      const recipients = await this.#recipientsOf(message);
      const body = { subtype, channel_id: this.id, content, recipients, timestamp, context: {} };
      return { copy: this.member.socket.send("message_up", body) };
    });
    this.#outgoing = left.catch(() => {});
    return left
      .then(({ copy }) => copy)
      .then(
        () => this.#setMessages(change(this.messages, key, { state: "sent" })),
        (error) =>
          this.#setMessages(change(this.messages, key, { state: "failed", error: error.message })),
      );
  }

  /** Return what `message_up` wants: a group id, "service", or "" for whoever was shown last. */
  async #recipientsOf({ audience, recipients }) {
    if (audience === "service") return "service";
    if (!recipients.length) return ""; // no list yet: the Platform knows it better (3.7)
    for (;;) {
      await this.member.socket.opened();
      try {
        return await this.member.groups.idOf(this.id, recipients);
      } catch (error) {
        if (!(error instanceof Unreachable)) throw error;
        await pause(1_000);
      }
    }
  }

  #setMessages(messages) {
    this.messages = messages;
    this.emit("messages");
  }

  /** Learn who sent these messages and who our own ones went to. */
  async #learn(messages) {
    const { groups, profiles } = this.member;
    const unknownAudience = messages.filter(({ mine, group, recipients }) => {
      return mine && group && !recipients;
    });
    const found = await Promise.all(
      unknownAudience.map(async ({ key, group }) => {
        const service = group === "service";
        return { key, recipients: service ? "service" : await groups.listOf(group) };
      }),
    );
    for (const { key, recipients } of found) {
      this.messages = change(this.messages, key, { recipients });
    }
    const senders = messages.map(({ sender }) => sender);
    const learnt = await profiles.learn([
      ...senders,
      ...found.flatMap(({ recipients }) => (recipients === "service" ? [] : recipients)),
    ]);
    if (learnt || found.length) this.emit("messages");
  }

  /** Do something whose failure the person should read about, unless the connection bar says it. */
  async #attempt(action) {
    try {
      await action();
    } catch (error) {
      if (!(error instanceof Unreachable)) this.emit("trouble", error);
    }
  }
}
