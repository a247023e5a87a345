// node componentize.mjs PROGRAM.js WIT OUT.wasm: makes a component of the program, with StarlingMonkey as its engine. Of
// the engine's features, clocks and random numbers stay: without them, both are those of the build. Runs from the folder
// that holds node_modules.
import fs from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { componentize } from "@bytecodealliance/componentize-js";

const [sourcePath, witPath, out] = process.argv.slice(2);
const { writeFile } = fs;

// The glue that the tool writes counts the bytes of a text character by character, in JavaScript: 2,600 units of fuel for
// each, so that 256 KiB of output would take most of a run. `TextEncoder` does all of it for 40.
const COUNTING = /let len = 0;\s+let codepoints = 0;\s+for [\s\S]*?throw new Error\('failed to encode whole string'\);\s+\}/g;
const ENCODING = `const encoded = TEXT_ENCODER_UTF8.encode(s);
  const len = encoded.length;
  const codepoints = len;
  const ptr = realloc(0, 0, 1, len);
  new Uint8Array(memory.buffer, ptr, len).set(encoded);`;
let replaced = 0;
fs.writeFile = (path, data, ...rest) => {
  if (String(path).endsWith("initializer.js")) {
    data = String(data).replace(COUNTING, () => {
      replaced++;
      return ENCODING;
    });
  }
  return writeFile(path, data, ...rest);
};
syncBuiltinESMExports();

const { component } = await componentize({
  sourcePath,
  witPath,
  worldName: "javascript",
  disableFeatures: ["stdio", "http", "fetch-event"],
});
if (replaced !== 1) throw new Error(`the glue of componentize-js is not as expected: ${replaced} places to replace`);
await writeFile(out, component);
