/** Lists of characters to group ids and back, so that sending again costs no request. */

export class Groups {
  #calls;
  #ids = new Map(); // channel and ordered list -> group id
  #lists = new Map(); // group id -> promise of its list

  constructor(calls) {
    this.#calls = calls;
  }

  /** Return the id of a group of exactly these characters, in this order. */
  async idOf(channel, characters) {
    const key = JSON.stringify([channel, ...characters]);
    if (!this.#ids.has(key)) {
      const id = await this.#calls.temporaryGroup(channel, characters);
      // A Platform may keep one temporary group and change it: then older lists no longer hold.
      for (const [other, used] of this.#ids) if (used === id) this.#ids.delete(other);
      this.#ids.set(key, id);
      this.#lists.set(id, Promise.resolve(characters));
    }
    return this.#ids.get(key);
  }

  /** Return the characters of a group, in its order. */
  listOf(id) {
    if (!this.#lists.has(id)) {
      const list = this.#calls.group(id);
      list.catch(() => this.#lists.delete(id)); // a failure is not worth remembering
      this.#lists.set(id, list);
    }
    return this.#lists.get(id);
  }
}
