// The `console` of the code: what it prints is kept for the answer. Never throws.

import * as js from "./intrinsics.js";
import { inspect } from "./inspect.js";

export function makeConsole(out, err, now) {
  const counts = new Map();
  const started = new Map();
  let indent = "";

  const line = (kept, text) => kept.write(`${indent === "" ? text : indentedLines(text, indent)}\n`);
  const printer = (kept) => (...items) => line(kept, format(items));
  const log = printer(out);
  const warn = printer(err);
  const named = (label) => (label === undefined ? "default" : textOf(label));

  return {
    log,
    info: log,
    debug: log,
    warn,
    error: warn,
    trace: (...items) => line(err, `Trace: ${format(items)}`),
    dir: (item) => line(out, inspect(item)),
    dirxml: log,
    assert: (condition, ...items) => {
      if (!condition) line(err, items.length === 0 ? "Assertion failed" : `Assertion failed: ${format(items)}`);
    },
    table: (rows) => line(out, inspect(rows)),
    group: (...items) => {
      if (items.length > 0) log(format(items));
      if (indent.length < 64) indent += "  ";
    },
    groupCollapsed: (...items) => {
      if (items.length > 0) log(format(items));
      if (indent.length < 64) indent += "  ";
    },
    groupEnd: () => {
      indent = js.slice(indent, 2);
    },
    count: (label) => {
      const name = named(label);
      const count = (js.mapGet(counts, name) ?? 0) + 1;
      js.mapSet(counts, name, count);
      line(out, `${name}: ${count}`);
    },
    countReset: (label) => {
      js.mapSet(counts, named(label), 0);
    },
    time: (label) => {
      js.mapSet(started, named(label), now());
    },
    timeLog: (label, ...items) => line(out, timed(named(label), items)),
    timeEnd: (label, ...items) => line(out, timed(named(label), items)),
    clear: () => {},
  };

  function timed(name, items) {
    const since = js.mapGet(started, name);
    const text = since === undefined ? `${name}: not started` : `${name}: ${now() - since} ms`;
    return items.length === 0 ? text : `${text} ${format(items)}`;
  }
}

function indentedLines(text, indent) {
  let all = indent;
  let from = 0;
  for (;;) {
    const end = js.indexOf(text, "\n", from);
    if (end < 0) return all + js.slice(text, from);
    all += js.slice(text, from, end + 1) + indent;
    from = end + 1;
  }
}

const textOf = (item) => (typeof item === "string" ? item : inspect(item));

// The items in a row; a first text may have places for others: %s %d %i %f %j %o %O %c and %%.
function format(items) {
  let text = "";
  let at = 0;
  if (items.length > 1 && typeof items[0] === "string") {
    at = 1;
    let from = 0;
    for (;;) {
      const mark = js.indexOf(items[0], "%", from);
      if (mark < 0 || mark === items[0].length - 1) break;
      const kind = js.charAt(items[0], mark + 1);
      const known = js.indexOf("sdifjoOc%", kind) >= 0;
      text += js.slice(items[0], from, mark);
      if (kind === "%") text += "%";
      else if (!known || at >= items.length) text += `%${kind}`;
      else text += placed(kind, items[at++]);
      from = mark + 2;
    }
    text += js.slice(items[0], from);
  }
  for (let i = at; i < items.length; i++) text += i === 0 ? textOf(items[i]) : ` ${textOf(items[i])}`;
  return text;
}

function placed(kind, item) {
  if (kind === "c") return "";
  if (kind === "s") return textOf(item);
  if (kind === "d" || kind === "i" || kind === "f") {
    if (typeof item !== "number" && typeof item !== "string") return typeof item === "bigint" ? inspect(item) : "NaN";
    const number = js.toNumber(item);
    return js.toText(kind === "i" ? js.trunc(number) : number);
  }
  return inspect(item);
}
