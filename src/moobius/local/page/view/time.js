/** Times and days as a person reads them. */

const clock = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat([], { weekday: "long", day: "numeric", month: "long" });
const dayAndYear = new Intl.DateTimeFormat([], { dateStyle: "long" });

export const timeOf = (timestamp) => clock.format(new Date(timestamp));

/** A value that changes at midnight. */
export const dayOf = (timestamp) => new Date(timestamp).toDateString();

/** "Today", "Yesterday", "Monday 3 June", or a date with its year. */
export function dayName(timestamp, now = new Date()) {
  const date = new Date(timestamp);
  const yesterday = new Date(now);
  yesterday.setDate(now.getDate() - 1);
  if (date.toDateString() === now.toDateString()) return "Today";
  if (date.toDateString() === yesterday.toDateString()) return "Yesterday";
  return (date.getFullYear() === now.getFullYear() ? day : dayAndYear).format(date);
}

const UNITS = ["bytes", "KB", "MB", "GB"];

/** "812 bytes", "1.2 MB". */
export function sizeText(bytes) {
  if (!Number.isFinite(bytes)) return "";
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), UNITS.length - 1);
  const amount = bytes / 1000 ** power;
  return `${power && amount < 10 ? amount.toFixed(1) : Math.round(amount)} ${UNITS[power]}`;
}
