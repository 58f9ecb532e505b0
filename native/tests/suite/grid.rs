//! Tests of runs on a Selenium Grid: a hub and two nodes on this machine.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use tare_record::{Record, Status};

use crate::common::browser::{Running, free_port};
use crate::common::processes::{Disturbed, kill_all, mark};
use crate::common::{Ran, Sandbox, page};

/// The server's program, which `cargo xtask setup` installs.
fn jar() -> PathBuf {
    let jar = std::env::var_os("TARE_SELENIUM").map(PathBuf::from);
    jar.expect("TARE_SELENIUM is not set: run `cargo xtask test`, or set it to a selenium-server.jar")
}

struct Grid {
    hub: u16,
    events: [u16; 2],
}

impl Grid {
    fn new() -> Self {
        Self {
            hub: free_port(),
            events: [free_port(), free_port()],
        }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.hub)
    }

    fn java(&self, sandbox: &Sandbox, role: &[&str]) -> Running {
        let [publish, subscribe] = self.events;
        let host = if role[0] == "hub" { "*" } else { "127.0.0.1" };
        let mut command = Command::new("java");
        command
            .args(["-Xmx256m", "-XX:TieredStopAtLevel=1", "-jar"])
            .arg(jar())
            .args(role)
            .args(["--publish-events", &format!("tcp://{host}:{publish}")])
            .args(["--subscribe-events", &format!("tcp://{host}:{subscribe}")])
            .current_dir(sandbox.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        mark(&mut command, sandbox);
        Running(command.spawn().unwrap())
    }

    fn start_hub(&self, sandbox: &Sandbox) -> Running {
        self.java(
            sandbox,
            &["hub", "--host", "127.0.0.1", "--port", &self.hub.to_string()],
        )
    }

    /// A node with one Chromium.
    fn start_node(&self, sandbox: &Sandbox) -> Running {
        let (hub, port) = (self.url(), free_port().to_string());
        let driver = which("chromedriver");
        let driver = format!("webdriver-executable={driver}");
        self.java(
            sandbox,
            &[
                "node",
                "--hub",
                &hub,
                "--host",
                "127.0.0.1",
                "--port",
                &port,
                "--detect-drivers",
                "false",
                "--selenium-manager",
                "false",
                "--max-sessions",
                "1",
                "--driver-configuration",
                "display-name=Chromium",
                "max-sessions=1",
                "stereotype={\"browserName\":\"chrome\"}",
                &driver,
            ],
        )
    }
}

fn which(name: &str) -> String {
    let path = std::env::var_os("PATH").unwrap();
    let found = std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file());
    found.unwrap().to_string_lossy().into_owned()
}

const OPTIONS: &str = "--browser-arg=--no-sandbox --fresh worker -o out --plan plan.toml";

fn write_plan(sandbox: &Sandbox) {
    let plan = "name = \"rounds\"\n[rules]\nrounds = 4\nmin_time_ms = 4000\nmax_time_ms = 4000\nmin_warmup_ms = 10\n\
        ratio_precision_percent = 0\n[[cell]]\nmodel = \"tiny\"\nengines = [\"tract\"]\n";
    sandbox.write("plan.toml", plan.as_bytes());
}

/// One grid for all of it, because its three processes take half a minute to start.
#[test]
fn a_grid_measures_with_its_troubles() {
    let grid = Grid::new();
    let servers = Sandbox::new();
    let url = grid.url();

    // The hub comes late, and pages are served over TLS as to other machines.
    let sandbox = Sandbox::new();
    write_plan(&sandbox);
    let browsers = format!("--webdriver {url} --browsers chrome,chrome --session-limit 60 --listen 127.0.0.1");
    let mut run = Disturbed::start(&sandbox, &format!("bench --in native {browsers} {OPTIONS}"));
    run.wait("the first attempt", |run| run.log().contains("trying again in"));
    let _hub = grid.start_hub(&servers);
    let _stays = grid.start_node(&servers);
    let dies = grid.start_node(&servers);
    // Half-way one of the nodes dies.
    let file = sandbox.path("out/chrome-2.json");
    run.wait("a round", |_| {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        Record::from_json(&text).is_ok_and(|record| record.cells.iter().any(|cell| !cell.rounds.is_empty()))
    });
    drop(dies);
    run.end();
    let names = ["native", "chrome", "chrome-2"];
    let records = names.map(|name| sandbox.record(&format!("out/{name}.json")));
    assert!(records.iter().all(|record| record.run == records[0].run));
    let rounds = records.each_ref().map(|record| record.cells[0].rounds.len());
    assert_eq!(rounds[0], 4, "the others go on: {}", run.log());
    assert_eq!(rounds[1].max(rounds[2]), 4, "one session survives: {}", run.log());
    for record in &records[1..] {
        let cell = &record.cells[0];
        assert_eq!(cell.status, Status::Measured, "what was measured is kept");
        let browser = record.machine.browser.as_ref().unwrap();
        let session = browser.session.as_deref().unwrap();
        assert!(session.starts_with("chrome") && session.contains("linux"), "{session}");
        assert!(browser.cross_origin_isolated, "a secure origin");
    }

    // A node is left with one slot: sessions one after the other.
    let sandbox = Sandbox::new();
    write_plan(&sandbox);
    let command = format!("bench --in native --webdriver {url} --browsers chrome,chrome --parallel 1 {OPTIONS}");
    let mut command = sandbox.command(&command);
    Ran::of(command.args(["--page", &page()])).code(0);
    for name in names {
        assert!(sandbox.record(&format!("out/{name}.json")).all_measured(), "{name}");
    }

    // Full, and without the browser that is asked for.
    for (browsers, expected) in [
        ("chrome,chrome", "in use)"),
        ("chrome,safari", "in use)"),
        ("safari", "(the grid has "),
    ] {
        let sandbox = Sandbox::new();
        write_plan(&sandbox);
        let command = format!("bench --in native --webdriver {url} --browsers {browsers} --session-limit 6 {OPTIONS}");
        let mut command = sandbox.command(&command);
        Ran::of(command.args(["--page", &page()]))
            .code(1)
            .says("is left out")
            .says(expected);
        assert!(sandbox.record("out/native.json").all_measured());
        // The grid notices that the session is closed.
        std::thread::sleep(Duration::from_secs(1));
    }
    // A node that is killed leaves its browser.
    kill_all(&servers);
}
