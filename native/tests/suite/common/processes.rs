//! The processes that a run started, wherever they are in the tree.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::Sandbox;

/// An environment variable that all processes of a test inherit.
const MARK: &str = "TARE_TEST_SANDBOX";

/// A run of the binary that a test disturbs.
pub(crate) struct Disturbed<'a> {
    pub(crate) child: Child,
    sandbox: &'a Sandbox,
}

impl<'a> Disturbed<'a> {
    /// Starts the binary with arguments separated by spaces, and the built page if the command has a use for it.
    pub(crate) fn start(sandbox: &'a Sandbox, arguments: &str) -> Self {
        Self::start_by(sandbox, arguments, &[], &[])
    }

    /// Starts the binary as [`start`](Self::start) does, by a program that runs the rest of its command line, unless that is empty.
    pub(crate) fn start_by(
        sandbox: &'a Sandbox,
        arguments: &str,
        wrapper: &[&str],
        environment: &[(&str, &Path)],
    ) -> Self {
        let mut command: Command = sandbox.command(arguments);
        if let [program, rest @ ..] = wrapper {
            let wrapped = command;
            command = Command::new(program);
            command
                .args(rest)
                .arg(wrapped.get_program())
                .args(wrapped.get_args())
                .current_dir(sandbox.folder.path())
                .env("NO_COLOR", "1");
        }
        let log = std::fs::File::create(sandbox.path("log.txt")).unwrap();
        if !arguments.starts_with("run ") {
            command.args(["--page", &super::page()]);
        }
        command
            .env(MARK, sandbox.folder.path())
            .env("TMPDIR", sandbox.folder.path())
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        Self {
            child: command.spawn().unwrap(),
            sandbox,
        }
    }

    /// What it printed so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.sandbox.path("log.txt")).unwrap_or_default()
    }

    /// Waits until a condition holds.
    #[track_caller]
    pub(crate) fn wait(&mut self, what: &str, condition: impl Fn(&Self) -> bool) {
        let start = Instant::now();
        while !condition(self) {
            assert!(
                start.elapsed() < Duration::from_secs(120),
                "waited for 120 s: {what}\n{}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until it has ended, and returns its exit code.
    #[track_caller]
    pub(crate) fn end(&mut self) -> Option<i32> {
        self.end_within(Duration::from_secs(180))
    }

    /// The same with another limit.
    #[track_caller]
    pub(crate) fn end_within(&mut self, limit: Duration) -> Option<i32> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(start.elapsed() < limit, "it does not end\n{}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Sends a signal to the program itself.
    pub(crate) fn signal(&self, signal: &str) {
        send(signal, self.child.id());
    }

    /// Sends a signal to a process that may have ended meanwhile.
    #[cfg(target_os = "linux")]
    pub(crate) fn signal_if_there(&self, signal: &str, id: u32) {
        let _ = Command::new("kill")
            .args([&format!("-{signal}"), &id.to_string()])
            .stderr(Stdio::null())
            .status();
    }

    /// Sends a signal to the first process whose command line contains a text. Returns whether there
    /// is one.
    pub(crate) fn signal_to(&self, signal: &str, has: &str, has_not: &str) -> bool {
        let found = self.processes();
        let found = found
            .iter()
            .find(|(_, line)| line.contains(has) && !line.contains(has_not));
        if let Some((id, _)) = found {
            send(signal, *id);
        }
        found.is_some()
    }

    /// Sends a signal to all processes whose command line contains a text.
    #[track_caller]
    pub(crate) fn signal_to_all(&self, signal: &str, has: &str) {
        let processes = self.processes();
        let found: Vec<_> = processes.iter().filter(|(_, line)| line.contains(has)).collect();
        assert!(!found.is_empty(), "{has}: {processes:?}");
        for (id, _) in found {
            send(signal, *id);
        }
    }

    /// All living processes of this run: numbers and command lines.
    pub(crate) fn processes(&self) -> Vec<(u32, String)> {
        processes(self.sandbox)
    }

    /// Checks that no process and no temporary file of this run is left.
    #[track_caller]
    pub(crate) fn nothing_is_left(&mut self) {
        self.wait("all processes end", |run| run.processes().is_empty());
        let left: Vec<PathBuf> = std::fs::read_dir(self.sandbox.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("tare-"))
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

impl Drop for Disturbed<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[track_caller]
fn send(signal: &str, id: u32) {
    let sent = Command::new("kill")
        .args([&format!("-{signal}"), &id.to_string()])
        .status()
        .unwrap();
    assert!(sent.success(), "kill -{signal} {id}");
}

/// Marks a program that a test starts, so that [`processes`] finds what it starts in turn.
pub(crate) fn mark(command: &mut Command, sandbox: &Sandbox) {
    command.env(MARK, sandbox.folder.path());
}

/// Ends all processes that belong to a sandbox.
pub(crate) fn kill_all(sandbox: &Sandbox) {
    kill(sandbox, "");
}

/// Ends those whose command line contains a text.
pub(crate) fn kill(sandbox: &Sandbox, has: &str) {
    for (id, _) in processes(sandbox).iter().filter(|(_, line)| line.contains(has)) {
        // It may have ended with another one.
        let _ = Command::new("kill")
            .args(["-KILL", &id.to_string()])
            .stderr(Stdio::null())
            .status();
    }
}

/// All living processes that belong to a sandbox: numbers and command lines. They have the mark, or
/// descend from one that has it: Chromium's renderers overwrite their environment.
fn processes(sandbox: &Sandbox) -> Vec<(u32, String)> {
    let mark = format!("{MARK}={}", sandbox.folder.path().display());
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let all: Vec<(u32, u32, bool, String)> = entries
        .filter_map(|entry| {
            let id: u32 = entry.file_name().to_str()?.parse().ok()?;
            // A process that has ended or belongs to another user is none of this run.
            let read = |name: &str| std::fs::read(entry.path().join(name)).ok();
            let status = String::from_utf8_lossy(&read("status")?).into_owned();
            let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"))?;
            let environment = read("environ").unwrap_or_default();
            let mut variables = environment.split(|byte| *byte == 0);
            let has_mark = variables.any(|variable| variable == mark.as_bytes());
            let line = String::from_utf8_lossy(&read("cmdline")?).replace('\0', " ");
            (!line.is_empty()).then(|| Some((id, parent.trim().parse().ok()?, has_mark, line)))?
        })
        .collect();
    let mut own: BTreeSet<u32> = all
        .iter()
        .filter(|process| process.2)
        .map(|process| process.0)
        .collect();
    loop {
        let known = own.len();
        own.extend(
            all.iter()
                .filter(|process| own.contains(&process.1))
                .map(|process| process.0)
                .collect::<Vec<_>>(),
        );
        if own.len() == known {
            break;
        }
    }
    let processes = all.into_iter().filter(|process| own.contains(&process.0));
    processes.map(|(id, _, _, line)| (id, line)).collect()
}

/// A line of what Linux says of a process, in KiB. 0 if the process has ended.
#[cfg(target_os = "linux")]
pub(crate) fn status_kib(id: u32, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse().ok())
        .unwrap_or(0)
}

/// How many files a process has open.
#[cfg(target_os = "linux")]
pub(crate) fn open_files(id: u32) -> usize {
    std::fs::read_dir(format!("/proc/{id}/fd")).unwrap().count()
}
