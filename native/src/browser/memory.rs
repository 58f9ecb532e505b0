//! Memory use of a browser's processes.

use std::collections::BTreeMap;

/// The processes that descend from a driver.
pub(crate) struct ProcessMemory {
    driver: u32,
    peak_bytes: Option<u64>,
}

impl ProcessMemory {
    pub(crate) fn below(driver: u32) -> Self {
        Self {
            driver,
            peak_bytes: None,
        }
    }

    /// Reads how much memory the processes use now.
    pub(crate) fn sample(&mut self) {
        self.peak_bytes = self.peak_bytes.max(own_bytes(&all_processes(), self.driver));
    }

    /// The largest sample. `None` where the system does not report memory.
    pub(crate) fn peak_bytes(&self) -> Option<u64> {
        self.peak_bytes
    }
}

/// The parent of a process, and the memory that it does not share with a file.
struct Process {
    parent: u32,
    own_bytes: u64,
}

/// Reads all processes from `/proc` on Linux, which takes microseconds per process.
fn all_processes() -> BTreeMap<u32, Process> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let processes = entries.filter_map(|entry| {
        let id = entry.file_name().to_str()?.parse().ok()?;
        // A process that has ended or belongs to another user is not part of the browser.
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
        // In units of 1024 bytes. Absent for kernel processes.
        own_bytes: field("RssAnon:").unwrap_or(0) * 1024,
    })
}

/// Memory of all descendants of a process, without the process itself.
fn own_bytes(processes: &BTreeMap<u32, Process>, ancestor: u32) -> Option<u64> {
    let descends = |mut id: u32| {
        // The limit ends cycles, which can occur because the processes change while they are read.
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
    fn only_descendants_are_counted() {
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
    fn the_status_of_a_process_is_parsed() {
        let read = process("Name:\tchromium\nPPid:\t42\nVmRSS:\t  300 kB\nRssAnon:\t     100 kB\n").unwrap();
        assert_eq!((read.parent, read.own_bytes), (42, 102_400));
        assert!(process("Name:\tchromium\n").is_none());
    }
}
