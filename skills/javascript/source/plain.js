// Values that are JSON's, exactly: what would be lost or changed on the way makes a value another kind.

import * as js from "./intrinsics.js";
import { VALUE } from "./shown.js";

// Thrown to end the walk.
const NOT_PLAIN = {};

// The value as JSON, or null if it is not plain, does not fit, or cannot be looked at.
export function asJson(value) {
  let room = VALUE;
  // Called by the engine for each value, with what `toJSON` made of it. Kept short: it runs for each number of a list.
  function check(key, it) {
    if (this[key] !== it) throw NOT_PLAIN;
    switch (typeof it) {
      case "number":
        room -= 2;
        if (it - it !== 0 || (it === 0 && 1 / it < 0)) throw NOT_PLAIN;
        return it;
      case "string":
        room -= it.length + 3;
        if (room < 0) throw NOT_PLAIN;
        return it;
      case "boolean":
        return it;
      case "object":
        room -= 2;
        if (it !== null) checkObject(it, room);
        if (room < 0) throw NOT_PLAIN;
        return it;
      default:
        throw NOT_PLAIN;
    }
  }
  try {
    const text = js.stringify(value, check);
    return text.length <= VALUE && js.sizeAsJson(text) <= VALUE ? text : null;
  } catch {
    // Not plain, a cycle, too deep, or what a proxy or a getter threw.
    return null;
  }
}

function checkObject(object, room) {
  const prototype = js.prototypeOf(object);
  if (js.isArray(object)) {
    // Of an array with holes or with names there are fewer keys or more: each index and `length`.
    if (prototype !== js.arrayPrototype || object.length > room / 2) throw NOT_PLAIN;
    if (js.ownKeys(object).length !== object.length + 1) throw NOT_PLAIN;
  } else {
    if (prototype !== js.objectPrototype && prototype !== null) throw NOT_PLAIN;
    // Symbols, and what is hidden, are no members in JSON.
    if (js.ownKeys(object).length !== js.keys(object).length) throw NOT_PLAIN;
  }
}
