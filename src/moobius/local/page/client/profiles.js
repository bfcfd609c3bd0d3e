/** What is known of characters: fetched once a page, in one request for all that are missing. */

const LOOKS_LIKE_AN_ID = /^[0-9a-f]{8}-[0-9a-f-]{27}$/;

export class Profiles {
  #calls;
  #known = new Map();

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

  /** Fetch the profiles that are missing. Return whether anything new was learnt. */
  async learn(ids) {
    const missing = [...new Set(ids)].filter((id) => id && !this.#known.has(id));
    if (!missing.length) return false;
    for (const id of missing) this.set(id, {}); // the Platform leaves unknown ids out; ask once
    try {
      const found = await this.#calls.profiles(missing);
      for (const { character_id, character_context } of found) {
        this.set(character_id, character_context);
      }
    } catch (error) {
      for (const id of missing) this.#known.delete(id);
      throw error;
    }
    return true;
  }
}

function stranger(id) {
  if (!id || id === "no_sender") return "Service";
  return LOOKS_LIKE_AN_ID.test(id) ? `Unknown ${id.slice(0, 4)}` : id;
}
