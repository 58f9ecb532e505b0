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
/// If the plan limits the memory, and it cannot be limited.
pub(crate) fn limit_memory(child: &Child, rules: &Rules) -> Result<Option<u64>, Failure> {
    let asked = rules.memory_limit_mib.map(|mib| mib << 20);
    match (set(child, asked), asked) {
        (Ok(limit), _) => Ok(limit),
        // Nobody asked: the cell is measured without.
        (Err(_), None) => Ok(None),
        (Err(error), Some(_)) => {
            let message = format!("the memory of a process cannot be limited here: {error}");
            let hint = "remove `memory_limit_mib` from the plan, or --memory-limit";
            Err(Failure::new(FailureKind::Unsupported, message).with_hint(hint))
        }
    }
}

/// What a process can write to counts, once it is mapped: not code, files, and what is only reserved.
#[cfg(target_os = "linux")]
fn set(child: &Child, asked: Option<u64>) -> std::io::Result<Option<u64>> {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};

    let limit = asked.unwrap_or_else(|| machine_memory() / 10 * TENTHS);
    let pid = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    // A machine whose memory cannot be read has no limit.
    let Some(pid) = pid.filter(|_| limit > 0) else {
        return Ok(None);
    };
    let limits = Rlimit {
        current: Some(limit),
        maximum: Some(limit),
    };
    prlimit(Some(pid), Resource::Data, limits)?;
    Ok(Some(limit))
}

#[cfg(not(target_os = "linux"))]
fn set(_: &Child, asked: Option<u64>) -> std::io::Result<Option<u64>> {
    match asked {
        None => Ok(None),
        Some(_) => Err(std::io::Error::other("it needs Linux")),
    }
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
