// In Node what a worker of the page is in a browser: serves the request in its folder with the wasm module of an engine. With
// `facts` as second argument it only says how the module was built, and what its clock is like.
import { existsSync, readFileSync, writeFileSync, writeSync } from "node:fs";

const [modulePath, task] = process.argv.slice(2);
const here = (name) => new URL(`./${name}`, import.meta.url);

function say(line) {
  let rest = Buffer.from(line + "\n");
  while (rest.length > 0) rest = rest.subarray(writeSync(1, rest));
}

function buffer(file) {
  // A copy: what Node reads may lie in a larger buffer.
  return existsSync(file) ? new Uint8Array(readFileSync(file)).buffer : undefined;
}

process.on("uncaughtException", (error) => {
  say(JSON.stringify({ event: "died", message: String(error) }));
  process.exit(1);
});
globalThis.postMessage = ({ json, tensors }) => {
  if (tensors.byteLength > 0) writeFileSync(here("tensors.bundle"), new Uint8Array(tensors));
  say(json);
};

const sizePath = modulePath.replace("_bg.wasm", ".size.json");
const told = existsSync(sizePath) ? readFileSync(sizePath, "utf8") : undefined;

const start = performance.now();
const bytes = readFileSync(modulePath);
const read = performance.now();
const module = await WebAssembly.compile(bytes);
const compiled = performance.now();
const { default: instantiate, facts, serve } = await import("./engine.mjs");
await instantiate({ module_or_path: module });
const instantiated = performance.now();
if (task === "facts") {
  say(facts());
} else {
  serve(read - start, compiled - read, instantiated - compiled, undefined, told);
  const json = readFileSync(here("request.json"), "utf8");
  const path = JSON.parse(json).model.file?.path;
  const model = path === undefined ? undefined : buffer(path);
  globalThis.onmessage({
    data: { json, model, inputs: buffer(here("inputs.bundle")), reference: buffer(here("reference.bundle")) },
  });
}
