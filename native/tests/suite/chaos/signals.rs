//! Signals to one of a run's processes.

use std::time::Duration;

use tare_core::Random;

use super::{Fault, Hit, Subject, can_be_resumed, moments_asked, none_is_lost, rounds, try_moments};
use crate::common::Sandbox;
use crate::common::processes::Disturbed;

const MOMENTS: u64 = 12;

const SIGNALS: [&str; 4] = ["KILL", "TERM", "HUP", "STOP"];

#[derive(Debug)]
struct Signal {
    name: &'static str,
    after: Duration,
    /// Whose turn it is among the processes that are there then. The program itself is the first.
    victim: u64,
    /// When a stopped process goes on.
    pause: Option<Duration>,
}

#[test]
fn a_signal_at_any_moment_loses_nothing() {
    try_moments::<Signal>("chaos", moments_asked().unwrap_or(MOMENTS));
}

impl Fault for Signal {
    fn random(random: &mut Random, whole: Duration) -> Self {
        let after = Duration::from_millis(random.below(u64::try_from(whole.as_millis()).unwrap().max(1)));
        let name = SIGNALS[usize::try_from(random.below(4)).unwrap()];
        Self {
            name,
            after,
            // Half of all signals hit the program itself.
            victim: if random.below(2) == 0 { 0 } else { random.next_u64() },
            pause: (name == "STOP" && random.below(2) == 0).then(|| Duration::from_millis(random.below(1500))),
        }
    }

    fn strike(&self, sandbox: &Sandbox, subject: &Subject, hit: &mut Hit) {
        let mut run = Disturbed::start(sandbox, subject.arguments);
        std::thread::sleep(self.after);
        let own = run.child.id();
        let mut processes = run.processes();
        processes.sort_by_key(|(id, _)| (*id != own, *id));
        let folder = sandbox.folder.path();
        let before = rounds(folder, subject);
        hit.event = self.name;
        // Nobody is there if the run has ended.
        if let Some((id, line)) = processes.get(usize::try_from(self.victim % processes.len().max(1) as u64).unwrap()) {
            hit.victim = kind(line);
            run.signal_if_there(self.name, *id);
            // A program that is stopped for good is ended by whoever stopped it.
            let pause = self.pause.or((*id == own).then_some(Duration::from_secs(3)));
            if let (Some(pause), "STOP") = (pause, self.name) {
                std::thread::sleep(pause);
                run.signal_if_there("CONT", *id);
            }
        }
        run.end();
        run.nothing_is_left();
        none_is_lost(&before, &rounds(folder, subject));
        can_be_resumed(sandbox, subject, ".");
    }
}

/// What a process is, by its command line.
fn kind(line: &str) -> &'static str {
    let has = |text: &str| line.contains(text);
    if has("--type=renderer") {
        "renderer"
    } else if has("--type=gpu-process") {
        "GPU process"
    } else if has("--type=") || has("crashpad") {
        "helper of the browser"
    } else if has(" guard ") {
        "guard"
    } else if has("chromedriver") && !has("--remote-debugging") {
        "driver"
    } else if has("chrom") {
        "browser"
    } else if has(" child ") {
        "cell"
    } else if has("node-worker") {
        "Node"
    } else {
        "program"
    }
}
