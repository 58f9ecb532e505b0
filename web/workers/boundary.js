// Measures what crossings cost: on the page those to a worker, in the worker the others.

const SAMPLES = 30;
const SAMPLE_MS = 1; // long beside the steps of the clock
const PATIENCE_MS = 120000; // a device that hangs must not keep the record
const BYTES = [0, 65536, 1048576, 8388608];

// The module (func (export "nothing")).
const NOTHING = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 7, 11, 1, 7, 110, 111, 116, 104, 105, 110, 103, 0, 0, 10, 4,
  1, 2, 0, 11,
]);

async function lengthMs(run, size, repeats) {
  const start = performance.now();
  for (let repeat = 0; repeat < repeats; repeat++) await run(size);
  return performance.now() - start;
}

async function point(run, size) {
  await run(size); // the first one compiles and allocates
  let repeats = 1;
  while ((await lengthMs(run, size, repeats)) < SAMPLE_MS && repeats < 4096) repeats *= 4;
  const samples_ns = [];
  for (let sample = 0; sample < SAMPLES; sample++) {
    samples_ns.push(Math.round((await lengthMs(run, size, repeats)) * 1e6));
  }
  return { size, repeats, samples_ns };
}

async function cost(crossing, run, sizes) {
  const points = [];
  for (const size of sizes) points.push(await point(run, size));
  return { crossing, points };
}

function answer(worker, data, transfer) {
  return new Promise((resolve, reject) => {
    worker.onmessage = (message) => resolve(message.data);
    worker.onerror = (error) => reject(new Error(error.message || "the worker could not be started"));
    if (data !== undefined) worker.postMessage(data, transfer);
  });
}

// On the page: resolves to the costs as JSON.
export async function boundaryCosts() {
  const worker = new Worker(new URL("./workers/boundary-worker.js", document.baseURI), { type: "module" });
  const late = new Promise((_, reject) => {
    setTimeout(() => reject(new Error(`it took more than ${PATIENCE_MS / 1000} s`)), PATIENCE_MS);
  });
  try {
    return await Promise.race([costsOfWorker(worker), late]);
  } finally {
    worker.terminate();
  }
}

async function costsOfWorker(worker) {
  const inside = await answer(worker);
  const bytes = new Map(BYTES.map((size) => [size, new Uint8Array(size)]));
  const copied = await cost("post-copied", (size) => answer(worker, bytes.get(size), []), BYTES);
  const transferred = await cost(
    "post-transferred",
    (size) => {
      // What was handed over is gone; memory that was never touched costs little to make.
      const buffer = new ArrayBuffer(size);
      return answer(worker, buffer, [buffer]);
    },
    BYTES,
  );
  const posted = [copied, transferred];
  if (self.crossOriginIsolated) {
    const shared = new Map(BYTES.map((size) => [size, new SharedArrayBuffer(size)]));
    posted.push(await cost("post-shared", (size) => answer(worker, shared.get(size), []), BYTES));
  }
  return JSON.stringify([...inside.slice(0, 1), ...posted, ...inside.slice(1)]);
}

// In a worker: calls to wasm first, then WebGPU where there is an adapter.
export async function costsInside({ navigator }) {
  const { nothing } = (await WebAssembly.instantiate(NOTHING)).instance.exports;
  const calls = (count) => {
    for (let call = 0; call < count; call++) nothing();
  };
  const costs = [await cost("js-to-wasm", calls, [10000, 100000, 1000000])];
  const adapter = await navigator.gpu?.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) return costs;
  const device = await adapter.requestDevice();
  const most = BYTES[BYTES.length - 1];
  const buffer = device.createBuffer({ size: most, usage: GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST });
  const readable = device.createBuffer({ size: most, usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ });
  const data = new Uint8Array(most);
  const pipeline = device.createComputePipeline({
    layout: "auto",
    compute: { module: device.createShaderModule({ code: "@compute @workgroup_size(1) fn main() {}" }) },
  });
  const dispatch = (count) => {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    for (let number = 0; number < count; number++) pass.dispatchWorkgroups(1);
    pass.end();
    device.queue.submit([encoder.finish()]);
    return device.queue.onSubmittedWorkDone();
  };
  const upload = (size) => {
    device.queue.writeBuffer(buffer, 0, data, 0, size);
    device.queue.submit([]);
    return device.queue.onSubmittedWorkDone();
  };
  const readBack = async (size) => {
    const encoder = device.createCommandEncoder();
    encoder.copyBufferToBuffer(buffer, 0, readable, 0, size);
    device.queue.submit([encoder.finish()]);
    await readable.mapAsync(GPUMapMode.READ, 0, size);
    data.set(new Uint8Array(readable.getMappedRange(0, size)));
    readable.unmap();
  };
  const sizes = [4, ...BYTES.slice(1)];
  costs.push(await cost("webgpu-dispatch", dispatch, [0, 16, 256]));
  costs.push(await cost("webgpu-upload", upload, sizes));
  costs.push(await cost("webgpu-read-back", readBack, sizes));
  device.destroy();
  return costs;
}
