//! How much memory the process of a cell may have: a model that asks for too much ends its own cell, and nothing else.

use tare_record::{Failure, FailureKind, Rules};
use tokio::process::Child;

/// Share of the machine's memory that a cell may have unless the plan says otherwise, in tenths.
#[cfg(target_os = "linux")]
const TENTHS: u64 = 9;

/// Limits the memory of a process that was just started. Returns the limit in bytes, if there is one.
///
/// # Errors
///
/// If the plan limits the memory, and this system cannot.
pub(crate) fn limit_memory(child: &Child, rules: &Rules) -> Result<Option<u64>, Failure> {
    let asked = rules.memory_limit_mib.map(|mib| mib << 20);
    let limit = set(child, asked);
    if asked.is_some() && limit.is_none() {
        return Err(Failure::new(
            FailureKind::Unsupported,
            "the memory of a process cannot be limited on this system",
        )
        .with_hint("remove `memory_limit_mib` from the plan, or --memory-limit"));
    }
    Ok(limit)
}

/// What a process can write to counts, once it is mapped: not code, files, and what is only reserved.
#[cfg(target_os = "linux")]
fn set(child: &Child, asked: Option<u64>) -> Option<u64> {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};

    let limit = asked.unwrap_or_else(|| machine_memory() / 10 * TENTHS);
    let pid = Pid::from_raw(i32::try_from(child.id()?).ok()?)?;
    let limits = Rlimit {
        current: Some(limit),
        maximum: Some(limit),
    };
    prlimit(Some(pid), Resource::Data, limits).ok().map(|_| limit)
}

#[cfg(not(target_os = "linux"))]
fn set(_: &Child, _: Option<u64>) -> Option<u64> {
    None
}

/// Memory of the machine, or of the container that this program runs in.
#[cfg(target_os = "linux")]
fn machine_memory() -> u64 {
    let mut system = sysinfo::System::new();
    system.refresh_memory();
    let all = system.total_memory();
    system
        .cgroup_limits()
        .map_or(all, |container| container.total_memory.min(all))
}

/// Why a process died, if it could get no memory: the standard library says so, and then aborts.
pub(crate) fn failure(output: &str, limit: Option<u64>) -> Option<Failure> {
    let limit = limit?;
    let line = output.lines().find(|line| line.contains("memory allocation of"))?;
    let message = format!(
        "the process may have {} MiB of memory, and died before it finished its cell: {}",
        limit >> 20,
        line.trim()
    );
    let hint = "raise `memory_limit_mib` in the plan or pass --memory-limit, or choose a smaller model";
    Some(Failure::new(FailureKind::Died, message).with_hint(hint))
}
