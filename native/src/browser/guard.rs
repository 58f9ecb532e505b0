//! Starts a browser's driver so that nothing of it remains, whatever ends this program.
//!
//! A guard is a process of this program between it and the driver. When this program closes the
//! guard's standard input, or is gone, the guard ends the driver, the browser and everything that
//! they started, and deletes the folder for their temporary files.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use sysinfo::{Pid, ProcessStatus, ProcessesToUpdate, System};
use tokio::process::{Child, Command};

/// Time between two looks at the driver.
const INTERVAL: Duration = Duration::from_millis(100);
/// Time limit for all processes to end.
const END: Duration = Duration::from_secs(5);

/// A driver with its guard.
#[derive(Debug)]
pub(super) struct Guarded {
    guard: Child,
}

impl Guarded {
    /// Starts a program under a guard.
    pub(super) fn start(program: &Path, arguments: &[String]) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("tare-browser-")
            .tempdir()
            .context("cannot create a folder for the browser's temporary files")?;
        let this = std::env::current_exe().context("cannot find this program")?;
        let mut command = Command::new(this);
        command
            .arg("guard")
            .arg(folder.path())
            .arg(program)
            .arg("--")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        // Ctrl-C reaches all processes of a group. The browser is closed in order instead.
        #[cfg(unix)]
        command.process_group(0);
        let guard = command
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        // The guard deletes it.
        let _ = folder.keep();
        Ok(Self { guard })
    }

    /// Process number of the guard, from which driver and browser descend.
    pub(super) fn id(&self) -> Option<u32> {
        self.guard.id()
    }

    /// Whether driver and guard have ended.
    pub(super) fn has_ended(&mut self) -> bool {
        !matches!(self.guard.try_wait(), Ok(None))
    }

    /// Ends driver and browser, and waits for it.
    pub(super) async fn end(mut self) {
        drop(self.guard.stdin.take());
        // It kills what does not end, so it always ends.
        let _ = tokio::time::timeout(2 * END, self.guard.wait()).await;
    }
}

/// The process between this program and a driver.
pub(crate) fn run(folder: PathBuf, program: &Path, arguments: &[String]) -> Result<bool> {
    // Processes whose parent died become children of this one, and so do not get away.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
    let ends = Arc::new(AtomicBool::new(false));
    let flag = ends.clone();
    std::thread::spawn(move || {
        // Nothing is ever written there: the read returns when the other end is closed.
        let _ = std::io::stdin().read(&mut [0]);
        flag.store(true, Ordering::Relaxed);
    });
    let flag = ends.clone();
    // Fails only if a handler is already set.
    let _ = ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed));
    let started = std::process::Command::new(program)
        .args(arguments)
        .env("TMPDIR", &folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    if let Ok(mut driver) = started {
        while !ends.load(Ordering::Relaxed) && matches!(driver.try_wait(), Ok(None)) {
            std::thread::sleep(INTERVAL);
        }
        end_descendants();
        // Killed with the others, and not to remain as zombies.
        let _ = driver.wait();
        #[cfg(target_os = "linux")]
        while let Ok(Some(_)) = rustix::process::wait(rustix::process::WaitOptions::NOHANG) {}
    }
    let _ = std::fs::remove_dir_all(&folder);
    Ok(true)
}

/// Kills every descendant of this process.
fn end_descendants() {
    let deadline = Instant::now() + END;
    let own = Pid::from_u32(std::process::id());
    let mut system = System::new();
    while Instant::now() < deadline {
        system.refresh_processes(ProcessesToUpdate::All, true);
        let descends = |mut id: Pid| {
            // The limit ends cycles, which can occur because the processes change while they are read.
            for _ in 0..system.processes().len() {
                match system.process(id).and_then(sysinfo::Process::parent) {
                    Some(parent) if parent == own => return true,
                    Some(parent) => id = parent,
                    None => return false,
                }
            }
            false
        };
        let is_left = |process: &&sysinfo::Process| {
            process.thread_kind().is_none() && process.status() != ProcessStatus::Zombie && descends(process.pid())
        };
        let left: Vec<_> = system.processes().values().filter(is_left).collect();
        if left.is_empty() {
            return;
        }
        for process in left {
            process.kill();
        }
        std::thread::sleep(INTERVAL / 5);
    }
}
