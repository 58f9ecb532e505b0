// @ts-check
// What burn needs of WebGPU. burn panics without it, so this says what is missing before burn sees the adapter.

/** @typedef {{ navigator: { gpu?: GPU } }} Scope */

/** @type {GPUFeatureName[]} */
const NEEDED = ["timestamp-query", "subgroups"];

const request = (/** @type {GPU} */ gpu) => gpu.requestAdapter({ powerPreference: "high-performance" });

/**
 * Resolves to an empty string if burn can use WebGPU, and otherwise to the reason.
 * @param {Scope} scope
 */
export async function whyNoWebGpu({ navigator: { gpu } }) {
  if (!gpu) return "this browser has no WebGPU here (navigator.gpu is missing)";
  const adapter = await request(gpu);
  if (!adapter) return "this browser has WebGPU but offers no graphics adapter";
  const missing = NEEDED.filter((feature) => !adapter.features.has(feature));
  if (missing.length === 0) return "";
  return `the graphics adapter (${adapterName(adapter.info)}) lacks ${missing.join(" and ")}, which burn needs`;
}

/**
 * Resolves to the name of the adapter if it computes on the CPU, and otherwise to an empty string.
 * @param {Scope} scope
 */
export async function softwareAdapter({ navigator: { gpu } }) {
  const info = gpu && (await request(gpu))?.info;
  return info?.isFallbackAdapter ? adapterName(info) : "";
}

/**
 * Like {@link whyNoWebGpu}, and changes WebGPU so that burn can use it.
 * @param {Scope} scope
 */
export async function prepareWebGpu(scope) {
  const reason = await whyNoWebGpu(scope);
  if (reason) return reason;
  const adapter = scope.navigator.gpu && (await request(scope.navigator.gpu));
  if (!adapter) return "this browser offered a graphics adapter, and then none";
  nameAdapters(adapter.info);
  const prototype = Object.getPrototypeOf(adapter);
  const requestDevice = prototype.requestDevice;
  prototype.requestDevice = async function (/** @type {GPUDeviceDescriptor} */ descriptor = {}) {
    // wgpu 30 never asks for `subgroups`, and cubecl's kernels use them wherever the adapter has them.
    const features = new Set([...(descriptor.requiredFeatures ?? []), "subgroups"]);
    const device = await requestDevice.call(this, { ...descriptor, requiredFeatures: [...features] });
    const createShaderModule = device.createShaderModule;
    device.createShaderModule = function (/** @type {GPUShaderModuleDescriptor} */ module) {
      return createShaderModule.call(this, { ...module, code: permitSubgroups(module.code) });
    };
    return device;
  };
  return "";
}

/**
 * wgpu takes the description for the name, and Chromium leaves it empty.
 * @param {GPUAdapterInfo} info
 */
function nameAdapters(info) {
  const prototype = Object.getPrototypeOf(info);
  const get = Object.getOwnPropertyDescriptor(prototype, "description")?.get;
  Object.defineProperty(prototype, "description", {
    get() {
      const description = get?.call(this) ?? "";
      return adapterName({ description, vendor: this.vendor, architecture: this.architecture, device: this.device });
    },
  });
}

/** @param {Pick<GPUAdapterInfo, "description" | "vendor" | "architecture" | "device">} info */
function adapterName({ description, vendor, architecture, device }) {
  return description || [vendor, architecture, device].filter(Boolean).join(" ") || "unnamed";
}

/**
 * Browsers refuse subgroup operations that they cannot prove to be in uniform control flow. cubecl's matrix kernels loop over lengths that
 * they read from memory: uniform, which no compiler can see. Native wgpu runs the same code unchecked.
 * @param {string} code
 */
export function permitSubgroups(code) {
  return code.includes("enable subgroups;") ? `diagnostic(off, subgroup_uniformity);\n${code}` : code;
}
