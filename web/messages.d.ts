// Types of messages, made from those of crates/record: UPDATE_SCHEMA=1 cargo test -p tare-record

export type BuildInfo = { 
/**
 * Version of tare.
 */
version: string, 
/**
 * Git revision it was built from, with `-modified` if files were changed; absent outside a checkout.
 */
git_revision: string | null, 
/**
 * `optimised` or `debug`, from the compiler's own settings.
 */
build_profile: string, 
/**
 * Target triple parts, for example `x86_64-linux`.
 */
target: string, 
/**
 * Vector features that the compiler was allowed to use, for example `simd128`.
 */
target_features: Array<string>, };
export type BusyLoopEvent = { "event": "ready" } | { "event": "loaded" } | { "event": "done", 
/**
 * Runs that ended.
 */
runs: number, } | { "event": "failed", 
/**
 * Why.
 */
message: string, };
export type ClockInfo = { 
/**
 * Which clock, for example `performance.now`.
 */
source: string, 
/**
 * Smallest step seen between two different readings.
 */
granularity_ns: number, 
/**
 * Mean cost of one reading.
 */
read_cost_ns: number, };
export type InteropCost = { 
/**
 * Which operation.
 */
crossing: InteropOperation, 
/**
 * Durations for several sizes, smallest first.
 */
points: Array<InteropPoint>, };
export type InteropOperation = "js-to-wasm" | "post-copied" | "post-transferred" | "post-shared" | "webgpu-dispatch" | "webgpu-upload" | "webgpu-read-back";
export type InteropPoint = { 
/**
 * Bytes, calls or dispatches of each operation.
 */
size: number, 
/**
 * Operations that each sample holds.
 */
repeats: number, 
/**
 * Duration of every sample, in order.
 */
samples_ns: Array<number>, };
export type LoadMs = { 
/**
 * Fetching its bytes, or reading them from disk.
 */
download: number, 
/**
 * Compiling them.
 */
compile: number, 
/**
 * Instantiating the module.
 */
instantiate: number, 
/**
 * Starting its threads, if it has any.
 */
threads: number | null, };
export type ModuleInfo = { 
/**
 * How it was built.
 */
build: BuildInfo, 
/**
 * The clock that it reads.
 */
clock: ClockInfo, };
export type ModuleSize = { 
/**
 * As it is compiled.
 */
raw_bytes: number, 
/**
 * Compressed by gzip, as well as it can.
 */
gzip_bytes: number | null, 
/**
 * Compressed by brotli, as well as it can; of modules as they ship.
 */
brotli_bytes: number | null, 
/**
 * How long a browser takes to have it from its cache, where it has one.
 */
cached_ns: number | null, };
export type PageWatch = { 
/**
 * Where a model ran meanwhile.
 */
situation: Situation, 
/**
 * Runs that ended meanwhile.
 */
runs: number, 
/**
 * Time between two frames, in order.
 */
frames_ns: Array<number>, 
/**
 * From when a message was sent to the page until it arrived, as a browser reports a key or a click.
 */
delays_ns: Array<number>, };
export type Situation = "idle" | "worker" | "main-thread";
