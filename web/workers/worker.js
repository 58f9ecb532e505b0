// @ts-check
// A worker of the page: loads the module that its URL names, and serves one request or runs the self-test. Or a worker of such a
// worker, which runs the model for it.
import { load, moduleName } from "./loader.js";

// Counts garbage collections, for the record: an object that nothing refers to is gone after one.
const gone = new FinalizationRegistry(() => countAnother(1));
/** @param {number} more */
function countAnother(more) {
  Reflect.set(self, "garbageCollections", (Reflect.get(self, "garbageCollections") ?? 0) + more);
  gone.register({}, undefined);
}
countAnother(0);

const parameters = new URL(self.location.href).searchParams;
const name = moduleName(parameters.get("module"));
const needs = { threads: Number(parameters.get("threads") ?? 1), relaxedSimd: parameters.has("relaxed-simd") };
const url = new URL(`./${name}_bg.wasm`, import.meta.url);

/** @param {RequestCache} cache */
async function fetchBytes(cache) {
  const response = await fetch(url, { cache });
  if (!response.ok) throw new Error(`the module ${name}_bg.wasm is not there (HTTP ${response.status})`);
  return response.arrayBuffer();
}

const servesModel = parameters.has("serve-model");
// As on a first visit, or from the cache for the worker of a worker.
const { engine, loadMs } = await load(name, () => fetchBytes(servesModel ? "default" : "reload"), needs);
const pairs = parameters.get("selftest");
if (pairs !== null) engine.selftest(Number(pairs));
else if (servesModel) engine.serve_model();
else engine.serve(loadMs, await size());

// What the module weighs, and how long it takes to load on a later visit.
async function size() {
  const response = await fetch(new URL(`./${name}.size.json`, import.meta.url));
  if (!response.ok) return null;
  const size = await response.json();
  const start = performance.now();
  await fetchBytes("force-cache");
  return { ...size, cached_ns: Math.round((performance.now() - start) * 1e6) };
}
