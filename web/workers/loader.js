// @ts-check
// Loads the wasm module of an engine, timing each step: the same way in browsers and in Node.

/**
 * @typedef {import("../messages.d.ts").LoadMs} LoadMs
 * @typedef {import("../messages.d.ts").ModuleSize} ModuleSize
 *
 * What a module exports, as wasm-bindgen writes it.
 * @typedef {object} EngineModule
 * @property {(input: { module_or_path: WebAssembly.Module | URL }) => Promise<unknown>} default
 * @property {(loadMs: LoadMs, size: ModuleSize | null) => void} serve
 * @property {() => void} serve_model
 * @property {(pairs: number) => void} selftest
 * @property {() => import("../messages.d.ts").ModuleInfo} module_info
 * @property {(message: object, ms: number, loaded: () => void, pause: () => Promise<void>) => Promise<number>} busy_loop
 * @property {(threads: number) => Promise<void>} [initThreadPool]
 */

// The module (func (result v128) (i8x16.relaxed_swizzle (i8x16.splat (i32.const 1)) (i8x16.splat (i32.const 2)))).
const RELAXED_SIMD = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2, 253, 15, 253,
  128, 2, 11,
]);

/**
 * The module that a URL names: never a path, which would lead elsewhere.
 * @param {string | null} found
 */
export function moduleName(found) {
  if (!/^[\w-]+$/.test(found ?? "")) throw new Error(`expected the name of a module, found ${JSON.stringify(found)}`);
  return String(found);
}

/**
 * @param {string} name of the module's files
 * @param {() => Promise<BufferSource>} fetchBytes
 * @param {{ threads: number, relaxedSimd: boolean }} needs
 * @returns {Promise<{ engine: EngineModule, loadMs: LoadMs }>}
 */
export async function load(name, fetchBytes, { threads, relaxedSimd }) {
  if (relaxedSimd && !WebAssembly.validate(RELAXED_SIMD)) throw new Error("this browser has no relaxed SIMD");
  const start = performance.now();
  const bytes = await fetchBytes();
  const downloaded = performance.now();
  const module = await WebAssembly.compile(bytes);
  const compiled = performance.now();
  const engine = /** @type {EngineModule} */ (await import(`./${name}.js`));
  await engine.default({ module_or_path: module });
  const instantiated = performance.now();
  if (threads > 1) await engine.initThreadPool?.(threads);
  const started = performance.now();
  const loadMs = {
    download: downloaded - start,
    compile: compiled - downloaded,
    instantiate: instantiated - compiled,
    threads: threads > 1 ? started - instantiated : null,
  };
  return { engine, loadMs };
}
