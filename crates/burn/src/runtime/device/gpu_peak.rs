//! Speeds that no kernel on a graphics adapter can exceed: multiplying and adding in registers, and copying between
//! buffers. Both kernels are ours, in WGSL, on the device that the models run on.

use futures_channel::oneshot;
use tare_core::Clock;
use tare_record::PeakSpeed;
use wgpu::{
    BindGroup, BindGroupDescriptor, BindGroupEntry, Buffer, BufferDescriptor, BufferUsages, CommandEncoderDescriptor,
    ComputePassDescriptor, ComputePipeline, ComputePipelineDescriptor, Device, ErrorFilter, PipelineCompilationOptions,
    PollType, Queue, ShaderModuleDescriptor, ShaderSource,
};

/// Invocations of a workgroup, as in both kernels.
const GROUP: u32 = 256;

/// Workgroups of a dispatch that multiplies: enough to fill any adapter.
const MULTIPLYING_GROUPS: u32 = 1024;

/// Multiply-accumulates of an invocation: 64 rounds of 8 vectors of 4.
const PER_INVOCATION: u64 = 64 * 8 * 4;

/// Independent chains, so that no product waits for the one before.
const MULTIPLY: &str = "
@group(0) @binding(0) var<storage, read_write> results: array<vec4<f32>>;
@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let scale = vec4<f32>(f32(id.x & 3u) * 0.25 + 0.125);
    let shift = vec4<f32>(f32(id.x & 7u) * 0.125);
    var a = shift; var b = shift + 1.0; var c = shift + 2.0; var d = shift + 3.0;
    var e = shift + 4.0; var f = shift + 5.0; var g = shift + 6.0; var h = shift + 7.0;
    for (var round = 0u; round < 64u; round++) {
        a = fma(a, scale, shift); b = fma(b, scale, shift); c = fma(c, scale, shift); d = fma(d, scale, shift);
        e = fma(e, scale, shift); f = fma(f, scale, shift); g = fma(g, scale, shift); h = fma(h, scale, shift);
    }
    results[id.x] = a + b + c + d + e + f + g + h;
}";

const COPY: &str = "
@group(0) @binding(0) var<storage, read_write> written: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> original: array<vec4<f32>>;
@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    written[id.x] = original[id.x];
}";

/// Size of a buffer that is copied, if the adapter has room: larger than the caches of most.
const COPIED_BYTES: u64 = 128 << 20;

/// Bytes of a vector of the kernels.
const VECTOR_BYTES: u64 = 16;

/// Shortest duration of a repetition: long against submitting work and waiting for it.
const REPETITION_NS: u64 = 40_000_000;

/// The fastest of these repetitions counts.
const REPETITIONS: usize = 4;

/// Measures both speeds, in about half a second. `None` if the clock stands still, the device is lost, or there is no
/// memory left for the buffers.
pub(super) async fn peak_speed(device: &Device, queue: &Queue, clock: &dyn Clock) -> Option<PeakSpeed> {
    let scopes = [ErrorFilter::OutOfMemory, ErrorFilter::Validation].map(|filter| device.push_error_scope(filter));
    let speed = measured(device, queue, clock).await;
    let mut is_right = true;
    for scope in scopes.into_iter().rev() {
        is_right &= scope.pop().await.is_none();
    }
    speed.filter(|_| is_right)
}

async fn measured(device: &Device, queue: &Queue, clock: &dyn Clock) -> Option<PeakSpeed> {
    let limits = device.limits();
    let most = limits.max_buffer_size.min(limits.max_storage_buffer_binding_size);
    let workgroups = u64::from(limits.max_compute_workgroups_per_dimension);
    let of_dispatch = VECTOR_BYTES * u64::from(GROUP);
    let copied = COPIED_BYTES.min(most).min(workgroups * of_dispatch) / of_dispatch * of_dispatch;
    let buffer = |bytes| {
        device.create_buffer(&BufferDescriptor {
            label: None,
            size: bytes,
            usage: BufferUsages::STORAGE,
            mapped_at_creation: false,
        })
    };
    let results = buffer(of_dispatch * u64::from(MULTIPLYING_GROUPS));
    let (written, original) = (buffer(copied), buffer(copied));
    let run = |kernel, buffers: &[&Buffer], groups, amount| Kernel::new(device, queue, kernel, buffers, groups, amount);
    let invocations = u64::from(MULTIPLYING_GROUPS * GROUP);
    let multiply = run(MULTIPLY, &[&results], MULTIPLYING_GROUPS, invocations * PER_INVOCATION);
    let groups = u32::try_from(copied / of_dispatch).ok()?;
    // Every byte is read once and written once.
    let copy = run(COPY, &[&written, &original], groups, 2 * copied);
    Some(PeakSpeed {
        multiply_accumulates_per_s: multiply.fastest(clock).await?,
        copied_bytes_per_s: copy.fastest(clock).await?,
    })
}

/// A kernel with its buffers.
struct Kernel<'a> {
    device: &'a Device,
    queue: &'a Queue,
    pipeline: ComputePipeline,
    buffers: BindGroup,
    groups: u32,
    /// What a dispatch does.
    amount: u64,
}

impl<'a> Kernel<'a> {
    fn new(device: &'a Device, queue: &'a Queue, wgsl: &str, buffers: &[&Buffer], groups: u32, amount: u64) -> Self {
        let module = device.create_shader_module(ShaderModuleDescriptor {
            label: None,
            source: ShaderSource::Wgsl(wgsl.into()),
        });
        let pipeline = device.create_compute_pipeline(&ComputePipelineDescriptor {
            label: None,
            layout: None,
            module: &module,
            entry_point: Some("main"),
            compilation_options: PipelineCompilationOptions::default(),
            cache: None,
        });
        let numbered = buffers.iter().zip(0..);
        let entries: Vec<BindGroupEntry<'_>> = numbered
            .map(|(buffer, binding)| BindGroupEntry {
                binding,
                resource: buffer.as_entire_binding(),
            })
            .collect();
        let buffers = device.create_bind_group(&BindGroupDescriptor {
            label: None,
            layout: &pipeline.get_bind_group_layout(0),
            entries: &entries,
        });
        Self {
            device,
            queue,
            pipeline,
            buffers,
            groups,
            amount,
        }
    }

    /// Amount of work per second.
    async fn fastest(&self, clock: &dyn Clock) -> Option<u64> {
        let mut times = 1;
        while self.timed_ns(times, clock).await? < REPETITION_NS {
            // 2^16 dispatches take seconds on any adapter: this clock does not move.
            times = (times < 1 << 16).then_some(times * 2)?;
        }
        let mut shortest_ns = u64::MAX;
        for _ in 0..REPETITIONS {
            shortest_ns = shortest_ns.min(self.timed_ns(times, clock).await?);
        }
        let amount = u128::from(self.amount) * u128::from(times);
        u64::try_from(amount * 1_000_000_000 / u128::from(shortest_ns.max(1))).ok()
    }

    /// How long a number of dispatches takes, until the device has finished them.
    async fn timed_ns(&self, times: u32, clock: &dyn Clock) -> Option<u64> {
        let start_ns = clock.now_ns();
        let mut encoder = self.device.create_command_encoder(&CommandEncoderDescriptor::default());
        {
            let mut pass = encoder.begin_compute_pass(&ComputePassDescriptor::default());
            pass.set_pipeline(&self.pipeline);
            pass.set_bind_group(0, &self.buffers, &[]);
            for _ in 0..times {
                pass.dispatch_workgroups(self.groups, 1, 1);
            }
        }
        self.queue.submit([encoder.finish()]);
        let (sender, done) = oneshot::channel();
        self.queue.on_submitted_work_done(move || {
            // Fails only if nobody waits any more.
            let _ = sender.send(());
        });
        // Natively this calls back; in a browser it does nothing, and the browser calls back.
        self.device.poll(PollType::wait_indefinitely()).ok()?;
        done.await.ok()?;
        Some(clock.now_ns().saturating_sub(start_ns))
    }
}
