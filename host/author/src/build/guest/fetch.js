// Made by `ringfence build`. `fetch` over `ringfence:skill/http`, under the grants of the operator. The engine's own `Request`,
// `Response` and `Headers` do the rest.

import { fetchMany, open } from "ringfence:skill/http@0.2.0";

const { apply } = Reflect;
const PIECE = 65536;
const MOST_MILLISECONDS = 2 ** 32 - 1;
const EMPTY = new Set([204, 205, 304]);
// The host sets these, and refuses them from a program.
const OF_CONNECTION = new Set([
  "accept-encoding", "connection", "content-length", "expect", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade",
]);
// What may be sent again if the answers of several requests are too large together.
const READS = new Set(["GET", "HEAD"]);
const MOST_AT_ONCE = 256;

// When the signals of `AbortSignal.timeout` end: a signal itself does not say.
const ends = new WeakMap();
const timeout = AbortSignal.timeout;
AbortSignal.timeout = (milliseconds) => {
  const signal = apply(timeout, AbortSignal, [milliseconds]);
  ends.set(signal, Date.now() + milliseconds);
  return signal;
};

const bytesOf = (text) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
const textOf = (bytes) => Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");

// The requests of one step of the program, which the host sends at once: a call to it blocks the program.
let waiting = [];

function send(request) {
  return new Promise((resolve, reject) => {
    waiting.push({ request, resolve, reject });
    if (waiting.length === 1) Promise.resolve().then(sendAll);
  });
}

function sendAll() {
  const reads = waiting.filter(({ request }) => READS.has(request.method));
  const rest = waiting.filter(({ request }) => !READS.has(request.method));
  waiting = [];
  while (reads.length > 1) {
    const some = reads.splice(0, MOST_AT_ONCE);
    let answers;
    try {
      answers = fetchMany(some.map(({ request }) => request));
    } catch (error) {
      some.forEach(({ reject }) => reject(error));
      continue;
    }
    some.forEach((one, at) => {
      const { tag, val } = answers[at];
      if (tag === "ok") one.resolve([val.head, val.body]);
      else if (val.tag === "limit") rest.push(one);
      else one.reject({ payload: val });
    });
  }
  for (const { request, resolve, reject } of [...reads, ...rest]) {
    try {
      resolve(open(request));
    } catch (error) {
      reject(error);
    }
  }
}

function failure(error, method, url) {
  const { tag, val } = error?.payload ?? {};
  switch (tag) {
    case "denied":
      return new TypeError(
        `fetch: no grant allows ${method} ${url}; the operator can add --grant 'http ${method} ${url.split("?")[0]}' (the report's \`denied\` has the reason, and the URL after redirects)`,
      );
    case "timeout":
      return new DOMException("The operation timed out.", "TimeoutError");
    case "invalid":
      return new TypeError(`fetch: the host refuses ${method} ${url}: ${val}`);
    case "limit":
      return new TypeError(`fetch: a limit was reached: ${val}`);
    case "failed":
      return new TypeError(`fetch: ${method} ${url} failed: ${val}`);
    default:
      return error;
  }
}

// The body of a response, which the host reads as it is needed.
function stream(pieces, method, url) {
  return new ReadableStream({
    pull(controller) {
      let piece;
      try {
        piece = pieces.read(PIECE);
      } catch (error) {
        controller.error(failure(error, method, url));
        return;
      }
      if (piece.length > 0) {
        controller.enqueue(piece);
      } else {
        pieces[Symbol.dispose]?.();
        controller.close();
      }
    },
    cancel() {
      pieces[Symbol.dispose]?.();
    },
  });
}

globalThis.fetch = async (input, init) => {
  const { signal, ...rest } = init ?? {};
  // The engine's `throwIfAborted` throws nothing, and its requests do not work with every signal.
  if (signal?.aborted) throw signal.reason ?? new DOMException("The operation was aborted.", "AbortError");
  const request = new Request(input, rest);
  const url = new URL(request.url);
  if (url.protocol !== "http:" && url.protocol !== "https:") throw new TypeError(`fetch: expected http or https, got ${url.protocol}`);
  url.hash = "";
  const { method } = request;
  const redirect = init?.redirect ?? "follow";
  const body = request.body ? new Uint8Array(await request.arrayBuffer()) : undefined;
  const left = signal && ends.has(signal) ? Math.min(Math.max(Math.ceil(ends.get(signal) - Date.now()), 1), MOST_MILLISECONDS) : undefined;
  const own = [...request.headers].filter(([name]) => !OF_CONNECTION.has(name));
  const headers = own.map(([name, value]) => [name, bytesOf(value)]);
  let head;
  let pieces;
  try {
    [head, pieces] = await send({ method, url: url.href, headers, body, timeout: left, redirects: redirect === "follow" ? "follow" : "manual" });
  } catch (error) {
    throw failure(error, method, url.href);
  }
  const moved = [301, 302, 303, 307, 308].includes(head.status);
  if (moved && redirect === "error") throw new TypeError(`fetch: ${url.href} redirects`);
  const empty = EMPTY.has(head.status) || method === "HEAD";
  if (empty) pieces[Symbol.dispose]?.();
  const whole = ArrayBuffer.isView(pieces);
  const response = new Response(empty ? null : whole ? pieces : stream(pieces, method, url.href), {
    status: head.status,
    headers: head.headers.map(([name, value]) => [name, textOf(value)]),
  });
  // Both have only getters.
  Object.defineProperty(response, "url", { value: head.url, configurable: true });
  Object.defineProperty(response, "redirected", { value: head.url !== url.href, configurable: true });
  return response;
};
