// Message types, generated from crates/record by `UPDATE_SCHEMA=1 cargo test -p tare-record`

export type BuildInfo = { 
/**
 * Version of tare.
 */
version: string, 
/**
 * Git revision that it was built from, with `-modified` if files were changed. Absent outside
 * a checkout.
 */
git_revision: string | null, 
/**
 * `optimized` or `debug`, from the compiler's own settings.
 */
build_profile: string, 
/**
 * Architecture and operating system that it was built for, for example `x86_64-linux`.
 */
target: string, 
/**
 * Vector features that the compiler was allowed to use, for example `simd128`.
 */
target_features: Array<string>, };
export type BusyLoopEvent = { "event": "ready" } | { "event": "loaded" } | { "event": "done", 
/**
 * Completed runs.
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
 * Mean duration of one reading.
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
 * Bytes, calls or dispatches per operation.
 */
size: number, 
/**
 * Operations per sample.
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
 * Uncompressed size.
 */
raw_bytes: number, 
/**
 * Size compressed with gzip at its best level.
 */
gzip_bytes: number | null, 
/**
 * Size compressed with brotli at its best level. Known for release modules only.
 */
brotli_bytes: number | null, 
/**
 * Time to load it from the browser's cache, where there is one.
 */
cached_ns: number | null, };
export type PageWatch = { 
/**
 * Where the model ran.
 */
situation: Situation, 
/**
 * Runs that completed during this time.
 */
runs: number, 
/**
 * Time between successive frames, in order.
 */
frames_ns: Array<number>, 
/**
 * Time from sending a message to the page until the page handles it. A browser delivers keys
 * and clicks in the same way.
 */
delays_ns: Array<number>, };
export type Situation = "idle" | "worker" | "main-thread";
