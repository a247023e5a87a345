// A skill in JavaScript that looks for ways out of the sandbox, and handles values of every kind.

async function tryAll(actions) {
  const attempts = { succeeded: [], failed: [] };
  for (const [what, action] of Object.entries(actions)) {
    try {
      attempts.succeeded.push({ what, text: String(await action()) });
    } catch (error) {
      attempts.failed.push({ what, text: `${error.name}: ${error.message}` });
    }
  }
  return attempts;
}

export const probe = {
  network() {
    return tryAll({
      "fetch": () => fetch("http://127.0.0.1/"),
      "fetch over TLS": () => fetch("https://example.com/"),
      "post": () => fetch("http://127.0.0.1/", { method: "POST", body: "x" }),
      "fetch a file": () => fetch("file:///etc/passwd"),
    });
  },

  startRequest() {
    try {
      return `started: ${fetch("http://127.0.0.1/")}`;
    } catch (error) {
      return `${error.name}: ${error.message}`;
    }
  },

  load() {
    return tryAll({
      "import a module": () => import("node:fs"),
      "import a file": () => import("/etc/passwd"),
      "import from the network": () => import("http://127.0.0.1/x.js"),
    });
  },

  globals(names) {
    return names.filter((name) => typeof globalThis[name] !== "undefined");
  },

  clocks() {
    const before = performance.now();
    return [Date.now() > Date.UTC(2020), performance.now() >= before];
  },

  async nap(milliseconds) {
    await new Promise((done) => setTimeout(done, milliseconds));
    return true;
  },

  random() {
    return new Set(Array.from({ length: 16 }, () => Math.random())).size === 16;
  },

  systemRandom() {
    return new Set(Array.from({ length: 16 }, () => crypto.randomUUID())).size === 16;
  },

  print(line) {
    console.log(`out: ${line}`);
    console.error(`err: ${line}`);
  },
};

export const values = {
  echo: (s) => s,

  sort(entries, order) {
    const compare = {
      "ascending": (a, b) => (a.key < b.key ? -1 : 1),
      "most-recent-first": (a, b) => (a.count > b.count ? -1 : 1),
    };
    return entries.sort(compare[order]);
  },

  select(entries, query) {
    switch (query.tag) {
      case "by-key": {
        const found = entries.filter((entry) => entry.key === query.val);
        if (found.length === 0) throw { tag: "not-found", val: query.val };
        return found;
      }
      case "between": {
        const [low, high] = query.val;
        return entries.filter((entry) => low <= entry.count && entry.count <= high);
      }
      default:
        return entries;
    }
  },

  columns(entry, { key, itemCount, tags }) {
    const texts = [];
    if (key) texts.push(entry.key);
    if (itemCount) texts.push(String(entry.count));
    if (tags) texts.push(entry.tags.join(",") || undefined);
    return texts;
  },

  sum: (data, start) => data.reduce((sum, byte) => sum + BigInt(byte), start),

  reverse: (data) => data.slice().reverse(),

  quotients(dividends, divisor) {
    return Array.from(dividends, (dividend) =>
      divisor === 0 ? { tag: "err", val: `${dividend} / 0` } : { tag: "ok", val: dividend / divisor });
  },

  nested: (v) => v,

  refuse(reason) {
    throw reason;
  },

  crash(message) {
    throw new Error(message);
  },
};

export function greet(name) {
  return `Hello, ${name}!`;
}
