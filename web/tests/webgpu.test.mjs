import assert from "node:assert/strict";
import test from "node:test";
import { permitSubgroups, prepareWebGpu, softwareAdapter } from "../scripts/webgpu.js";

class Info {
  vendor = "google";
  architecture = "swiftshader";
  device = "";
  get description() {
    return "";
  }
}

function scope(features) {
  class Adapter {
    features = new Set(features);
    info = new Info();
    async requestDevice({ requiredFeatures }) {
      return { requiredFeatures, createShaderModule: (module) => module };
    }
  }
  const adapter = new Adapter();
  return { adapter, navigator: { gpu: { requestAdapter: async () => adapter } } };
}

test("a browser without WebGPU is refused", async () => {
  assert.match(await prepareWebGpu({ navigator: {} }), /navigator\.gpu is missing/);
});

test("a browser without an adapter is refused", async () => {
  assert.match(await prepareWebGpu({ navigator: { gpu: { requestAdapter: async () => null } } }), /offers no graphics adapter/);
});

test("an adapter without timestamp-query is refused by name", async () => {
  assert.equal(
    await prepareWebGpu(scope(["subgroups"])),
    "the graphics adapter (google swiftshader) lacks timestamp-query, which burn needs",
  );
});

test("an adapter without subgroups is refused by name", async () => {
  assert.match(await prepareWebGpu(scope(["timestamp-query"])), /lacks subgroups/);
});

test("subgroups are asked for along with what wgpu asks for", async () => {
  const given = scope(["timestamp-query", "subgroups"]);
  assert.equal(await prepareWebGpu(given), "");
  const device = await given.adapter.requestDevice({ requiredFeatures: ["timestamp-query"] });
  assert.deepEqual(device.requiredFeatures, ["timestamp-query", "subgroups"]);
});

test("kernels with subgroup operations may use them where the compiler cannot prove uniformity", async () => {
  const given = scope(["timestamp-query", "subgroups"]);
  assert.equal(await prepareWebGpu(given), "");
  const device = await given.adapter.requestDevice();
  const module = device.createShaderModule({ label: "reduce", code: "enable subgroups;\nfn f() {}" });
  assert.deepEqual(module, { label: "reduce", code: "diagnostic(off, subgroup_uniformity);\nenable subgroups;\nfn f() {}" });
});

test("an adapter that computes on the CPU is told from others", async () => {
  const given = scope(["timestamp-query", "subgroups"]);
  assert.equal(await softwareAdapter(given), "");
  given.adapter.info.isFallbackAdapter = true;
  assert.equal(await softwareAdapter(given), "google swiftshader");
});

test("an adapter without a description is named by what it has", async () => {
  const given = scope(["timestamp-query", "subgroups"]);
  await prepareWebGpu(given);
  assert.equal(given.adapter.info.description, "google swiftshader");
});

test("other kernels are left as they are", () => {
  assert.equal(permitSubgroups("fn f() {}"), "fn f() {}");
});
