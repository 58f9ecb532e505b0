// What burn needs of WebGPU. It panics without, so this says what is missing before burn sees the adapter.
const NEEDED = ["timestamp-query", "subgroups"];

const request = (gpu) => gpu.requestAdapter({ powerPreference: "high-performance" });

// Resolves to an empty string if burn can use WebGPU, and to the reason if it cannot.
export async function whyNoWebGpu({ navigator: { gpu } }) {
  if (!gpu) return "this browser has no WebGPU here (navigator.gpu is missing)";
  const adapter = await request(gpu);
  if (!adapter) return "this browser has WebGPU but offers no graphics adapter";
  const missing = NEEDED.filter((feature) => !adapter.features.has(feature));
  if (missing.length === 0) return "";
  return `the graphics adapter (${adapterName(adapter.info)}) lacks ${missing.join(" and ")}, which burn needs`;
}

// The name of the adapter if it computes on the CPU, an empty string otherwise.
export async function softwareAdapter({ navigator: { gpu } }) {
  const info = (await request(gpu))?.info;
  return info?.isFallbackAdapter ? adapterName(info) : "";
}

// Resolves like whyNoWebGpu, and changes WebGPU so that burn can use it.
export async function prepareWebGpu(scope) {
  const reason = await whyNoWebGpu(scope);
  if (reason) return reason;
  const adapter = await request(scope.navigator.gpu);
  nameAdapters(adapter.info);
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

// wgpu takes the description for the name, and Chromium leaves it empty.
function nameAdapters(info) {
  const prototype = Object.getPrototypeOf(info);
  const { get } = Object.getOwnPropertyDescriptor(prototype, "description");
  Object.defineProperty(prototype, "description", {
    get() {
      return get.call(this) || adapterName({ vendor: this.vendor, architecture: this.architecture, device: this.device });
    },
  });
}

function adapterName({ description, vendor, architecture, device }) {
  return description || [vendor, architecture, device].filter(Boolean).join(" ") || "unnamed";
}

// Browsers refuse subgroup operations that they cannot prove to be in uniform control flow. cubecl's matrix kernels loop
// over lengths that they read from memory: uniform, which no compiler can see. Native wgpu runs the same code unchecked.
export function permitSubgroups(code) {
  return code.includes("enable subgroups;") ? `diagnostic(off, subgroup_uniformity);\n${code}` : code;
}
