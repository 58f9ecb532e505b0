// @ts-check
// Runs a model again and again where it is loaded, in a worker or on a page's main thread, while the page is watched.
import { moduleName } from "./loader.js";

/** @typedef {import("../messages.d.ts").BusyLoopEvent} BusyLoopEvent */

const name = moduleName(new URL(self.location.href).searchParams.get("module"));
/** @type {(event: BusyLoopEvent) => void} */
const tell = self.document ? (event) => parent.postMessage(event, location.origin) : (event) => self.postMessage(event);

self.onmessage = async ({ data, origin }) => {
  // A frame hears every page that has it. Messages to a worker have no origin, and come from the page that started it.
  if (self.document && origin !== location.origin) return;
  try {
    /** @type {import("./loader.js").EngineModule} */
    const engine = await import(`./${name}.js`);
    await engine.default({ module_or_path: new URL(`./${name}_bg.wasm`, import.meta.url) });
    // Time for frames and messages between two runs.
    const pause = () => new Promise((/** @type {(value: void) => void} */ resolve) => setTimeout(resolve));
    const runs = await engine.busy_loop(data, data.ms, () => tell({ event: "loaded" }), pause);
    tell({ event: "done", runs });
  } catch (error) {
    tell({ event: "failed", message: error instanceof Error ? error.message : String(error) });
  }
};
tell({ event: "ready" });
