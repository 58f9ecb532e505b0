//! How much memory the process of a cell may have: a model that asks for too much ends its own cell, and nothing else.

#[cfg(target_os = "linux")]
use std::sync::LazyLock;

use tare_record::{Failure, FailureKind, Rules};
use tokio::process::Child;

/// Share of the machine's memory that a cell may have unless the plan says otherwise, in tenths.
#[cfg(target_os = "linux")]
const TENTHS: u64 = 9;

/// What programs print before they abort for want of memory: Rust, C++, V8 in Node, and the C library.
const SIGNS: [&str; 4] = [
    "memory allocation of",
    "std::bad_alloc",
    "out of memory",
    "Cannot allocate memory",
];

/// How much memory a process may have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MemoryLimit {
    /// `None` on a system that has no limits.
    bytes: Option<u64>,
    /// Whether the plan asks for it.
    is_asked: bool,
}

impl MemoryLimit {
    /// The limit of a cell. Called before its process starts, whose time counts.
    pub(crate) fn of(rules: &Rules) -> Self {
        let asked = rules.memory_limit_mib.map(|mib| mib << 20);
        Self {
            bytes: asked.or_else(usual),
            is_asked: asked.is_some(),
        }
    }

    /// Limits the memory of a process that was just started.
    ///
    /// # Errors
    ///
    /// If the plan asks for it, and the system cannot.
    pub(crate) fn set(self, child: &Child) -> Result<(), Failure> {
        match self.bytes.map_or(Ok(()), |bytes| limit(child, bytes)) {
            Err(error) if self.is_asked => {
                let message = format!("the memory of a process cannot be limited here: {error}");
                let hint = "remove `memory_limit_mib` from the plan, or --memory-limit";
                Err(Failure::new(FailureKind::Unsupported, message).with_hint(hint))
            }
            // Nobody asked: the cell is measured without.
            _ => Ok(()),
        }
    }

    /// Why a process died, if it says that it could get no memory.
    pub(crate) fn failure(self, output: &str) -> Option<Failure> {
        let limit = self.bytes?;
        let is_sign = |line: &&str| SIGNS.iter().any(|sign| line.contains(sign));
        let line = output.lines().find(is_sign)?;
        let message = format!(
            "the process may have {} MiB of memory, and died before it finished its cell: {}",
            limit >> 20,
            line.trim()
        );
        let hint = "raise `memory_limit_mib` in the plan or pass --memory-limit, or choose a smaller model";
        Some(Failure::new(FailureKind::Died, message).with_hint(hint))
    }
}

/// What a process can write to counts, once it is mapped: not code, files, and what is only reserved.
#[cfg(target_os = "linux")]
fn limit(child: &Child, bytes: u64) -> std::io::Result<()> {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};

    let Some(pid) = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)) else {
        // It has ended.
        return Ok(());
    };
    let limits = Rlimit {
        current: Some(bytes),
        maximum: Some(bytes),
    };
    prlimit(Some(pid), Resource::Data, limits)?;
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn limit(_: &Child, _: u64) -> std::io::Result<()> {
    Err(std::io::Error::other("it needs Linux"))
}

/// The limit of a cell whose plan has none.
#[cfg(target_os = "linux")]
fn usual() -> Option<u64> {
    static LIMIT: LazyLock<u64> = LazyLock::new(|| machine_memory() / 10 * TENTHS);
    // A machine whose memory cannot be read has none.
    Some(*LIMIT).filter(|limit| *limit > 0)
}

#[cfg(not(target_os = "linux"))]
fn usual() -> Option<u64> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_that_got_no_memory_are_recognized() {
        let limit = MemoryLimit {
            bytes: Some(64 << 20),
            is_asked: true,
        };
        for (output, is_memory) in [
            ("starting\nmemory allocation of 268435456 bytes failed\n", true),
            (
                "terminate called after throwing an instance of 'std::bad_alloc'\n",
                true,
            ),
            (
                "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory\n",
                true,
            ),
            (
                "# Fatal process out of memory: Failed to reserve virtual memory for CodeRange\n",
                true,
            ),
            ("thread 'main' panicked at src/main.rs\n", false),
            ("", false),
        ] {
            let failure = limit.failure(output);
            assert_eq!(failure.is_some(), is_memory, "{output}");
            assert!(failure.is_none_or(|failure| failure.message.contains("may have 64 MiB of memory")));
        }
    }
}
