// Texts that fit an answer: valid Unicode, and no longer as JSON than there is room for.

import * as js from "./intrinsics.js";

// The output of a call is at most 1 MiB of JSON by default; all of these together stay below it. Each is a number of
// bytes as JSON, where one control character is six.
export const STDOUT = 256 * 1024;
export const STDERR = 128 * 1024;
export const VALUE = 256 * 1024;
export const MESSAGE = 64 * 1024;
export const STACK = 64 * 1024;

// The longest beginning of a text that is at most `limit` bytes as JSON.
export function fit(text, limit) {
  text = js.slice(text, 0, limit);
  if (js.sizeAsJson(text) <= limit) return text;
  let low = 0;
  let high = text.length;
  while (low < high) {
    const middle = js.trunc((low + high + 1) / 2);
    if (js.sizeAsJson(js.slice(text, 0, middle)) <= limit) low = middle;
    else high = middle - 1;
  }
  return js.slice(text, 0, low);
}

// The text as UTF-8 can carry it, cut if it is too long.
export function clean(text, limit) {
  const kept = fit(js.wellFormed(js.slice(text, 0, limit)), limit);
  return kept.length < text.length ? `${js.wellFormed(kept)} [cut: ${text.length} characters]` : kept;
}

// Keeps the first characters written to it; the rest is counted and thrown away.
export class Kept {
  #text = "";
  #cut = 0;
  #name;
  #limit;

  constructor(name, limit) {
    this.#name = name;
    this.#limit = limit;
  }

  write(text) {
    const room = this.#limit - this.#text.length;
    if (text.length <= room) {
      this.#text += text;
    } else {
      this.#text += js.slice(text, 0, room);
      this.#cut += text.length - room;
    }
  }

  text() {
    const text = js.wellFormed(this.#text);
    const kept = fit(text, this.#limit);
    const cut = this.#cut + text.length - kept.length;
    return cut === 0 ? kept : `${js.wellFormed(kept)}\n[${cut} more characters of ${this.#name} are cut off]\n`;
  }
}
