// node componentize.mjs PROGRAM-FOLDER OUT.wasm [FEATURE...]: makes a component of the program, with StarlingMonkey
// as its engine and the named features of the engine taken out. Runs from the folder that holds node_modules.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { componentize } from "@bytecodealliance/componentize-js";

const [program, out, ...disableFeatures] = process.argv.slice(2);

const { component } = await componentize({
  sourcePath: join(program, "skill.js"),
  witPath: join(program, "wit"),
  worldName: "js-skill",
  disableFeatures,
});
await writeFile(out, component);
