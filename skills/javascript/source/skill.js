// The tool `run`: whatever the code does, an answer or a problem comes back, as far as the engine still works.

import "./fetch.js";
import { run } from "./run.js";
import { clean, MESSAGE } from "./shown.js";
import { define, Unusable } from "./variables.js";

// What could not work here, and would only mislead.
for (const name of [
  "MultipartFormData", "location", "WorkerLocation", "CacheStorage", "caches", "CacheEntry", "SimpleStore",
]) {
  delete globalThis[name];
}

export const interpreter = {
  async run(code, variables) {
    try {
      if (variables !== undefined) define(variables);
    } catch (error) {
      if (error instanceof Unusable) throw { tag: "bad-variables", val: clean(error.why, MESSAGE) };
      throw error;
    }
    const { stdout, stderr, value, failure } = await run(code);
    if (failure === undefined) return { stdout, stderr, value };
    failure.stdout = stdout;
    failure.stderr = stderr;
    throw { tag: "raised", val: failure };
  },
};
