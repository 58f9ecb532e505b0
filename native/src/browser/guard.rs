//! Starts a browser's driver so that nothing of it remains, whatever ends this program.
//!
//! A guard is a process of this program between it and the driver. When this program closes the
//! guard's standard input, or is gone, the guard ends the driver, the browser and everything that
//! they started, and deletes the folder for their temporary files.

use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use sysinfo::{Pid, ProcessRefreshKind, ProcessStatus, ProcessesToUpdate, System, UpdateKind};
use tokio::process::{Child, Command};

use crate::private_folder::private_folder;

/// Time between two looks at the driver.
const INTERVAL: Duration = Duration::from_millis(100);
/// Time limit for all processes to end.
const END: Duration = Duration::from_secs(5);

/// A driver with its guard.
#[derive(Debug)]
pub(super) struct Guarded {
    guard: Child,
    /// Of the browser's temporary files.
    folder: PathBuf,
}

impl Guarded {
    /// Starts a program under a guard.
    pub(super) fn start(program: &Path, arguments: &[String]) -> Result<Self> {
        let folder =
            private_folder("tare-browser-").context("cannot create a folder for the browser's temporary files")?;
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
        let folder = folder.keep();
        Ok(Self { guard, folder })
    }

    /// Process number of the guard, from which driver and browser descend.
    pub(super) fn id(&self) -> Option<u32> {
        self.guard.id()
    }

    /// Whether driver and guard have ended.
    pub(super) fn has_ended(&mut self) -> bool {
        !matches!(self.guard.try_wait(), Ok(None))
    }

    /// Ends driver and browser, and waits for it. If the guard was killed or stopped, this program does its work.
    pub(super) async fn end(mut self) {
        drop(self.guard.stdin.take());
        let ended = tokio::time::timeout(2 * END, self.guard.wait()).await;
        if matches!(ended, Ok(Ok(status)) if status.success()) {
            return;
        }
        let _ = self.guard.kill().await;
        let mark = temporary_files_in(&self.folder);
        end_families(&|process| process.environ().contains(&mark));
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The variable that all processes of a browser have.
fn temporary_files_in(folder: &Path) -> OsString {
    let mut variable = OsString::from("TMPDIR=");
    variable.push(folder);
    variable
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
    let own = Pid::from_u32(std::process::id());
    end_families(&|process| process.parent() == Some(own));
}

/// Kills processes with all that descend from them.
fn end_families(is_head: &dyn Fn(&sysinfo::Process) -> bool) {
    let deadline = Instant::now() + END;
    let what = ProcessRefreshKind::nothing().with_environ(UpdateKind::OnlyIfNotSet);
    let mut system = System::new();
    while Instant::now() < deadline {
        system.refresh_processes_specifics(ProcessesToUpdate::All, true, what);
        let is_left = |process: &&sysinfo::Process| {
            process.thread_kind().is_none()
                && process.status() != ProcessStatus::Zombie
                && is_member(&system, process, is_head)
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

/// Whether a process or one that it descends from is a head.
fn is_member(system: &System, process: &sysinfo::Process, is_head: &dyn Fn(&sysinfo::Process) -> bool) -> bool {
    let mut next = Some(process);
    // The limit ends cycles, which can occur because the processes change while they are read.
    for _ in 0..system.processes().len() {
        let Some(process) = next else { return false };
        if is_head(process) {
            return true;
        }
        next = process.parent().and_then(|parent| system.process(parent));
    }
    false
}
