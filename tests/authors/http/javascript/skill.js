// Plain `fetch`, as a program that knows nothing of the host uses it.

async function run(what, site) {
  switch (what) {
    case "get":
      return (await fetch(`${site}/json`)).text();
    case "post": {
      const response = await fetch(`${site}/echo?q=a%20b`, { method: "POST", body: "body", headers: { "X-Probe": "p" } });
      const { method, path, body, headers } = await response.json();
      return JSON.stringify({ method, path, body, "x-probe": headers["x-probe"] });
    }
    case "redirect": {
      const response = await fetch(`${site}/redirect`);
      return `${response.status} ${new URL(response.url).pathname}`;
    }
    case "missing":
      return String((await fetch(`${site}/nowhere`)).status);
    case "large":
      return String((await (await fetch(`${site}/large`)).arrayBuffer()).byteLength);
    case "timeout":
      try {
        await fetch(`${site}/slow`, { signal: AbortSignal.timeout(300) });
      } catch (error) {
        return error.name === "TimeoutError" ? "timed out" : String(error);
      }
    case "forbidden":
      try {
        await fetch(`${site}/forbidden`);
      } catch (error) {
        return error instanceof TypeError && error.message.includes("no grant allows GET") ? "denied" : String(error);
      }
  }
  return "no such probe";
}

export const tools = {
  async probe(what, site) {
    try {
      return await run(what, site);
    } catch (error) {
      throw error.message;
    }
  },
};
