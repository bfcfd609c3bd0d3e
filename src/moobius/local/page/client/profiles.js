/** What is known of characters: fetched once a page, in one request for all that are missing. */

const LOOKS_LIKE_AN_ID = /^[0-9a-f]{8}-[0-9a-f-]{27}$/;

export class Profiles {
  #calls;
  #known = new Map();
  #asked = new Map(); // id -> promise of the request that is on its way

  constructor(calls) {
    this.#calls = calls;
  }

  /** Return the profile of a character; one that nobody told us about is named after its id. */
  get(id) {
    return this.#known.get(id) ?? { id, name: stranger(id), avatar: "", description: "" };
  }

  set(id, { name, avatar, description }) {
    this.#known.set(id, { id, name: name || stranger(id), avatar, description });
  }

  /**
   * Fetch the profiles that are missing, or wait for whoever is fetching them already.
   *
   * Return whether anything was missing.
   */
  async learn(ids) {
    const wanted = [...new Set(ids)].filter((id) => id && !this.#known.has(id));
    const missing = wanted.filter((id) => !this.#asked.has(id));
    if (missing.length) {
      const answer = this.#ask(missing);
      for (const id of missing) this.#asked.set(id, answer);
    }
    await Promise.all(wanted.map((id) => this.#asked.get(id)));
    return wanted.length > 0;
  }

  async #ask(ids) {
    try {
      const found = await this.#calls.profiles(ids);
      // The Platform leaves out whom it does not know; there is no use in asking again.
      for (const id of ids) this.set(id, {});
      for (const { character_id, character_context } of found) {
        this.set(character_id, character_context);
      }
    } finally {
      for (const id of ids) this.#asked.delete(id);
    }
  }
}

function stranger(id) {
  if (!id || id === "no_sender") return "Service";
  return LOOKS_LIKE_AN_ID.test(id) ? `Unknown ${id.slice(0, 4)}` : id;
}
