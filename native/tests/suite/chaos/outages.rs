//! What a run needs goes away: space on the disk, the network of its own host, or the time of day.
//!
//! Disks and networks are those of namespaces that only the run is in.

use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tare_core::Random;

use super::{Fault, Hit, Subject, can_be_resumed, moments_asked, none_is_lost, rounds, try_moments};
use crate::common::processes::Disturbed;
use crate::common::{Sandbox, read_record};

const MOMENTS: u64 = 3;

/// Runs the program on a small disk, and keeps what is on it in the end.
const SMALL_DISK: &str = "ip link set lo up && mkdir disk && mount -t tmpfs -o size=16m tmpfs disk && cp plan.toml disk && cd disk || exit 99; \
    \"$@\"; code=$?; cp -a . ../kept; exit $code";

/// Runs the program on a host that no other host can reach.
const OWN_NETWORK: &str = "ip link set lo up || exit 99; exec \"$@\"";

#[derive(Debug)]
struct Outage {
    what: What,
    after: Duration,
    /// How long it lasts, unless for good.
    pause: Option<Duration>,
}

#[derive(Debug, Clone, Copy)]
enum What {
    Disk,
    Network,
    /// The time of day is ahead by these seconds all at once.
    Clock(i64),
}

#[test]
fn an_outage_at_any_moment_loses_nothing() {
    if !may_isolate() {
        // Where releases are tested, nothing is left out.
        assert!(std::env::var_os("CI").is_none(), "this user may not create namespaces");
        println!("left out: this user may not create namespaces");
        return;
    }
    // Each takes longer than a signal.
    try_moments::<Outage>(
        "outages",
        moments_asked().map_or(MOMENTS, |moments| moments.div_ceil(5)),
    );
}

/// Whether the system lets this user mount a disk and switch a network off, for itself alone.
fn may_isolate() -> bool {
    let mut command = Command::new("unshare");
    command.args(isolated("mkdir -p a && mount -t tmpfs tmpfs a && ip link set lo up"));
    let sandbox = Sandbox::new();
    command
        .current_dir(sandbox.folder.path())
        .status()
        .is_ok_and(|status| status.success())
}

/// Arguments of `unshare` that run a script with namespaces of its own.
fn isolated(script: &str) -> Vec<&str> {
    vec![
        "--user",
        "--map-root-user",
        "--mount",
        "--net",
        "sh",
        "-c",
        script,
        "sh",
    ]
}

impl Fault for Outage {
    fn random(random: &mut Random, whole: Duration) -> Self {
        let what = match random.below(3) {
            0 => What::Disk,
            1 => What::Network,
            // An hour, as summer time would be, or a year; forward or back.
            _ => What::Clock([3_600, -3_600, 31_536_000, -31_536_000][usize::try_from(random.below(4)).unwrap()]),
        };
        Self {
            what,
            after: Duration::from_millis(random.below(u64::try_from(whole.as_millis()).unwrap().max(1))),
            pause: (random.below(2) == 0).then(|| Duration::from_millis(random.below(3_000))),
        }
    }

    fn strike(&self, sandbox: &Sandbox, subject: &Subject, hit: &mut Hit) {
        match self.what {
            What::Disk => self.fill_the_disk(sandbox, subject, hit),
            What::Network => self.cut_the_network(sandbox, subject, hit),
            What::Clock(seconds) => self.jump(seconds, sandbox, subject, hit),
        }
    }
}

impl Outage {
    fn fill_the_disk(&self, sandbox: &Sandbox, subject: &Subject, hit: &mut Hit) {
        let mut run = Disturbed::start_by(sandbox, subject.arguments, &wrapper(SMALL_DISK), &[]);
        std::thread::sleep(self.after);
        let disk = inside(&run, &sandbox.path("disk"));
        let filler = disk.join("filler");
        // The run may end meanwhile, and its disk with it.
        let before = catch_unwind(AssertUnwindSafe(|| rounds(&disk, subject))).unwrap_or_default();
        if disk.join("plan.toml").is_file() {
            *hit = Hit {
                victim: "disk",
                event: if self.pause.is_some() {
                    "full for a while"
                } else {
                    "full"
                },
            };
            let _ = std::fs::write(&filler, vec![0; 32 << 20]);
            if let Some(pause) = self.pause {
                std::thread::sleep(pause);
                let _ = std::fs::remove_file(&filler);
            }
        }
        let code = run.end();
        let kept = sandbox.path("kept");
        let after = rounds(&kept, subject);
        none_is_lost(&before, &after);
        // What could not be written is somewhere else, and whole.
        for rescued in rescued(&run.log()) {
            let record = read_record(&rescued);
            assert!(record.all_measured(), "{}: {}", rescued.display(), run.log());
            std::fs::remove_file(rescued).unwrap();
        }
        if code == Some(0) {
            for name in subject.records {
                assert!(read_record(&kept.join(name)).all_measured(), "{name}: {}", run.log());
            }
        }
        run.nothing_is_left();
        let _ = std::fs::remove_file(kept.join("filler"));
        // A run is resumed where it was started.
        std::fs::remove_dir(sandbox.path("disk")).unwrap();
        std::fs::rename(kept, sandbox.path("disk")).unwrap();
        can_be_resumed(sandbox, subject, "disk");
    }

    fn cut_the_network(&self, sandbox: &Sandbox, subject: &Subject, hit: &mut Hit) {
        let mut run = Disturbed::start_by(sandbox, subject.arguments, &wrapper(OWN_NETWORK), &[]);
        std::thread::sleep(self.after);
        let before = rounds(sandbox.folder.path(), subject);
        if set_network(&run, "down") {
            *hit = Hit {
                victim: "network",
                event: if self.pause.is_some() {
                    "away for a while"
                } else {
                    "away"
                },
            };
            if let Some(pause) = self.pause {
                std::thread::sleep(pause);
                set_network(&run, "up");
            }
        }
        // Each browser is tried for minutes.
        run.end_within(Duration::from_secs(600));
        run.nothing_is_left();
        none_is_lost(&before, &rounds(sandbox.folder.path(), subject));
        can_be_resumed(sandbox, subject, ".");
    }

    fn jump(&self, seconds: i64, sandbox: &Sandbox, subject: &Subject, hit: &mut Hit) {
        let library = sandbox.path("clock.so");
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .arg(&library)
            .arg("tests/suite/chaos/clock.c")
            .status();
        assert!(
            compiled.unwrap().success(),
            "the clock needs a C compiler, as Rust does"
        );
        let ahead = sandbox.path("ahead");
        std::fs::write(&ahead, 0_i64.to_ne_bytes()).unwrap();
        let environment = [("LD_PRELOAD", library.as_path()), ("TARE_TEST_CLOCK", ahead.as_path())];
        let mut run = Disturbed::start_by(sandbox, subject.arguments, &[], &environment);
        std::thread::sleep(self.after);
        let before = rounds(sandbox.folder.path(), subject);
        if !run.processes().is_empty() {
            *hit = Hit {
                victim: "clock",
                event: if seconds > 0 { "jumps forward" } else { "jumps back" },
            };
        }
        // Into the same file, which the run has mapped.
        let file = std::fs::OpenOptions::new().write(true).open(&ahead).unwrap();
        file.write_all_at(&seconds.to_ne_bytes(), 0).unwrap();
        if let Some(pause) = self.pause {
            std::thread::sleep(pause);
            file.write_all_at(&0_i64.to_ne_bytes(), 0).unwrap();
        }
        assert_eq!(run.end(), Some(0), "{}", run.log());
        run.nothing_is_left();
        none_is_lost(&before, &rounds(sandbox.folder.path(), subject));
        for name in subject.records {
            assert!(sandbox.record(name).all_measured(), "{name}: {}", run.log());
        }
    }
}

fn wrapper(script: &str) -> Vec<&str> {
    [vec!["unshare"], isolated(script)].concat()
}

/// A path as a run sees it, whose disks are its own.
fn inside(run: &Disturbed<'_>, path: &Path) -> PathBuf {
    let root = format!("/proc/{}/root", run.child.id());
    Path::new(&root).join(path.strip_prefix("/").unwrap())
}

/// Switches the network of a run on or off. Returns whether the run was there.
fn set_network(run: &Disturbed<'_>, state: &str) -> bool {
    let id = run.child.id().to_string();
    Command::new("nsenter")
        .args(["--target", &id, "--user", "--net", "--preserve-credentials"])
        .args(["ip", "link", "set", "lo", state])
        .stderr(std::process::Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Files of records that were written elsewhere.
fn rescued(log: &str) -> Vec<PathBuf> {
    let elsewhere = log.lines().filter(|line| line.starts_with("the record of "));
    elsewhere
        .filter_map(|line| line.split_once(" is in "))
        .map(|(_, path)| PathBuf::from(path))
        .collect()
}
