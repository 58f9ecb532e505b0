import assert from "node:assert/strict";
import test from "node:test";
import { costsInWorker } from "../workers/interop.js";

test("calls to wasm are measured where there is no WebGPU", async () => {
  for (const gpu of [undefined, { requestAdapter: async () => null }]) {
    const [calls, ...others] = await costsInWorker({ gpu });
    assert.deepEqual(others, []);
    assert.equal(calls.crossing, "js-to-wasm");
    assert.deepEqual(calls.points.map((point) => point.size), [10000, 100000, 1000000]);
    for (const { repeats, samples_ns } of calls.points) {
      assert.ok(repeats >= 1 && samples_ns.length === 30);
      assert.ok(samples_ns.every((ns) => Number.isInteger(ns) && ns > 0));
    }
  }
});
