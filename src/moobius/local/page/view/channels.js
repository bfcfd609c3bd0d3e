/** Switch, join, create and leave channels. */

import { join, myChannels, otherChannels } from "../client/entrance.js";
import { button, fill, h } from "./dom.js";

/**
 * Return `{root, ready}`: the lists and forms, and a promise of the lists being filled.
 *
 * Args:
 *   member: Who chooses.
 *   current: The open channel, or null.
 *   wanted: A channel id to begin with in the form.
 *   onopen, onleft: Called with the channel.
 *   ontrouble: Called with an error the person should read.
 */
export function channelsView(member, { current, wanted, onopen, onleft, ontrouble }) {
  const attempt = (action) => async (event) => {
    event?.preventDefault();
    await action().catch(ontrouble);
  };
  const enter = (id) => attempt(async () => onopen(await join(member, id)));
  const leave = attempt(async () => {
    await member.act("leave", current.channel_id);
    onleft(current);
  });

  const lists = h("div", {});
  const draw = async () => {
    const mine = await myChannels(member);
    const others = await otherChannels(member, mine);
    fill(
      lists,
      section("Your channels", mine.map((channel) => mineRow(channel, current, onopen))),
      section("Other channels", others.map((channel) => otherRow(channel, enter))),
      !mine.length && !others.length && h("p.empty", {}, "There are no channels yet. Create one."),
    );
  };
  const joinForm = form("Join by id", "Channel id", "Join", wanted, (id) => enter(id)());
  const createForm = form("Create a channel", "Name of a new channel", "Create", "", (name) =>
    attempt(async () => {
      const { channel_id } = await member.calls.createChannel(name, "");
      onopen((await myChannels(member)).find((channel) => channel.channel_id === channel_id));
    })(),
  );
  const leaveName = current && `Leave ${current.channel_name || "this channel"}`;
  const root = h(
    "div.channels",
    {},
    lists,
    createForm,
    joinForm,
    current && button(".quiet.leave", { onclick: leave }, leaveName),
  );
  return { root, ready: draw().catch(ontrouble) };
}

function section(title, rows) {
  if (!rows.length) return null;
  return h("section", { "aria-label": title }, h("h3", {}, title), h("ul", {}, rows));
}

function mineRow(channel, current, onopen) {
  const here = channel.channel_id === current?.channel_id;
  const attributes = { "aria-current": here ? "true" : null, onclick: () => onopen(channel) };
  return h("li", {}, button(".item", attributes, nameOf(channel), badge(channel)));
}

function otherRow(channel, enter) {
  const label = `Join ${nameOf(channel)}`;
  const people = channel.channel_context?.channel_user_count;
  return h(
    "li.joinable",
    {},
    h("span", {}, nameOf(channel), badge(channel)),
    Number.isFinite(people) && h("span.soft", {}, people === 1 ? "1 member" : `${people} members`),
    button("", { "aria-label": label, onclick: enter(channel.channel_id) }, "Join"),
  );
}

const nameOf = ({ channel_name, channel_id }) => channel_name || channel_id;

function badge({ channel_context }) {
  const type = channel_context?.channel_type;
  return type ? h("span.badge", {}, type) : null;
}

function form(title, label, verb, value, onvalue) {
  const attributes = { type: "text", "aria-label": label, placeholder: label, required: true };
  const input = h("input", attributes);
  input.value = value ?? "";
  const onsubmit = (event) => {
    event.preventDefault();
    onvalue(input.value.trim());
  };
  return h(
    "form.short",
    { "aria-label": title, onsubmit },
    input,
    h("button", { type: "submit" }, verb),
  );
}
