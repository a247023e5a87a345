// The tools of wit/http-api.wit. The requests are plain `fetch`.

const LONGEST_REFUSAL = 4096;
const PAGES = 10;
const MOST_PAGES = 100;
const TIMEOUT = 20_000;

function parsed(text) {
  let url;
  try {
    url = new URL(text);
  } catch {
    throw { tag: "bad-url", val: `not a URL: ${text.slice(0, 200)}` };
  }
  if (url.protocol !== "https:" && url.protocol !== "http:") throw { tag: "bad-url", val: `expected http or https, got ${url.protocol}` };
  url.hash = "";
  return url;
}

// Sends one request; returns the response and the text of its body.
async function ask(method, url, body) {
  const headers = { accept: "application/json" };
  if (body !== undefined) headers["content-type"] = "application/json";
  let response;
  let text;
  try {
    response = await fetch(url, { method, headers, body, signal: AbortSignal.timeout(TIMEOUT) });
    text = await response.text();
  } catch (error) {
    throw { tag: "no-response", val: error.message };
  }
  if (!response.ok) throw { tag: "status", val: { status: response.status, body: text.slice(0, LONGEST_REFUSAL) } };
  return { response, text };
}

function json(text, tag, what) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw { tag, val: `${what} is not JSON: ${error.message}` };
  }
}

async function answer(method, url, body) {
  const { response, text } = await ask(method, url.href, body);
  if (text !== "") json(text, "unexpected", "the answer");
  return { status: response.status, body: text === "" ? undefined : text };
}

// The URL of the next page in a `Link` header, or undefined.
function next(header, base) {
  for (const [, target, parameters] of (header ?? "").matchAll(/<([^>]*)>([^,]*)/g)) {
    if (/;\s*rel\s*=\s*"?next"?\s*(;|$)/i.test(parameters)) return new URL(target, base);
  }
  return undefined;
}

export const api = {
  get(url, query) {
    const target = parsed(url);
    for (const [name, value] of query ?? []) target.searchParams.append(name, value);
    return answer("GET", target);
  },

  send(method, url, body) {
    if (body !== undefined) json(body, "bad-json", "the body");
    return answer(method.toUpperCase(), parsed(url), body);
  },

  async pages(url, pages) {
    const items = [];
    let at = parsed(url);
    for (let left = Math.min(pages ?? PAGES, MOST_PAGES); at !== undefined && left > 0; left--) {
      const { response, text } = await ask("GET", at.href);
      const page = json(text, "unexpected", "the page");
      if (!Array.isArray(page)) throw { tag: "unexpected", val: `expected an array, got ${text.slice(0, 100)}` };
      for (const item of page) items.push(JSON.stringify(item));
      at = next(response.headers.get("link"), at);
    }
    return { items, more: at !== undefined };
  },
};
