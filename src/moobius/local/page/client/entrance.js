/** Which channel a member enters first, and how one enters and leaves. */

/** Lists may hold bare ids (platform.md 2.6). */
const channelOf = (entry) =>
  typeof entry === "string" ? { channel_id: entry, channel_name: entry } : entry;

export const myChannels = async (member) => (await member.calls.channels()).map(channelOf);

/** The channels that many are in, without those the member is in already. */
export async function otherChannels(member, mine) {
  const known = new Set(mine.map(({ channel_id }) => channel_id));
  const popular = (await member.calls.popular()).map(channelOf);
  return popular.filter(({ channel_id }) => !known.has(channel_id));
}

/** Join a channel and return it. */
export async function join(member, channel_id) {
  await member.act("join", channel_id);
  const mine = await myChannels(member);
  return mine.find((channel) => channel.channel_id === channel_id) ?? channelOf(channel_id);
}

/**
 * Return the channel to open, or null when the person should choose.
 *
 * In developer mode an address is enough to enter, and so is there being only one channel.
 */
export async function firstChannel(member, { wanted, developer, chose }) {
  const mine = await myChannels(member);
  const known = mine.find(({ channel_id }) => channel_id === wanted);
  if (known) return known;
  if (wanted) return developer ? join(member, wanted).catch(() => null) : null;
  if (mine.length) return mine[0];
  if (!developer || chose) return null;
  const others = await otherChannels(member, mine);
  return others.length === 1 ? join(member, others[0].channel_id) : null;
}
