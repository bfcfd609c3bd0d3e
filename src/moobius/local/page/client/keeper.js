/** What one tab remembers over a reload; another tab may be somebody else. */
export class Keeper {
  #key;

  constructor(key) {
    this.#key = key;
  }

  read() {
    try {
      return JSON.parse(sessionStorage.getItem(this.#key));
    } catch {
      return null; // not ours, or damaged: as good as nothing
    }
  }

  write(value) {
    sessionStorage.setItem(this.#key, JSON.stringify(value));
  }

  clear() {
    sessionStorage.removeItem(this.#key);
  }
}
