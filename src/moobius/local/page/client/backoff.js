/** How long to wait before the next attempt; knows nothing of sockets. */

const FIRST_MS = 250;
const LONGEST_MS = 8_000;

/**
 * Return the pause before attempt number `attempt` (from 0), in milliseconds.
 *
 * Half of it is random, so that many pages do not return to a restarted Platform in one moment.
 */
export function pauseBefore(attempt, random = Math.random) {
  const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** attempt);
  return full / 2 + (full / 2) * random();
}

/** Resolve after `ms` milliseconds. */
export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
