/** Everything of one member that is not drawing: session, socket, caches, rooms. */

import { Emitter } from "./emitter.js";
import { endpoints } from "./endpoints.js";
import { Groups } from "./groups.js";
import { Profiles } from "./profiles.js";
import { Socket } from "./socket.js";

/**
 * One signed-in person; several may live in one page and share nothing.
 *
 * Emits `frame`, `connection` (its state), `opened` (true when it is a reconnect) and `expired`.
 */
export class Member extends Emitter {
  constructor(session, { user_id, context, email }) {
    super();
    this.session = session;
    this.id = user_id;
    this.email = email;
    this.calls = endpoints(session);
    this.groups = new Groups(this.calls);
    this.profiles = new Profiles(this.calls);
    this.profiles.set(user_id, context);
    this.socket = new Socket(socketAddress(), session, {
      identity: () => this.id,
      onFrame: (frame) => this.emit("frame", frame),
      onState: (state) => this.emit("connection", state),
      onOpen: (again) => this.emit("opened", again),
      onExpired: (error) => this.emit("expired", error),
    });
  }

  /** Ask the Platform who this session belongs to. */
  static async of(session) {
    return new Member(session, await endpoints(session).me());
  }

  get profile() {
    return this.profiles.get(this.id);
  }

  get connection() {
    return this.socket.state;
  }

  /** Do something in a channel (platform.md 3.10): refresh, join, leave, button_click, ... */
  act(subtype, channel_id, fields = {}) {
    return this.socket.send("action", { subtype, channel_id, context: {}, ...fields });
  }

  async rename(name) {
    const { description } = this.profile;
    await this.calls.rename(name, description);
    this.profiles.set(this.id, { ...this.profile, name });
    this.emit("renamed", name);
  }
}

function socketAddress() {
  const { protocol, host } = window.location;
  return `${protocol === "https:" ? "wss:" : "ws:"}//${host}/ws`;
}
