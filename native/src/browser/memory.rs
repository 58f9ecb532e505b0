//! How much memory a browser's processes use.

use std::collections::BTreeMap;

/// The processes that a driver started, and all that those started.
pub(super) struct ProcessMemory {
    driver: u32,
    peak_bytes: Option<u64>,
}

impl ProcessMemory {
    pub(super) fn below(driver: u32) -> Self {
        Self {
            driver,
            peak_bytes: None,
        }
    }

    /// Looks how much they use now.
    pub(super) fn look(&mut self) {
        self.peak_bytes = self.peak_bytes.max(own_bytes(&all_processes(), self.driver));
    }

    /// The most that was seen; `None` where the system does not tell.
    pub(super) fn peak_bytes(&self) -> Option<u64> {
        self.peak_bytes
    }
}

/// A process's parent, and the memory that it shares with no file.
struct Process {
    parent: u32,
    own_bytes: u64,
}

/// Linux tells in files that cost microseconds to read.
fn all_processes() -> BTreeMap<u32, Process> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let processes = entries.filter_map(|entry| {
        let id = entry.file_name().to_str()?.parse().ok()?;
        // Gone already, or of another user: none of the browser's.
        let status = std::fs::read_to_string(entry.path().join("status")).ok()?;
        Some((id, process(&status)?))
    });
    processes.collect()
}

fn process(status: &str) -> Option<Process> {
    let field = |name: &str| -> Option<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    };
    Some(Process {
        parent: u32::try_from(field("PPid:")?).ok()?,
        // Absent in processes of the kernel; in units of 1024 bytes.
        own_bytes: field("RssAnon:").unwrap_or(0) * 1024,
    })
}

/// Memory of all that descend from a process, without its own.
fn own_bytes(processes: &BTreeMap<u32, Process>, ancestor: u32) -> Option<u64> {
    let descends = |mut id: u32| {
        // Shorter than any circle that a changing table may show.
        for _ in 0..processes.len() {
            match processes.get(&id).map(|process| process.parent) {
                Some(parent) if parent == ancestor => return true,
                Some(parent) if parent != 0 => id = parent,
                _ => return false,
            }
        }
        false
    };
    let own = processes.iter().filter(|(id, _)| descends(**id));
    let bytes: Vec<u64> = own.map(|(_, process)| process.own_bytes).collect();
    (!bytes.is_empty()).then(|| bytes.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descendants_are_counted_and_nothing_else() {
        let table = [
            (1, 0, 5),
            (10, 1, 100),
            (11, 10, 20),
            (12, 11, 3),
            (13, 1, 1000),
            (14, 14, 7),
        ];
        let processes = table.map(|(id, parent, own_bytes)| (id, Process { parent, own_bytes }));
        let processes = BTreeMap::from(processes);
        assert_eq!(own_bytes(&processes, 10), Some(23));
        assert_eq!(own_bytes(&processes, 12), None);
    }

    #[test]
    fn what_the_kernel_tells_is_read() {
        let read = process("Name:\tchromium\nPPid:\t42\nVmRSS:\t  300 kB\nRssAnon:\t     100 kB\n").unwrap();
        assert_eq!((read.parent, read.own_bytes), (42, 102_400));
        assert!(process("Name:\tchromium\n").is_none());
    }
}
