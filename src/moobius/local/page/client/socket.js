/**
 * One member's WebSocket (platform.md 3): log in first, keep alive, come back, lose nothing.
 *
 * A frame counts as sent when the Platform's `copy` says so. Until then it is kept, and sent again
 * in its original order, with its original `request_id`, after every reconnect; the Platform
 * acknowledges a repeat without doing it twice.
 */

import { pause, pauseBefore } from "./backoff.js";
import { Expired } from "./session.js";

const HEARTBEAT_MS = 15_000;
const UNANSWERED_MS = 60_000;
const LARGEST_FRAME = 32 * 1024;
/** Texts of a negative `copy` that mean "log in (again)" (platform.md 3.3). */
const NOT_LOGGED_IN = /login yet|access_token/;

/** The Platform refused a frame; the message is its reason. */
export class Refused extends Error {
  constructor(message) {
    super(message || "The Platform refused this without giving a reason.");
    this.name = "Refused";
  }
}

/** A connection that comes back by itself; `state` is "connecting", "open" or "lost". */
export class Socket {
  state = "connecting";
  #url;
  #session;
  #hooks;
  #socket = null;
  #stopped = false;
  #attempt = 0;
  #heartbeat = null;
  #unanswered = false; // a heartbeat of this connection still waits for its copy
  #kept = new Map(); // request_id -> entry, in the order of sending
  #login = null;
  #waiting = []; // resolvers of opened()

  /** `hooks`: onFrame(frame), onState(state), onOpen(again), onExpired(error), identity(). */
  constructor(url, session, hooks) {
    this.#url = url;
    this.#session = session;
    this.#hooks = hooks;
  }

  start() {
    this.#dial();
    window.addEventListener("online", this.#hurry);
  }

  stop() {
    this.#stopped = true;
    clearInterval(this.#heartbeat);
    window.removeEventListener("online", this.#hurry);
    this.#socket?.close();
  }

  /** Send a frame and resolve to the body of its `copy`; a lost connection only delays it. */
  send(type, body) {
    const request_id = crypto.randomUUID();
    const text = JSON.stringify({ type, request_id, user_id: this.#hooks.identity(), body });
    const size = new TextEncoder().encode(text).length;
    if (size > LARGEST_FRAME) {
      const [has, may] = [size, LARGEST_FRAME].map((bytes) => Math.ceil(bytes / 1024));
      return Promise.reject(new Refused(`This is too long: ${has} KiB, at most ${may} KiB.`));
    }
    return new Promise((resolve, reject) => {
      const entry = { text, resolve, reject, since: Date.now() };
      this.#kept.set(request_id, entry);
      if (this.state === "open") this.#socket.send(text);
    });
  }

  /** Resolve as soon as the connection is open and logged in. */
  opened() {
    if (this.state === "open") return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #hurry = () => {
    this.#attempt = 0;
  };

  #dial() {
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    socket.onopen = () => this.#logIn(socket);
    socket.onmessage = ({ data }) => socket === this.#socket && this.#receive(data);
    socket.onclose = () => socket === this.#socket && this.#lost();
  }

  async #logIn(socket) {
    try {
      await this.#askToLogIn(socket);
    } catch (error) {
      if (!(error instanceof Refused)) return socket.close();
      try {
        await this.#session.renew();
        await this.#askToLogIn(socket);
      } catch (second) {
        if (second instanceof Expired) return this.#expire(second);
        return socket.close();
      }
    }
    if (socket === this.#socket && socket.readyState === WebSocket.OPEN) this.#ready(socket);
  }

  #askToLogIn(socket) {
    const request_id = crypto.randomUUID();
    const access_token = this.#session.access;
    const frame = { type: "user_login", request_id, auth_origin: "cognito", access_token };
    return new Promise((resolve, reject) => {
      this.#login = { request_id, resolve, reject };
      if (socket.readyState !== WebSocket.OPEN) return reject(new Error("closed"));
      socket.send(JSON.stringify(frame));
    });
  }

  #ready(socket) {
    const again = this.state === "lost";
    this.#attempt = 0;
    this.#unanswered = false;
    for (const entry of this.#kept.values()) {
      entry.since = Date.now();
      socket.send(entry.text);
    }
    this.#heartbeat = setInterval(() => this.#beat(), HEARTBEAT_MS);
    this.#enter("open");
    for (const resolve of this.#waiting.splice(0)) resolve();
    this.#hooks.onOpen(again);
  }

  #beat() {
    if (this.#unanswered) return this.#socket.close();
    this.#unanswered = true;
    const frame = { type: "heartbeat", request_id: crypto.randomUUID(), body: {} };
    this.#socket.send(JSON.stringify(frame));
    this.#letGo();
  }

  /** Give up on frames that a live connection leaves unanswered, so that none waits for ever. */
  #letGo() {
    const limit = Date.now() - UNANSWERED_MS;
    for (const [request_id, entry] of this.#kept) {
      if (entry.since > limit) continue;
      this.#kept.delete(request_id);
      entry.reject(new Refused("The Platform did not answer."));
    }
  }

  #receive(data) {
    const frame = JSON.parse(data);
    if (frame.type === "copy") this.#acknowledged(frame.body);
    else if (frame.type) this.#hooks.onFrame(frame);
    else console.warn("The Platform reports:", frame.message);
  }

  #acknowledged({ request_id, origin_type, status, context }) {
    if (origin_type === "heartbeat") this.#unanswered = false;
    const login = this.#login?.request_id === request_id;
    const entry = login ? this.#login : this.#kept.get(request_id);
    if (!entry) return;
    const reason = context?.message ?? "";
    // Kept, not rejected: it goes out again behind the next login.
    if (!status && !login && NOT_LOGGED_IN.test(reason)) return void this.#socket.close();
    if (login) this.#login = null;
    else this.#kept.delete(request_id);
    if (status) entry.resolve({ request_id, context });
    else entry.reject(new Refused(reason));
  }

  async #lost() {
    clearInterval(this.#heartbeat);
    this.#login?.reject(new Error("closed"));
    this.#login = null;
    if (this.#stopped) return;
    this.#enter("lost");
    await pause(pauseBefore(this.#attempt++));
    if (!this.#stopped) this.#dial();
  }

  #expire(error) {
    this.stop();
    this.#hooks.onExpired(error);
  }

  #enter(state) {
    this.state = state;
    this.#hooks.onState(state);
  }
}
