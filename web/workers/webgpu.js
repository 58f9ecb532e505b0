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
  // wgpu 30 never asks for `subgroups`, and cubecl's kernels use it wherever the adapter has it.
  const prototype = Object.getPrototypeOf(adapter);
  const requestDevice = prototype.requestDevice;
  prototype.requestDevice = function (descriptor = {}) {
    const features = new Set([...(descriptor.requiredFeatures ?? []), "subgroups"]);
    return requestDevice.call(this, { ...descriptor, requiredFeatures: [...features] });
  };
  return "";
}
