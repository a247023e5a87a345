// Timers of the code, run one after another by `run.js`: so it is known when nothing can happen any more.

import * as js from "./intrinsics.js";

const nativeTimeout = setTimeout;

// Waits, while what is queued as a microtask runs.
export const pause = (milliseconds) => new js.PlainPromise((done) => nativeTimeout(done, milliseconds));

export class Timers {
  #all = [];
  #last = 0;
  #now;

  constructor(now) {
    this.#now = now;
  }

  // The functions for the code.
  globals() {
    const clear = (id) => {
      const rest = [];
      for (let i = 0; i < this.#all.length; i++) if (this.#all[i].id !== id) js.push(rest, this.#all[i]);
      this.#all = rest;
    };
    return {
      setTimeout: (f, wait, ...items) => this.#add(f, wait, items, false),
      setInterval: (f, wait, ...items) => this.#add(f, wait, items, true),
      clearTimeout: clear,
      clearInterval: clear,
    };
  }

  #add(f, wait, items, again) {
    if (typeof f !== "function") throw new TypeError("the callback is not a function");
    const delay = typeof wait === "number" && wait > 0 ? (wait < 2 ** 31 ? wait : 2 ** 31 - 1) : 0;
    const id = ++this.#last;
    js.push(this.#all, { id, at: this.#now() + delay, delay, again, f, items });
    return id;
  }

  // Waits for the next timer and calls it; false if there is none. What it throws comes out.
  async fire() {
    if (this.#all.length === 0) return false;
    let next = this.#all[0];
    for (let i = 1; i < this.#all.length; i++) if (this.#all[i].at < next.at) next = this.#all[i];
    const wait = next.at - this.#now();
    if (wait > 0) await pause(wait);
    const rest = [];
    for (let i = 0; i < this.#all.length; i++) if (this.#all[i] !== next) js.push(rest, this.#all[i]);
    this.#all = rest;
    if (next.again) {
      next.at = this.#now() + (next.delay > 1 ? next.delay : 1);
      js.push(this.#all, next);
    }
    js.call(next.f, undefined, next.items);
    return true;
  }
}
