/** Named events with any number of listeners. */
export class Emitter {
  #listeners = new Map();

  /** Call `listener` on every `name` event, and return a function that stops it. */
  on(name, listener) {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  emit(name, detail) {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) listener(detail);
  }
}
