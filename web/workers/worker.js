// Loads the wasm module of one engine, timing each step, and lets it serve one request or check itself.
const parameters = new URL(self.location.href).searchParams;
const engine = parameters.get("engine");
const start = performance.now();
const response = await fetch(new URL(`./${engine}_bg.wasm`, import.meta.url));
if (!response.ok) throw new Error(`the engine's module ${engine}_bg.wasm is not there (HTTP ${response.status})`);
const bytes = await response.arrayBuffer();
const downloaded = performance.now();
const module = await WebAssembly.compile(bytes);
const compiled = performance.now();
const { default: instantiate, selftest, serve } = await import(`./${engine}.js`);
await instantiate({ module_or_path: module });
if (parameters.has("selftest")) selftest(Number(parameters.get("selftest")));
else serve(downloaded - start, compiled - downloaded, performance.now() - compiled);
