// Made by `ringfence build`. Calls the tools of skill.js: checks what they return against the WIT, and writes to the log of
// the run what they throw.

// While this is true the component is being built, and what is seen of the world would stay in it for ever.
let building = true;

const { apply } = Reflect;

// Numbers for code that runs while the skill is built. In a run they are the run's own.
let state = 0x2545f491;
const random = Math.random;
Math.random = () => {
  if (!building) return random();
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) / 2 ** 32;
};
if (globalThis.crypto) {
  const prototype = Object.getPrototypeOf(crypto);
  for (const name of ["getRandomValues", "randomUUID"]) {
    const own = prototype[name];
    if (!own) continue;
    prototype[name] = function (...args) {
      if (building) throw new Error(`crypto.${name} is not there while the skill is built: call it in a tool`);
      return apply(own, this, args);
    };
  }
}
globalThis.fetch = async () => {
  throw new TypeError("fetch: the skill does not request `http`: add it to `[grants]` in skill.toml");
};

const print = console.error.bind(console);

/** Whether something is an Error, also one of the generated code, which has constructors of its own. */
function isError(value) {
  return value instanceof Error || apply(Object.prototype.toString, value, []) === "[object Error]";
}

/** An error as text, with the calls of the author's that led to it. */
function shown(error) {
  if (!isError(error)) return `something that is no Error was thrown: ${brief(error)}`;
  const calls = String(error.stack ?? "").split("\n").filter((call) => call && !call.includes("/initializer.js:") && !/(^|@)bindings\//.test(call));
  const lines = calls.map((call) => {
    const at = call.lastIndexOf("@");
    const name = call.slice(0, at);
    return `    at ${name ? `${name} (${call.slice(at + 1)})` : call.slice(at + 1)}`;
  });
  const text = [`${error.name}: ${error.message}`, ...lines].join("\n");
  return error.cause === undefined ? text : `${text}\ncaused by ${error.cause === error ? "itself" : shown(error.cause)}`;
}

/** A value in a few words. */
function brief(value) {
  try {
    const text = typeof value === "bigint" ? `${value}n` : typeof value === "object" && value !== null ? JSON.stringify(value, (_, part) => (typeof part === "bigint" ? `${part}n` : part)) : String(value);
    const whole = typeof value === "string" ? JSON.stringify(value) : text;
    return whole.length > 80 ? `${whole.slice(0, 80)}…` : whole;
  } catch {
    return "something that cannot be shown";
  }
}

function kind(value) {
  if (value === null || value === undefined) return String(value);
  if (typeof value !== "object") return `${typeof value} ${brief(value)}`;
  return `${Array.isArray(value) ? "array" : (value.constructor?.name ?? "object")} ${brief(value)}`;
}

/** Writes a text to the log and ends the run. */
function end(text, tool) {
  try {
    print(text);
  } catch {
    // A console that the tool has taken apart: how the run ended still shows.
  }
  const why = `the tool ${tool} ended by an error that it did not catch`;
  // The generated code takes what is thrown for the tool's own error, but not what reading the error throws.
  throw { get payload() { throw why; } };
}

class Wrong {
  constructor(expected, value) {
    this.at = "";
    this.expected = expected;
    this.value = value;
  }
  within(step) {
    this.at = step + this.at;
    return this;
  }
  toString() {
    return `${this.at ? `at ${this.at}: ` : ""}expected ${this.expected}, got ${kind(this.value)}`;
  }
}

function whole(name, least, most) {
  const expected = `${name} (a whole number from ${least} to ${most})`;
  return (value) => (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most ? undefined : new Wrong(expected, value));
}

function large(name, least, most) {
  const expected = `${name} (a BigInt from ${least}n to ${most}n, written like 5n)`;
  return (value) => (typeof value === "bigint" && value >= least && value <= most ? undefined : new Wrong(expected, value));
}

function simple(expected, fits) {
  return (value) => (fits(value) ? undefined : new Wrong(expected, value));
}

const isObject = (value) => typeof value === "object" && value !== null;
const float = (value) => typeof value === "number";
const isChar = (value) => {
  if (typeof value !== "string" || value.length === 0) return false;
  const code = value.codePointAt(0);
  return (code < 0xd800 || code > 0xdfff) && value.length === (code > 0xffff ? 2 : 1);
};

const CHECKS = new Map([
  ["bool", simple("bool (true or false)", (value) => typeof value === "boolean")],
  ["string", simple("string", (value) => typeof value === "string")],
  ["char", simple("char (a string of one character)", isChar)],
  ["f32", simple("f32 (a number)", float)],
  ["f64", simple("f64 (a number)", float)],
  ["any", () => undefined],
  ["u64", large("u64", 0n, 2n ** 64n - 1n)],
  ["s64", large("s64", -(2n ** 63n), 2n ** 63n - 1n)],
]);
for (const bits of [8, 16, 32]) {
  CHECKS.set(`u${bits}`, whole(`u${bits}`, 0, 2 ** bits - 1));
  CHECKS.set(`s${bits}`, whole(`s${bits}`, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1));
}

const ARRAYS = new Map([
  ["u8", Uint8Array], ["s8", Int8Array], ["u16", Uint16Array], ["s16", Int16Array], ["u32", Uint32Array], ["s32", Int32Array],
  ["u64", BigUint64Array], ["s64", BigInt64Array], ["f32", Float32Array], ["f64", Float64Array],
]);

const BUILD = {
  record(type, check) {
    const fields = type.fields.map(([name, of]) => [name, check(of)]);
    const expected = `${type.wit} (an object with ${fields.map(([name]) => name).join(", ")})`;
    return (value) => {
      if (!isObject(value) || Array.isArray(value)) return new Wrong(expected, value);
      for (const [name, part] of fields) {
        const wrong = part(value[name]);
        if (wrong) return wrong.within(`.${name}`);
      }
    };
  },
  variant(type, check) {
    const cases = new Map(type.cases.map(([tag, , of]) => [tag, of === null ? CHECKS.get("any") : check(of)]));
    const expected = `${type.wit} (an object { tag, val } with the tag ${[...cases.keys()].map((tag) => `"${tag}"`).join(" or ")})`;
    return (value) => {
      const part = isObject(value) ? cases.get(value.tag) : undefined;
      if (!part) return new Wrong(expected, value);
      return part(value.val)?.within(".val");
    };
  },
  enum(type) {
    const cases = new Set(type.cases);
    return simple(`${type.wit} (${type.cases.map((name) => `"${name}"`).join(" or ")})`, (value) => cases.has(value));
  },
  flags(type) {
    const expected = `${type.wit} (an object of booleans: ${type.flags.join(", ")})`;
    return (value) => {
      if (value === undefined || value === null) return undefined;
      if (!isObject(value) || Array.isArray(value)) return new Wrong(expected, value);
      for (const [name, flag] of Object.entries(value)) {
        if (!type.flags.includes(name) || !(flag === undefined || typeof flag === "boolean")) return new Wrong(expected, value);
      }
    };
  },
  option(type, check) {
    const some = check(type.of);
    if (!type.nested) return (value) => (value === undefined || value === null ? undefined : some(value));
    const expected = `${type.wit} ({ tag: "some", val } or { tag: "none" })`;
    return (value) => {
      if (!isObject(value) || (value.tag !== "some" && value.tag !== "none")) return new Wrong(expected, value);
      return value.tag === "none" ? undefined : some(value.val)?.within(".val");
    };
  },
  result(type, check) {
    const parts = { ok: type.ok === null ? CHECKS.get("any") : check(type.ok), err: type.err === null ? CHECKS.get("any") : check(type.err) };
    const expected = `${type.wit} ({ tag: "ok", val } or { tag: "err", val })`;
    return (value) => {
      if (!isObject(value) || (value.tag !== "ok" && value.tag !== "err")) return new Wrong(expected, value);
      return parts[value.tag](value.val)?.within(".val");
    };
  },
  tuple(type, check) {
    const parts = type.of.map(check);
    const expected = `${type.wit} (an array of ${parts.length})`;
    return (value) => {
      if (!Array.isArray(value) || value.length !== parts.length) return new Wrong(expected, value);
      for (let at = 0; at < parts.length; at++) {
        const wrong = parts[at](value[at]);
        if (wrong) return wrong.within(`[${at}]`);
      }
    };
  },
  list(type, check) {
    const part = check(type.of);
    const own = ARRAYS.get(type.of);
    const expected = own ? `${type.wit} (${own.name} or an array)` : `${type.wit} (an array)`;
    return (value) => {
      // The generated code has constructors of its own, so `instanceof` says nothing of what it made.
      if (own && ArrayBuffer.isView(value) && value[Symbol.toStringTag] === own.name) return undefined;
      if (!Array.isArray(value)) return new Wrong(expected, value);
      for (let at = 0; at < value.length; at++) {
        const wrong = part(value[at]);
        if (wrong) return wrong.within(`[${at}]`);
      }
    };
  },
};

/** Gives the functions by which values are checked. `of` is a name, or a place in the table. */
export function checks(types) {
  const made = new Map(CHECKS);
  const check = (of) => {
    if (!made.has(of)) made.set(of, BUILD[types[of].is](types[of], check));
    return made.get(of);
  };
  return check;
}

/** A function of the author's with its result checked; what is no function stays what it is. */
export function tool(own, name, { fallible, ok, err, tags }, check) {
  const called = own?.[name];
  if (typeof called !== "function") return called;
  const value = ok === null ? CHECKS.get("any") : check(ok);
  const failure = err === null ? CHECKS.get("any") : check(err);
  const fail = (what) => {
    const wrong = failure(what);
    // As the generated code takes an error from any type.
    if (!wrong) throw { payload: what };
    return end(`skill.js: \`${name}\` threw a wrong value: ${wrong}`, name);
  };
  return async (...args) => {
    building = false;
    let result;
    try {
      result = await apply(called, own, args);
    } catch (error) {
      if (!fallible) end(shown(error), name);
      if (!isError(error)) fail(error);
      // An Error is a fault in the tool, unless it carries the tool's own error.
      if (!Object.hasOwn(error, "payload")) end(shown(error), name);
      fail(error.payload);
    }
    // A result may be given as such, too, where it could not be taken for a value.
    if (fallible && isObject(result) && !tags.includes(result.tag)) {
      if (result.tag === "err") fail(result.val);
      if (result.tag === "ok") result = result.val;
    }
    const wrong = value(result);
    if (wrong) end(`skill.js: \`${name}\` returned a wrong value: ${wrong}`, name);
    // Where the value has cases called `ok` or `err`, the generated code takes the value itself.
    return fallible && tags.length === 0 ? { tag: "ok", val: result } : result;
  };
}

/** The tools of an interface, under the names that the WIT gives them. */
export function tools(skill, names, functions, check) {
  const own = names.map((name) => skill[name]).find(isObject);
  if (own === undefined) return undefined;
  return Object.fromEntries(Object.entries(functions).map(([name, of]) => [name, tool(own, name, of, check)]));
}
