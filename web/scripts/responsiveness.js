// @ts-check
// Watches how fast the page responds: while nothing runs, while a model runs in a worker, and while it runs on the main thread.

/**
 * @typedef {import("../messages.d.ts").BusyLoopEvent} BusyLoopEvent
 * @typedef {import("../messages.d.ts").PageWatch} PageWatch
 * @typedef {Pick<PageWatch, "frames_ns" | "delays_ns">} Seen
 *
 * What a busy loop is reached by: a worker, or a stand-in for a frame.
 * @typedef {object} Port
 * @property {((message: MessageEvent<BusyLoopEvent>) => void) | null} [onmessage]
 * @property {((error: ErrorEvent) => void) | null} [onerror]
 */

import { startWorker } from "./trusted.js";

const WATCH_MS = 3000;
const MESSAGE_EVERY_MS = 10;
const PATIENCE_MS = 120000; // a model that hangs must not keep the record

const nanoseconds = (/** @type {number} */ ms) => Math.round(ms * 1e6);

/**
 * Collects the times between frames, and the delays of messages from a worker that nothing holds up.
 * @returns {() => Seen} ends the watch
 */
function watch() {
  const source = `setInterval(() => postMessage(performance.timeOrigin + performance.now()), ${MESSAGE_EVERY_MS})`;
  const sender = startWorker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
  /** @type {Seen} */
  const seen = { frames_ns: [], delays_ns: [] };
  let watching = true;
  sender.onmessage = ({ data }) => {
    seen.delays_ns.push(nanoseconds(Math.max(0, performance.timeOrigin + performance.now() - data)));
  };
  /** @type {number | undefined} */
  let last;
  const frame = (/** @type {number} */ now) => {
    if (!watching) return;
    if (last !== undefined) seen.frames_ns.push(nanoseconds(now - last));
    last = now;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  return () => {
    watching = false;
    sender.terminate();
    return seen;
  };
}

/**
 * Watches the page from when a busy loop has loaded its model until it is done.
 * @param {Port} port
 * @param {() => void} start sends the request
 * @returns {Promise<Seen & { runs: number }>}
 */
function watchBusyLoop(port, start) {
  return new Promise((resolve, reject) => {
    /** @type {() => Seen} */
    let end;
    const late = setTimeout(() => reject(new Error(`it took more than ${PATIENCE_MS / 1000} s`)), PATIENCE_MS);
    port.onerror = (error) => reject(new Error(error.message || "the engine could not be loaded"));
    port.onmessage = ({ data: event }) => {
      switch (event.event) {
        case "ready":
          start();
          break;
        case "loaded":
          end = watch();
          break;
        case "failed":
          reject(new Error(event.message));
          break;
        case "done":
          clearTimeout(late);
          resolve({ runs: event.runs, ...end() });
      }
    };
  });
}

/**
 * @param {string} module
 * @param {object} message
 */
async function inWorker(module, message) {
  const url = new URL(`./${document.body.dataset.workers}/busy-loop.js?module=${module}`, document.baseURI);
  const worker = startWorker(url);
  try {
    return await watchBusyLoop(worker, () => worker.postMessage(message));
  } finally {
    worker.terminate();
  }
}

/**
 * @param {string} module
 * @param {object} message
 */
async function onMainThread(module, message) {
  const frame = document.createElement("iframe");
  frame.hidden = true;
  frame.src = new URL(`./${document.body.dataset.workers}/busy-loop.html?module=${module}`, document.baseURI).href;
  // What the frame posts comes to this window.
  /** @type {Port} */
  const port = {};
  const listen = (/** @type {MessageEvent} */ event) => {
    if (event.source === frame.contentWindow) port.onmessage?.(event);
  };
  addEventListener("message", listen);
  document.body.append(frame);
  try {
    return await watchBusyLoop(port, () => frame.contentWindow?.postMessage(message, location.origin));
  } finally {
    removeEventListener("message", listen);
    frame.remove(); // with the memory of its module
  }
}

/**
 * @param {string} module
 * @param {object} message what a worker is asked with
 * @returns {Promise<PageWatch[]>}
 */
export async function responsiveness(module, message) {
  const end = watch();
  await new Promise((resolve) => setTimeout(resolve, WATCH_MS));
  const idle = end();
  const request = { ...message, ms: WATCH_MS };
  const worker = await inWorker(module, request);
  const mainThread = await onMainThread(module, request);
  return [
    { situation: "idle", runs: 0, ...idle },
    { situation: "worker", ...worker },
    { situation: "main-thread", ...mainThread },
  ];
}
