// @ts-check
// What the engines ort-web and ort-webgpu call: onnxruntime-web, as npm has it in the folder onnxruntime.

/** @typedef {{ name: string, type: string, dims: readonly number[], bytes: Uint8Array }} NamedTensor */

const folder = new URL("./onnxruntime/", import.meta.url);
/** @type {any} */
let library;
let wanted = { threads: 1, onGpu: false };

/**
 * Loads the library, and returns its version.
 * @param {number} threads
 * @param {boolean} onGpu
 * @returns {Promise<string>}
 */
export async function open(threads, onGpu) {
  wanted = { threads, onGpu };
  library = await import(new URL(onGpu ? "ort.webgpu.min.mjs" : "ort.wasm.min.mjs", folder).href);
  library.env.logLevel = "error";
  library.env.wasm.wasmPaths = folder.href;
  library.env.wasm.numThreads = threads;
  if (onGpu) library.env.webgpu.powerPreference = "high-performance";
  return library.env.versions.web;
}

/**
 * Compiles the library and starts its threads, with a model that does next to nothing. Returns the adapter on the GPU.
 * @param {Uint8Array} model
 */
export async function start(model) {
  const session = await load(model);
  await session.release();
  if (wanted.onGpu) return adapter();
  // The library goes on with one where it cannot have more.
  const { numThreads } = library.env.wasm;
  if (numThreads !== wanted.threads) throw new Error(`it has ${numThreads} threads instead of ${wanted.threads}`);
}

/** The adapter that the library chose, as a record has it. */
async function adapter() {
  const { gpu } = self.navigator;
  const found = await gpu?.requestAdapter({ powerPreference: "high-performance" });
  if (!found) throw new Error("there is no graphics adapter");
  const { description, vendor, architecture, device, isFallbackAdapter } = found.info;
  /** @type {Record<string, number>} */
  const limits = {};
  for (const name in found.limits) {
    const limit = Reflect.get(found.limits, name);
    if (Number.isSafeInteger(limit)) limits[name] = limit;
  }
  return {
    name: description || [vendor, architecture, device].filter(Boolean).join(" ") || "unnamed",
    graphics_api: "browser-webgpu",
    driver: "",
    software: isFallbackAdapter ?? false,
    features: [...found.features].sort(),
    limits,
  };
}

/**
 * @param {Uint8Array} model
 * @param {object} [extra] settings of the session
 */
export function load(model, extra = {}) {
  const executionProviders = [wanted.onGpu ? "webgpu" : "wasm"];
  return library.InferenceSession.create(model, { executionProviders, graphOptimizationLevel: "all", ...extra });
}

/**
 * Why nodes of a model that can be loaded run on the CPU although a GPU was asked for; empty if none does. Loads it once more, without that.
 * @param {Uint8Array} model
 */
export async function nodesOnCpu(model) {
  try {
    const session = await load(model, { extra: { session: { disable_cpu_ep_fallback: "1" } } });
    await session.release();
    return "";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
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
