// Runs code as a script, waits for what it has started, and tells how it ended.

import { parse as parseWithAwait } from "./acorn.mjs";
import { makeConsole } from "./console.js";
import { inspect, namedError, dataAbove } from "./inspect.js";
import * as js from "./intrinsics.js";
import { asJson } from "./plain.js";
import * as shown from "./shown.js";
import { pause, Timers } from "./timers.js";

const CODE = "<code>";
const NAMED = `\n//# sourceURL=${CODE}`;
const OPENING = "(async()=>{";
const FRAMES = 30;

// What code that cannot be parsed by this engine's `eval` throws, if it came from the parser that knows `await`.
class BadSyntax {
  constructor(message, line, column) {
    this.message = message;
    this.line = line;
    this.column = column;
  }
}

// Gives `{ stdout, stderr, value }`, or `{ stdout, stderr, failure }`.
export async function run(code) {
  const out = new shown.Kept("stdout", shown.STDOUT);
  const err = new shown.Kept("stderr", shown.STDERR);
  const started = Date.now();
  const dateNow = Date.now;
  const now = () => dateNow() - started;
  const timers = new Timers(now);
  globalThis.console = makeConsole(out, err, now);
  Object.assign(globalThis, timers.globals());
  // How many columns of the first line are not the code's, and how many lines the code has.
  const shift = { columns: 0, lines: code.split("\n").length };
  let value;
  let failure;
  try {
    const { it } = await settled(evaluate(code, shift), timers);
    do await pause(0);
    while (await timers.fire());
    value = valueOf(it);
  } catch (thrown) {
    failure = told(thrown, shift);
  }
  return { __proto__: null, stdout: out.text(), stderr: err.text(), value, failure };
}

function evaluate(code, shift) {
  try {
    // Not `eval(…)` itself: that would see the names of this function.
    return (0, js.globalEval)(code + NAMED);
  } catch (error) {
    if (!(error instanceof SyntaxError) || js.indexOf(code, "await") < 0) throw error;
    // It may be a mistake of its own, or of what it evaluates: then this says so again.
    const wrapped = withAwait(code);
    shift.columns = OPENING.length;
    return (0, js.globalEval)(wrapped + NAMED);
  }
}

// The code as the body of an asynchronous function that returns the value of the last expression.
function withAwait(code) {
  let tree;
  try {
    tree = parseWithAwait(code, { ecmaVersion: "latest", allowAwaitOutsideFunction: true });
  } catch (error) {
    throw new BadSyntax(error.message.replace(/ \(\d+:\d+\)$/, ""), error.loc?.line, error.loc && error.loc.column + 1);
  }
  const last = tree.body.at(-1);
  if (last?.type !== "ExpressionStatement") return `${OPENING}${code}\n})()`;
  const expression = code.slice(last.start, last.end).replace(/;$/, "");
  return `${OPENING}${code.slice(0, last.start)}return (${expression}\n);${code.slice(last.end)}\n})()`;
}

// What a promise comes to, timers running meanwhile; any other value as it is.
async function settled(value, timers) {
  let end;
  try {
    js.then(
      value,
      (it) => {
        end = { ok: true, it };
      },
      (it) => {
        end = { ok: false, it };
      },
    );
  } catch {
    return wrap(value); // no promise
  }
  for (;;) {
    await pause(0);
    if (end !== undefined) break;
    if (!(await timers.fire())) throw new Error("the promise can never be settled: no timer is left and nothing else can happen");
  }
  if (!end.ok) throw end.it;
  return wrap(end.it);
}

// So that `await` does not take what it is for another promise.
const wrap = (it) => ({ __proto__: null, it });

function valueOf(it) {
  if (it === undefined) return undefined;
  const json = asJson(it);
  return json !== null ? { tag: "json", val: json } : { tag: "text", val: shown.clean(inspect(it), shown.VALUE) };
}

function told(thrown, shift) {
  if (thrown instanceof BadSyntax) {
    const stack = `SyntaxError: ${thrown.message}\n    at ${CODE}:${thrown.line}:${thrown.column}`;
    return failureOf("SyntaxError", thrown.message, thrown.line, thrown.column, stack);
  }
  try {
    // What the engine throws when it gets no memory.
    if (thrown === "out of memory") return failureOf("InternalError", thrown, undefined, undefined, `InternalError: ${thrown}`);
    if (!js.isError(thrown)) return failureOf(typeof thrown, thrownText(thrown), undefined, undefined, "");
    return errorTold(thrown, shift);
  } catch {
    return failureOf("Error", "(what was thrown cannot be shown)", undefined, undefined, "");
  }
}

const thrownText = (thrown) => (typeof thrown === "string" ? thrown : inspect(thrown));

function errorTold(error, shift) {
  const { name, message } = namedError(error);
  const frames = [];
  const at = { line: undefined, column: undefined };
  readStack(js.stackOf(error), shift, frames, at);
  // An error of the parser bears the name of the file that called it, and the line of the code.
  if (at.line === undefined && name === "SyntaxError" && js.exec(EVALUATED, `${dataAbove(error, "fileName")}`) !== null) {
    at.line = number(dataAbove(error, "lineNumber"));
    at.column = number(dataAbove(error, "columnNumber"));
    js.push(frames, `    at ${CODE}:${at.line}:${at.column}`);
  }
  let text = message === "" ? name : `${name}: ${message}`;
  for (let i = 0; i < frames.length; i++) text += `\n${frames[i]}`;
  text += causes(error);
  return failureOf(name, message, at.line, at.column, text);
}

function causes(error) {
  let text = "";
  const errors = dataAbove(error, "errors");
  if (js.isArray(errors)) text += `\nerrors: ${inspect(errors)}`;
  for (let i = 0; i < 10; i++) {
    error = js.isError(error) ? dataAbove(error, "cause") : undefined;
    if (error === undefined) break;
    text += `\ncause: ${inspect(error)}`;
  }
  return text;
}

const EVALUATED = /^\S*run\.js(?: line \d+ > eval)?$/;
const FRAME = /^(?:async\*|promise callback\*|setTimeout handler\*)?([^@\n]*)@<code>:(\d+):(\d+)$/;

// The frames of the code in a stack of the engine: lines of `function@file:line:column`.
function readStack(stack, shift, frames, at) {
  if (typeof stack !== "string") return;
  let from = 0;
  while (from < stack.length && frames.length < FRAMES) {
    let end = js.indexOf(stack, "\n", from);
    if (end < 0) end = stack.length;
    const found = js.exec(FRAME, js.slice(stack, from, end));
    from = end + 1;
    if (found === null) continue;
    const line = js.toNumber(found[2]);
    // The last line of what is put around code with `await`.
    if (line > shift.lines) continue;
    const column = js.toNumber(found[3]) - (line === 1 ? shift.columns : 0);
    if (at.line === undefined) {
      at.line = line;
      at.column = column;
    }
    const where = `${CODE}:${line}:${column}`;
    js.push(frames, found[1] === "" ? `    at ${where}` : `    at ${found[1]} (${where})`);
  }
}

const number = (it) => (typeof it === "number" && it > 0 && it < 2 ** 31 ? js.trunc(it) : undefined);

const failureOf = (kind, message, line, column, stack) => ({
  __proto__: null,
  kind: shown.clean(kind, 1000),
  message: shown.clean(message, shown.MESSAGE),
  line: number(line),
  column: number(column),
  stack: shown.clean(stack, shown.STACK),
});
