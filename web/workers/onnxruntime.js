// @ts-check
// What the engine ort-web calls: onnxruntime-web, as npm has it in the folder onnxruntime.

/** @typedef {{ name: string, type: string, dims: readonly number[], bytes: Uint8Array }} NamedTensor */

const folder = new URL("./onnxruntime/", import.meta.url);
/** @type {any} */
let library;

/**
 * Loads the library, and returns its version.
 * @param {number} threads
 * @returns {Promise<string>}
 */
export async function open(threads) {
  library = await import(new URL("ort.wasm.min.mjs", folder).href);
  library.env.logLevel = "error";
  library.env.wasm.wasmPaths = folder.href;
  library.env.wasm.numThreads = threads;
  return library.env.versions.web;
}

/**
 * Compiles the library and starts its threads, with a model that does next to nothing.
 * @param {Uint8Array} model
 * @param {number} threads
 */
export async function start(model, threads) {
  const session = await load(model);
  await session.release();
  // The library goes on with one where it cannot have more.
  const found = library.env.wasm.numThreads;
  if (found !== threads) throw new Error(`it has ${found} threads instead of ${threads}`);
}

/** @param {Uint8Array} model */
export function load(model) {
  return library.InferenceSession.create(model, { executionProviders: ["wasm"], graphOptimizationLevel: "all" });
}

/**
 * An input, from a buffer of its own.
 * @param {string} name
 * @param {string} type as the library names it
 * @param {Uint32Array} dims
 * @param {Uint8Array} bytes
 */
export function tensor(name, type, dims, bytes) {
  return [name, new library.Tensor(type, elements(type, bytes.buffer), Array.from(dims))];
}

/**
 * @param {string} type
 * @param {ArrayBufferLike} buffer
 */
function elements(type, buffer) {
  switch (type) {
    case "float16": {
      const Halves = Reflect.get(globalThis, "Float16Array") ?? Uint16Array;
      return new Halves(buffer);
    }
    case "float64":
      return new Float64Array(buffer);
    case "int8":
      return new Int8Array(buffer);
    case "int32":
      return new Int32Array(buffer);
    case "int64":
      return new BigInt64Array(buffer);
    case "uint8":
    case "bool":
      return new Uint8Array(buffer);
    default:
      return new Float32Array(buffer);
  }
}

/**
 * Runs the model, and returns its outputs in the model's order.
 * @param {any} session
 * @param {[string, any][]} inputs
 * @returns {Promise<NamedTensor[]>}
 */
export async function run(session, inputs) {
  const found = await session.run(Object.fromEntries(inputs));
  return session.outputNames.map((/** @type {string} */ name) => {
    const { type, dims, data } = found[name];
    return { name, type, dims, bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
  });
}
