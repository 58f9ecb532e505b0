// @ts-check
// In Node what a worker is in a browser: node node-worker.js MODULE [FOLDER]. Serves the request in FOLDER, or says how the module was
// built and what its clock is like.
import { existsSync, readFileSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { load } from "./loader.js";

const [name, folder] = process.argv.slice(2);
/** @param {string} file */
const nextToThis = (file) => new URL(`./${file}`, import.meta.url);

/** @param {object} event */
function say(event) {
  let rest = Buffer.from(JSON.stringify(event) + "\n");
  try {
    while (rest.length > 0) rest = rest.subarray(writeSync(1, rest));
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code !== "EPIPE" && code !== "EOF") throw error;
    // The program that started this one is gone, and has left the folder.
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
    process.exit(1);
  }
}

/** @param {string | undefined} file */
function buffer(file) {
  // A copy: what Node reads may be part of a larger buffer.
  return file !== undefined && existsSync(file) ? new Uint8Array(readFileSync(file)).buffer : undefined;
}

process.on("uncaughtException", (error) => {
  say({ died: { message: String(error) } });
  process.exit(1);
});

const readBytes = async () => readFileSync(nextToThis(`${name}_bg.wasm`));
const { engine, loadMs } = await load(name, readBytes, { threads: 1, relaxedSimd: false });
if (folder === undefined) {
  say(engine.module_info());
} else {
  /** @param {string} file */
  const inFolder = (file) => join(folder, file);
  const scope = /** @type {any} */ (globalThis);
  scope.postMessage = (/** @type {{ event: object, tensors: ArrayBuffer }} */ { event, tensors }) => {
    if (tensors.byteLength > 0) writeFileSync(inFolder("outputs.tensors"), new Uint8Array(tensors));
    say(event);
  };
  const sizePath = nextToThis(`${name}.size.json`);
  engine.serve(loadMs, existsSync(sizePath) ? JSON.parse(readFileSync(sizePath, "utf8")) : null);
  const request = JSON.parse(readFileSync(inFolder("request.json"), "utf8"));
  scope.onmessage({
    data: {
      request,
      model: buffer(request.model.file?.path),
      inputs: buffer(inFolder("inputs.tensors")),
      reference: buffer(inFolder("reference.tensors")),
    },
  });
}
