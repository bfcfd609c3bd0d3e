/** The messages of a room: grouped, with days, at the bottom unless the reader scrolled up. */

import { avatar } from "./avatar.js";
import { brokenContent, contentOf } from "./content.js";
import { button, coalesced, fill, h } from "./dom.js";
import { arrows } from "./floating.js";
import { itemsFor, pointBelow, showMenu } from "./menu.js";
import { showDialog } from "./dialog.js";
import { listed } from "./text.js";
import { dayName, dayOf, timeOf } from "./time.js";

const GROUP_MS = 5 * 60_000;
const NEAR_BOTTOM_PX = 48;

/** Return the element that shows, and keeps showing, the messages of a room. */
export function messageLog(room, host) {
  const rows = new Map(); // key -> {mark, elements}
  const list = h("div.rows", {});
  const empty = h("p.empty", {});
  const loadEarlier = () => room.loadEarlier();
  const earlier = button(".quiet.earlier", { onclick: loadEarlier }, "Earlier messages");
  const log = h(
    "div.log",
    { role: "log", "aria-label": "Messages", "aria-live": "polite", tabindex: "0" },
    earlier,
    empty,
    list,
  );
  const jump = { hidden: true, onclick: () => toBottom() };
  const latest = button(".latest", jump, "Latest messages ↓");
  const root = h("div.messages", {}, log, latest);
  let atBottom = true;
  let top = 0;
  let ends = [null, null]; // keys of the first and the last message drawn

  const toBottom = () => {
    log.scrollTop = log.scrollHeight;
  };
  const draw = coalesced(() => {
    const [first, last] = ends;
    const height = log.scrollHeight;
    ends = [room.messages[0]?.key, room.messages.at(-1)?.key];
    earlier.hidden = !room.hasEarlier;
    empty.hidden = room.messages.length > 0;
    fill(empty, emptyText(room));
    reconcile(list, rows, elementsOf(room, host, rows));
    log.setAttribute("aria-busy", String(!room.loaded));
    // What one writes oneself is always shown; earlier messages push nothing away.
    if (last !== ends[1] && room.messages.at(-1)?.state === "waiting") atBottom = true;
    if (atBottom) toBottom();
    else if (first !== ends[0] && log.scrollTop === 0) log.scrollTop = log.scrollHeight - height;
    latest.hidden = atBottom;
  });

  log.addEventListener("scroll", () => {
    const near = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_BOTTOM_PX;
    // Only the reader scrolls up: pictures that load later push the end down without that.
    atBottom = near || (atBottom && log.scrollTop >= top);
    top = log.scrollTop;
    latest.hidden = atBottom;
  });
  // Pictures arrive later than their messages, and the canvas may take room away.
  const resized = new ResizeObserver(() => atBottom && toBottom());
  resized.observe(list);
  resized.observe(log);
  arrows(log, () => [...list.querySelectorAll(".message")]);
  for (const what of ["messages", "menu", "characters", "channel"]) room.on(what, draw);
  draw();
  return root;
}

function emptyText(room) {
  if (!room.isDirect) return "No messages yet. What you write goes to the service, which decides.";
  return [
    "No service is bound to this channel: members reach each other directly. Start one: ",
    h("code", {}, "python main.py"),
  ];
}

/** Return `[key, elements]` of every message, drawn anew only where something changed. */
function elementsOf(room, host, rows) {
  let before = null;
  return room.messages.map((message) => {
    const drawn = drawnOf(room, host, message, before, rows.get(message.key));
    before = message;
    return [message.key, drawn];
  });
}

const BROKEN = "broken"; // the mark of a message that cannot be drawn

/** Draw a message, or say in its place that it cannot be: one bad message hides no other. */
function drawnOf(room, host, message, before, known) {
  try {
    const view = viewOf(room, message, before);
    const mark = JSON.stringify([message, view]);
    if (known?.mark === mark) return known;
    const elements = [row(room, host, message, view)];
    if (view.newDay) elements.unshift(h("div.day", { role: "separator" }, view.newDay));
    return { mark, elements };
  } catch (error) {
    if (known?.mark === BROKEN) return known;
    console.error("a message cannot be drawn:", message, error);
    return { mark: BROKEN, elements: [brokenRow(message)] };
  }
}

const brokenRow = ({ id }) =>
  h(
    "div.message.theirs",
    { role: "article", tabindex: "-1", "data-message-id": id },
    h("div.bubble", {}, brokenContent()),
  );

/** Everything the drawing of a message depends on besides the message itself. */
function viewOf(room, message, before) {
  const newDay = !before || dayOf(before.timestamp) !== dayOf(message.timestamp);
  const grouped =
    !newDay &&
    before.sender === message.sender &&
    before.mine === message.mine &&
    before.echo === message.echo &&
    message.timestamp - before.timestamp < GROUP_MS &&
    audienceText(room, before) === audienceText(room, message);
  return {
    newDay: newDay && dayName(message.timestamp),
    grouped,
    sender: room.member.profiles.get(message.sender),
    audience: audienceText(room, message),
    hasMenu: itemsFor(room.menu, message).length > 0,
  };
}

/** "All", "Service" or the names of those a message of our own went to. */
function audienceText(room, { mine, recipients }) {
  if (!mine || recipients === null) return "";
  if (recipients === "service") return "Service";
  if (!recipients.length || recipients.join() === room.characters.join()) return "All";
  return listed(recipients.map((id) => room.member.profiles.get(id).name));
}

function row(room, host, message, view) {
  const { sender, grouped, audience, hasMenu } = view;
  const time = timeOf(message.timestamp);
  const who = message.mine ? (audience ? `to ${audience}` : "") : sender.name;
  const meta = [who, message.echo && "echo", time].filter(Boolean).join(" · ");
  const kind = message.mine ? "mine" : message.echo ? "echo" : "theirs";
  const more = hasMenu
    ? button(
        ".quiet.more",
        { "aria-label": "Message actions", "aria-haspopup": "menu", title: "Message actions" },
        "⋯",
      )
    : null;
  const element = h(
    `div.message.${kind}${grouped ? ".grouped" : ""}`,
    {
      role: "article",
      tabindex: "-1",
      "aria-label": message.mine ? `You ${meta}` : meta,
      "data-message-id": message.id,
      "data-state": message.state,
    },
    message.mine ? null : avatar(sender),
    h("div.bubble", { title: time }, h("div.meta", {}, meta), contentOf(message, sender.name)),
    more,
    stateOf(room, message),
  );
  if (hasMenu) offerMenu(element, more, room, host, message);
  return element;
}

const STATES = {
  sent: () => null,
  waiting: () => h("div.state", {}, "Waiting to be sent…"),
  failed: (room, message) =>
    h(
      "div.state.failed",
      { role: "alert" },
      `Not sent. ${message.error} `,
      button(".quiet", { onclick: () => room.repeat(message) }, "Send again"),
    ),
};

const stateOf = (room, message) => STATES[message.state](room, message);

function offerMenu(element, more, room, host, message) {
  const show = (point) => {
    const entries = itemsFor(room.menu, message).map((item) => ({
      text: item.menu_item_text,
      choose: () => {
        if (!item.dialog) return room.choose(item, message, [], "confirm");
        return showDialog(host, item.dialog, (args, bottom) => {
          room.choose(item, message, args, bottom);
        });
      },
    }));
    showMenu(host, "Message actions", entries, point);
  };
  more.addEventListener("click", () => show(pointBelow(more)));
  element.addEventListener("contextmenu", (event) => {
    event.preventDefault();
    show({ x: event.clientX, y: event.clientY });
  });
  element.addEventListener("keydown", (event) => {
    if (event.key !== "ContextMenu" && !(event.key === "F10" && event.shiftKey)) return;
    event.preventDefault();
    show(pointBelow(element.querySelector(".bubble")));
  });
}

/** Bring the list to this state and touch only what differs, so that a playing sound plays on. */
function reconcile(list, rows, wanted) {
  const keep = new Set(wanted.flatMap(([, { elements }]) => elements));
  for (const element of [...list.children]) if (!keep.has(element)) element.remove();
  let next = list.firstChild;
  for (const element of keep) {
    if (element === next) next = next.nextSibling;
    else list.insertBefore(element, next);
  }
  rows.clear();
  for (const [key, value] of wanted) rows.set(key, value);
}
