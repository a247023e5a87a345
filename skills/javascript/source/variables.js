// The members of a JSON object as global variables; a name that could not be one, or that is taken, is refused.

import { isIdentifierChar, isIdentifierStart } from "./acorn.mjs";
import * as js from "./intrinsics.js";

// Why the object cannot be used.
export class Unusable {
  constructor(why) {
    this.why = why;
  }
}

export function define(text) {
  let members;
  try {
    members = js.parse(text);
  } catch (error) {
    throw new Unusable(`\`variables\` is not JSON: ${error.message}`);
  }
  if (typeof members !== "object" || members === null || js.isArray(members)) {
    throw new Unusable("`variables` is not a JSON object");
  }
  const names = js.ownKeys(members);
  for (const name of names) {
    const quoted = js.stringify(name);
    if (!isName(name) || isReserved(name)) {
      throw new Unusable(`\`variables\` has the member ${quoted}, which is not a name of JavaScript`);
    }
    if (name.startsWith("__") || name in globalThis) {
      throw new Unusable(`\`variables\` has the member ${quoted}, which already means something; take another name`);
    }
  }
  // `JSON.parse` makes own properties of all names, `__proto__` included; so does this.
  for (const name of names) {
    js.define(globalThis, name, { value: members[name], writable: true, enumerable: true, configurable: true });
  }
}

function isName(text) {
  const [first, ...rest] = Array.from(text, (character) => character.codePointAt(0));
  return first !== undefined && isIdentifierStart(first, true) && rest.every((code) => isIdentifierChar(code, true));
}

// A name that cannot be declared: what the parser of the engine says.
function isReserved(name) {
  try {
    new Function(`"use strict"; var ${name};`);
    return false;
  } catch {
    return true;
  }
}
