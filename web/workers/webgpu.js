// What burn needs of WebGPU. It panics without, so this says what is missing before burn sees the adapter.
const NEEDED = ["timestamp-query", "subgroups"];

// Resolves to an empty string if WebGPU can be used, and to the reason if it cannot.
export async function prepareWebGpu(scope) {
  const gpu = scope.navigator.gpu;
  if (!gpu) return "this browser has no WebGPU here (navigator.gpu is missing)";
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) return "this browser has WebGPU but offers no graphics adapter";
  const missing = NEEDED.filter((feature) => !adapter.features.has(feature));
  if (missing.length > 0) {
    const name = adapter.info?.description || adapter.info?.vendor || "unknown";
    return `the graphics adapter (${name}) lacks ${missing.join(" and ")}, which burn needs`;
  }
  const prototype = Object.getPrototypeOf(adapter);
  const requestDevice = prototype.requestDevice;
  prototype.requestDevice = async function (descriptor = {}) {
    // wgpu 30 never asks for `subgroups`, and cubecl's kernels use it wherever the adapter has it.
    const features = new Set([...(descriptor.requiredFeatures ?? []), "subgroups"]);
    const device = await requestDevice.call(this, { ...descriptor, requiredFeatures: [...features] });
    const createShaderModule = device.createShaderModule;
    device.createShaderModule = function (module) {
      return createShaderModule.call(this, { ...module, code: permitSubgroups(module.code) });
    };
    return device;
  };
  return "";
}

// Browsers refuse subgroup operations that they cannot prove to be in uniform control flow. cubecl's matrix kernels loop
// over lengths that they read from memory: uniform, which no compiler can see. Native wgpu runs the same code unchecked.
export function permitSubgroups(code) {
  return code.includes("enable subgroups;") ? `diagnostic(off, subgroup_uniformity);\n${code}` : code;
}
