// Values as a reader wants to see them, as consoles show them. Calls nothing of the value but the traps of a proxy, and
// gives a text whatever it is.

import * as js from "./intrinsics.js";
import { VALUE } from "./shown.js";

const DEPTH = 4;
const ITEMS = 100;
const WIDTH = 72;

export function inspect(value, depth = DEPTH) {
  const room = { left: VALUE };
  return shown(value, depth, [], room);
}

function shown(value, depth, within, room) {
  let text;
  try {
    text = textOf(value, depth, within, room);
  } catch {
    text = "<cannot be shown>";
  }
  room.left -= text.length;
  return text;
}

function textOf(value, depth, within, room) {
  switch (typeof value) {
    case "string":
      // No more than could be shown: quoting takes many times the memory of the text.
      return value.length <= VALUE ? js.stringify(value) : `${js.stringify(js.slice(value, 0, VALUE))}… ${value.length} characters`;
    case "bigint":
      return `${js.bigText(value)}n`;
    case "symbol":
      return js.symbolText(value);
    case "number":
      return value === 0 && 1 / value < 0 ? "-0" : js.toText(value);
    case "function":
      return functionShown(value);
    case "object":
      return value === null ? "null" : objectShown(value, depth, within, room);
    default:
      return js.toText(value);
  }
}

function functionShown(f) {
  const name = js.describe(f, "name");
  const isClass = js.startsWith(js.functionText(f), "class");
  const word = isClass ? "class" : "Function";
  const text = name !== undefined && typeof name.value === "string" && name.value !== "" ? `: ${name.value}` : "";
  return `[${word}${text || " (anonymous)"}]`;
}

function objectShown(object, depth, within, room) {
  for (let i = 0; i < within.length; i++) if (within[i] === object) return "[Circular]";
  if (js.isError(object)) return errorShown(object);
  const boxed = boxShown(object);
  if (boxed !== null) return boxed;
  const name = className(object);
  if (depth < 0 || room.left <= 0) return js.isArray(object) ? "[Array]" : `[${name || "Object"}]`;
  js.push(within, object);
  try {
    return partsShown(object, name, depth, within, room);
  } finally {
    within.length--;
  }
}

// Of dates, patterns and wrapped primitives, which have no parts.
function boxShown(object) {
  const tests = BOXES;
  for (let i = 0; i < tests.length; i++) {
    try {
      return tests[i](object);
    } catch {
      // It is none of these.
    }
  }
  return null;
}

const BOXES = [
  (object) => {
    const time = js.dateTime(object);
    return js.isFinite(time) ? js.dateText(object) : "Invalid Date";
  },
  (object) => {
    if (!hasOwn(object, "lastIndex")) throw object;
    return js.regexText(object);
  },
  (object) => `[Boolean: ${js.booleanValue(object)}]`,
  (object) => `[Number: ${js.numberValue(object)}]`,
  (object) => `[String: ${js.stringify(js.stringValue(object))}]`,
];

const hasOwn = (object, name) => js.describe(object, name) !== undefined;

function partsShown(object, name, depth, within, room) {
  const parts = [];
  const more = { count: 0 };
  const add = (make) => {
    if (parts.length < ITEMS && room.left > 0) js.push(parts, make());
    else more.count++;
  };
  const inner = (value) => shown(value, depth - 1, within, room);
  let open = "{";
  let close = "}";
  let prefix = name === "Object" ? "" : name === "" ? "[Object: null prototype] " : `${name} `;
  let skip = -1;
  const typed = attempt(() => js.typedName(object));
  if (js.isArray(object) || typed !== undefined) {
    open = "[";
    close = "]";
    const length = typed !== undefined ? js.typedLength(object) : js.describe(object, "length").value;
    prefix = typed !== undefined || name !== "Array" ? `${name}(${length}) ` : "";
    skip = length;
    for (let i = 0; i < length && parts.length < ITEMS && room.left > 0; i++) {
      const property = js.describe(object, i);
      add(() => (property === undefined ? "<empty>" : propertyShown(property, inner)));
    }
    more.count += length - parts.length;
  } else if (attempt(() => js.mapSize(object)) !== undefined) {
    prefix = `${name}(${js.mapSize(object)}) `;
    js.mapForEach(object, (value, key) => add(() => `${inner(key)} => ${inner(value)}`));
  } else if (attempt(() => js.setSize(object)) !== undefined) {
    prefix = `${name}(${js.setSize(object)}) `;
    js.setForEach(object, (value) => add(() => inner(value)));
  } else if (attempt(() => js.bufferLength(object)) !== undefined) {
    prefix = `${name}(${js.bufferLength(object)}) `;
  }
  const keys = js.ownKeys(object);
  // Of an array, its indices come first, and then `length`.
  for (let i = skip < 0 ? 0 : keysBefore(keys, skip); i < keys.length; i++) {
    const key = keys[i];
    const property = js.describe(object, key);
    if (property === undefined || !property.enumerable) continue;
    add(() => `${keyShown(key)}: ${propertyShown(property, inner)}`);
  }
  if (more.count > 0) js.push(parts, `… ${more.count} more`);
  return laidOut(prefix, open, parts, close);
}

function attempt(f) {
  try {
    return f();
  } catch {
    return undefined;
  }
}

// How many of the keys are indices: they are as many as there are elements, less the holes.
function keysBefore(keys, length) {
  let low = 0;
  let high = keys.length < length ? keys.length : length;
  while (low < high) {
    const middle = js.trunc((low + high) / 2);
    const key = keys[middle];
    if (typeof key === "string" && js.exec(INDEX, key) !== null) low = middle + 1;
    else high = middle;
  }
  return low;
}

const INDEX = /^\d+$/;
const NAME = /^[A-Za-z$_][\w$]*$/;

function keyShown(key) {
  if (typeof key === "symbol") return `[${js.symbolText(key)}]`;
  return js.exec(NAME, key) !== null ? key : js.stringify(key);
}

function propertyShown(property, inner) {
  if (property.get !== undefined) return property.set !== undefined ? "[Getter/Setter]" : "[Getter]";
  return property.set !== undefined ? "[Setter]" : inner(property.value);
}

function laidOut(prefix, open, parts, close) {
  if (parts.length === 0) return `${prefix}${open}${close}`;
  const line = js.join(parts, ", ");
  const space = open === "{" ? " " : "";
  if (line.length <= WIDTH && js.indexOf(line, "\n") < 0) return `${prefix}${open}${space}${line}${space}${close}`;
  const indented = [];
  for (let i = 0; i < parts.length; i++) js.push(indented, `  ${indentedText(parts[i])}`);
  return `${prefix}${open}\n${js.join(indented, ",\n")}\n${close}`;
}

function indentedText(text) {
  let all = "";
  let from = 0;
  for (;;) {
    const end = js.indexOf(text, "\n", from);
    if (end < 0) return all + js.slice(text, from);
    all += `${js.slice(text, from, end + 1)}  `;
    from = end + 1;
  }
}

// The name of the class, by the properties alone; empty if there is no prototype.
function className(object) {
  let at = js.prototypeOf(object);
  if (at === null) return "";
  for (let i = 0; at !== null && i < 10; i++) {
    const made = js.describe(at, "constructor");
    if (made !== undefined && typeof made.value === "function") {
      const name = js.describe(made.value, "name");
      if (name !== undefined && typeof name.value === "string" && name.value !== "") return name.value;
    }
    at = js.prototypeOf(at);
  }
  return "Object";
}

function errorShown(error) {
  const { name, message } = namedError(error);
  return message === "" ? `[${name}]` : `[${name}: ${message}]`;
}

// Name and message of an error, also if the code has made them something else.
export function namedError(error) {
  const name = dataAbove(error, "name");
  const message = dataAbove(error, "message");
  return {
    name: typeof name === "string" && name !== "" ? name : className(error) || "Error",
    message: typeof message === "string" ? message : message === undefined ? "" : inspect(message, 1),
  };
}

// What a property holds, the object's own or a prototype's, if no getter has to be called for it.
export function dataAbove(object, name) {
  for (let at = object, i = 0; at !== null && i < 20; at = js.prototypeOf(at), i++) {
    const property = js.describe(at, name);
    if (property !== undefined) return property.value;
  }
  return undefined;
}
