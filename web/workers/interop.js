// @ts-check
// Measures what interop costs: this is the sampling, and what a worker can do alone. The page's part is in ../scripts/interop.js.

/**
 * @typedef {import("../messages.d.ts").InteropCost} InteropCost
 * @typedef {import("../messages.d.ts").InteropOperation} InteropOperation
 * @typedef {(size: number) => unknown} Operation
 */

const SAMPLES = 30;
const SAMPLE_MS = 1; // many steps of the clock
const MOST_REPEATS = 4096;
/** Bytes of messages, uploads and read-backs. */
export const SIZES = [0, 65536, 1048576, 8388608];

// The module (func (export "nothing")).
const NOTHING = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 7, 11, 1, 7, 110, 111, 116, 104, 105, 110, 103, 0, 0, 10, 4,
  1, 2, 0, 11,
]);

/**
 * @param {Operation} run
 * @param {number} size
 * @param {number} repeats
 */
async function durationMs(run, size, repeats) {
  const start = performance.now();
  for (let repeat = 0; repeat < repeats; repeat++) await run(size);
  return performance.now() - start;
}

/**
 * @param {Operation} run
 * @param {number} size
 */
async function point(run, size) {
  await run(size); // the first one compiles and allocates
  let repeats = 1;
  // The shortest of three: one that was interrupted would end this too early.
  const shortestMs = async () => {
    const durations = [];
    for (let trial = 0; trial < 3; trial++) durations.push(await durationMs(run, size, repeats));
    return Math.min(...durations);
  };
  while ((await shortestMs()) < SAMPLE_MS && repeats < MOST_REPEATS) repeats *= 4;
  const samples_ns = [];
  for (let sample = 0; sample < SAMPLES; sample++) {
    samples_ns.push(Math.round((await durationMs(run, size, repeats)) * 1e6));
  }
  return { size, repeats, samples_ns };
}

/**
 * @param {InteropOperation} crossing
 * @param {Operation} run
 * @param {number[]} sizes
 * @returns {Promise<InteropCost>}
 */
export async function cost(crossing, run, sizes) {
  const points = [];
  for (const size of sizes) points.push(await point(run, size));
  return { crossing, points };
}

/**
 * Calls to wasm first, then WebGPU where there is an adapter.
 * @param {{ gpu?: GPU }} navigator
 */
export async function costsInWorker({ gpu }) {
  const { instance } = await WebAssembly.instantiate(NOTHING);
  const nothing = /** @type {() => void} */ (instance.exports.nothing);
  const calls = (/** @type {number} */ count) => {
    for (let call = 0; call < count; call++) nothing();
  };
  const costs = [await cost("js-to-wasm", calls, [10000, 100000, 1000000])];
  const adapter = await gpu?.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) return costs;
  const device = await adapter.requestDevice();
  const most = SIZES[SIZES.length - 1];
  const buffer = device.createBuffer({ size: most, usage: GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST });
  const readable = device.createBuffer({ size: most, usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ });
  const data = new Uint8Array(most);
  const pipeline = device.createComputePipeline({
    layout: "auto",
    compute: { module: device.createShaderModule({ code: "@compute @workgroup_size(1) fn main() {}" }) },
  });
  const dispatch = (/** @type {number} */ count) => {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    for (let number = 0; number < count; number++) pass.dispatchWorkgroups(1);
    pass.end();
    device.queue.submit([encoder.finish()]);
    return device.queue.onSubmittedWorkDone();
  };
  const upload = (/** @type {number} */ size) => {
    device.queue.writeBuffer(buffer, 0, data, 0, size);
    device.queue.submit([]);
    return device.queue.onSubmittedWorkDone();
  };
  const readBack = async (/** @type {number} */ size) => {
    const encoder = device.createCommandEncoder();
    encoder.copyBufferToBuffer(buffer, 0, readable, 0, size);
    device.queue.submit([encoder.finish()]);
    await readable.mapAsync(GPUMapMode.READ, 0, size);
    data.set(new Uint8Array(readable.getMappedRange(0, size)));
    readable.unmap();
  };
  const sizes = [4, ...SIZES.slice(1)];
  costs.push(await cost("webgpu-dispatch", dispatch, [0, 16, 256]));
  costs.push(await cost("webgpu-upload", upload, sizes));
  costs.push(await cost("webgpu-read-back", readBack, sizes));
  device.destroy();
  return costs;
}
