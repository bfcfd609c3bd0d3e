/**
 * The messages of one channel as one member sees them: pure functions over a list, oldest first.
 *
 * A message sent from here has no id until the Platform's history tells it, because a `copy`
 * carries none; until then its (unique) time of sending identifies it.
 */

/** Read a history entry or the body of a `message_down`. */
export function fromWire(item, me) {
  const { message_id: id, subtype, sender, timestamp } = item;
  // In a channel without a service, author and recipients share one message (platform.md 4.8).
  const mine = sender === me && (item.type === "message_up" || item.context?.is_dcs === true);
  return {
    key: id,
    id,
    mine,
    echo: sender === me && !mine,
    sender,
    subtype: subtype ?? "text",
    content: item.content ?? {},
    timestamp: Number(timestamp) || 0,
    group: item.recipients ?? item.context?.group_id ?? null,
    recipients: null,
    state: "sent",
  };
}

/** Add or complete one message that has just arrived. */
export function receive(current, message) {
  const index = current.findIndex((other) => same(other, message));
  if (index < 0) return [...current, message];
  return current.with(index, unite(current[index], message));
}

/** Join a page of history (oldest first) with what is there; the history's order is the truth. */
export function merge(current, history) {
  const page = history.map((message) => {
    const known = current.find((other) => same(other, message));
    return known ? unite(known, message) : message;
  });
  const keys = new Set(page.map((message) => message.key));
  const rest = current.filter((message) => !keys.has(message.key));
  const start = page[0]?.timestamp ?? Infinity;
  const older = (message) => message.state === "sent" && message.timestamp < start;
  return [...rest.filter(older), ...page, ...rest.filter((message) => !older(message))];
}

/** Replace some fields of the message with this key. */
export const change = (current, key, fields) =>
  current.map((message) => (message.key === key ? { ...message, ...fields } : message));

function same(a, b) {
  if (a.id && b.id) return a.id === b.id;
  return a.mine && b.mine && a.timestamp === b.timestamp && a.subtype === b.subtype;
}

/** The key stays, and with it what is drawn; so do the recipients, which deliveries never name. */
const unite = (known, message) => ({
  ...message,
  key: known.key,
  mine: known.mine || message.mine,
  echo: known.echo && message.echo,
  group: known.group ?? message.group,
  recipients: known.recipients ?? message.recipients,
});
