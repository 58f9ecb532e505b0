// @ts-check
// Measures what interop costs between the page and a worker, and has the worker measure the rest.

import { startWorker } from "./trusted.js";

/**
 * @typedef {import("../messages.d.ts").InteropCost} InteropCost
 * @typedef {typeof import("../workers/interop.js")} Sampling
 */

const PATIENCE_MS = 120000; // a device that hangs must not keep the record

/** @param {string} file */
const inWorkers = (file) => new URL(`./${document.body.dataset.workers}/${file}`, document.baseURI);

/**
 * Sends data, if there is any, and resolves to the answer.
 * @param {Worker} worker
 * @param {unknown} [data]
 * @param {Transferable[]} [transfer]
 * @returns {Promise<any>}
 */
function answer(worker, data, transfer = []) {
  return new Promise((resolve, reject) => {
    worker.onmessage = (message) => resolve(message.data);
    worker.onerror = (error) => reject(new Error(error.message || "the worker could not be started"));
    if (data !== undefined) worker.postMessage(data, transfer);
  });
}

/** @returns {Promise<InteropCost[]>} */
export async function interopCosts() {
  /** @type {Sampling} */
  const sampling = await import(inWorkers("interop.js").href);
  const worker = startWorker(inWorkers("interop-worker.js"));
  const late = new Promise((_, reject) => {
    setTimeout(() => reject(new Error(`it took more than ${PATIENCE_MS / 1000} s`)), PATIENCE_MS);
  });
  try {
    return await Promise.race([costsOfWorker(worker, sampling), late]);
  } finally {
    worker.terminate();
  }
}

/**
 * @param {Worker} worker
 * @param {Sampling} sampling
 * @returns {Promise<InteropCost[]>}
 */
async function costsOfWorker(worker, { SIZES, cost }) {
  const [calls, ...webgpu] = await answer(worker);
  const bytes = new Map(SIZES.map((size) => [size, new Uint8Array(size)]));
  const costs = [calls];
  costs.push(await cost("post-copied", (size) => answer(worker, bytes.get(size)), SIZES));
  const transferred = (/** @type {number} */ size) => {
    // Memory that was never touched costs little to allocate.
    const buffer = new ArrayBuffer(size);
    return answer(worker, buffer, [buffer]);
  };
  costs.push(await cost("post-transferred", transferred, SIZES));
  if (self.crossOriginIsolated) {
    const shared = new Map(SIZES.map((size) => [size, new SharedArrayBuffer(size)]));
    costs.push(await cost("post-shared", (size) => answer(worker, shared.get(size)), SIZES));
  }
  return [...costs, ...webgpu];
}
