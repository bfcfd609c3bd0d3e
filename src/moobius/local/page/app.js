/** Boot: who am I in this tab, which channel, and the one column that shows it. */

import { local } from "./client/endpoints.js";
import { firstChannel } from "./client/entrance.js";
import { Keeper } from "./client/keeper.js";
import { Member } from "./client/member.js";
import { Expired, Session, beReadyMade } from "./client/session.js";
import { chooser } from "./view/chooser.js";
import { Column } from "./view/column.js";
import { h } from "./view/dom.js";
import { restoreTheme } from "./view/theme.js";
import { topbar } from "./view/topbar.js";

const who = new Keeper("moobius.session");
const choice = new Keeper("moobius.left"); // set when the person left a channel on purpose

let people = [];
let developer = false;
let member = null;
let column = null;

/** The channel the address names; what is no proper escape stands as it was typed. */
function channelInAddress() {
  const named = window.location.hash.slice(1);
  try {
    return decodeURIComponent(named) || null;
  } catch {
    return named;
  }
}

async function boot() {
  restoreTheme();
  ({ developer } = await local.info().catch(() => ({ developer: false })));
  people = developer ? await local.people() : [];
  window.addEventListener("hashchange", followAddress);
  const kept = Session.restore(who);
  const asked = personInAddress();
  if (asked && kept?.email !== asked.email) return be(asked);
  if (kept) return enter(kept).catch(askAgain);
  return ask();
}

/** `/?as=ada` names a ready-made person. */
function personInAddress() {
  const name = new URLSearchParams(window.location.search).get("as")?.toLowerCase();
  return name && people.find((person) => person.name.toLowerCase() === name);
}

function ask(reason = "") {
  leaveColumn();
  const bar = topbar();
  const card = chooser({ people, reason, onperson: be, onsession: enter });
  document.title = "Moobius";
  document.body.replaceChildren(bar.root, card);
}

function askAgain(error) {
  if (error instanceof Expired) who.clear();
  ask(error.message);
}

async function be(person) {
  await enter(await beReadyMade(person.email));
}

/** Become who this session belongs to, in this tab. */
async function enter(session) {
  const next = await Member.of(session);
  leaveColumn();
  session.onrenewed = () => who.write(session);
  who.write(session);
  member = next;
  member.on("expired", askAgain);
  column = new Column(member, { whoMenu });
  column.on("opened", (channel) => channel && choice.clear());
  column.on("opened", rememberAddress);
  column.on("described", showTitle);
  column.on("left", () => choice.write(true));
  const bar = topbar({ onchannel: () => column.switchChannel(bar.channelButton) });
  bar.show(null);
  column.on("described", bar.show);
  document.body.replaceChildren(bar.root, h("main.stage", {}, column.root));
  member.socket.start();
  await openFirst();
}

async function openFirst() {
  const wanted = channelInAddress();
  const entered = member;
  const channel = await firstChannel(entered, { wanted, developer, chose: choice.read() });
  // Somebody else by now, or somewhere else.
  if (entered !== member || wanted !== channelInAddress()) return;
  if (channel) column.show(channel);
  else column.offerChannels(wanted);
}

function leaveColumn() {
  column?.close();
  member?.socket.stop();
  member = column = null;
}

function rememberAddress(channel) {
  const { pathname, search } = window.location;
  const address = pathname + search + (channel ? `#${channel.channel_id}` : "");
  if ((channel?.channel_id ?? null) === channelInAddress()) return;
  window.history.pushState(null, "", address);
}

function showTitle(channel) {
  const place = channel ? channel.channel_name || channel.channel_id : "Channels";
  document.title = `${member.profile.name} · ${place} · Moobius`;
}

/** The person went back, forward, or edited the address. */
function followAddress() {
  const wanted = channelInAddress();
  if (member && wanted && wanted !== column.room?.id) openFirst();
}

/** Entries of the menu under the member's name. */
function whoMenu(rename) {
  const others = people.filter(({ email }) => email !== member.email);
  return [
    ...others.map((person) => ({
      text: `Open ${person.name} in a new tab`,
      href: `/?as=${encodeURIComponent(person.name.toLowerCase())}${window.location.hash}`,
    })),
    ...others.map((person) => ({ text: `Be ${person.name} here`, choose: () => switchTo(person) })),
    rename,
    { text: "Sign out", choose: signOut },
  ];
}

function switchTo(person) {
  forgetPersonInAddress();
  return be(person).catch((error) => column.say(error.message));
}

async function signOut() {
  const { session } = member;
  who.clear();
  forgetPersonInAddress();
  ask();
  // The tab has forgotten the tokens already; the Platform forgets them when it can be reached.
  await session.end().catch((error) => console.warn(error.message));
}

/** Otherwise a reload would turn back into the person the address once named. */
function forgetPersonInAddress() {
  window.history.replaceState(null, "", window.location.pathname + window.location.hash);
}

boot().catch(askAgain);
