// Loads the wasm module of one engine, timing each step, and lets it serve one request or check itself.
const parameters = new URL(self.location.href).searchParams;
const engine = parameters.get("engine");
const threads = Number(parameters.get("threads") ?? 1);

// The module (func (result v128) (i8x16.relaxed_swizzle (i8x16.splat (i32.const 1)) (i8x16.splat (i32.const 2)))).
const RELAXED = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2, 253, 15,
  253, 128, 2, 11,
]);
const NEEDS_RELAXED = ["tract-relaxed", "tract-threads"];
if (NEEDS_RELAXED.includes(engine) && !WebAssembly.validate(RELAXED)) throw new Error("this browser has no relaxed SIMD");

const address = new URL(`./${engine}_bg.wasm`, import.meta.url);
const start = performance.now();
const response = await fetch(address, { cache: "reload" }); // as on a first visit
if (!response.ok) throw new Error(`the engine's module ${engine}_bg.wasm is not there (HTTP ${response.status})`);
const bytes = await response.arrayBuffer();
const downloaded = performance.now();
const module = await WebAssembly.compile(bytes);
const compiled = performance.now();
const { default: instantiate, initThreadPool, selftest, serve } = await import(`./${engine}.js`);
await instantiate({ module_or_path: module });
const instantiated = performance.now();
if (threads > 1) await initThreadPool(threads);
const started = performance.now();

// How long the same takes on a later visit.
async function cachedNs() {
  const start = performance.now();
  await (await fetch(address, { cache: "force-cache" })).arrayBuffer();
  return Math.round((performance.now() - start) * 1e6);
}

if (parameters.has("selftest")) selftest(Number(parameters.get("selftest")));
else {
  const size = await fetch(new URL(`./${engine}.size.json`, import.meta.url));
  const told = size.ok ? JSON.stringify({ ...(await size.json()), cached_ns: await cachedNs() }) : undefined;
  const pool = threads > 1 ? started - instantiated : undefined;
  serve(downloaded - start, compiled - downloaded, instantiated - compiled, pool, told);
}
