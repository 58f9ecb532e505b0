//! One page that measures again and again: open files and processes stay as they are. Memory and the harness's own time are written down.
//!
//! A few runs here. `cargo xtask soak` goes on for an hour, and keeps what it saw.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::common::Sandbox;
use crate::common::browser::wait_until;
use crate::common::opened_page::Opened;
use crate::common::processes::{open_files, status_kib};

/// Runs without a time that is asked for.
const RUNS: usize = 3;

#[tokio::test]
async fn a_page_measures_again_and_again() {
    let minutes = std::env::var("TARE_SOAK_MINUTES")
        .ok()
        .and_then(|minutes| minutes.parse::<u64>().ok());
    let sandbox = Sandbox::new();
    let page = Opened::at(&sandbox, "?model=null&engine=tract&seconds=1").await;
    let [server, driver] = page.programs()[..] else {
        panic!("a server and a driver");
    };
    let start = Instant::now();
    let mut seen: Vec<Value> = vec![];
    let mut last = String::from("no run yet");
    while match minutes {
        Some(minutes) => start.elapsed() < Duration::from_secs(60 * minutes),
        None => seen.len() < RUNS,
    } {
        page.click("#run").await;
        // The state is still that of the run before for a moment.
        let is_new = format!(
            "return document.body.dataset.state === 'done' && JSON.parse(document.getElementById('record').textContent || '{{}}').created !== {last:?}"
        );
        wait_until("the run ends", async || page.script(&is_new).await == true).await;
        let record = page.record().await;
        assert!(record.all_measured(), "{:?}", record.cells);
        last.clone_from(&record.created);
        let cell = &record.cells[0];
        let mut runs: Vec<u64> = cell
            .samples_ns
            .iter()
            .map(|sample| sample / u64::from(cell.runs_per_sample))
            .collect();
        runs.sort_unstable();
        seen.push(json!({
            "seconds": start.elapsed().as_secs(),
            "server_bytes": own_bytes(server),
            "server_files": open_files(server),
            "browser_bytes": descendants(driver).into_iter().map(own_bytes).sum::<u64>(),
            "browser_processes": descendants(driver).len(),
            "run_ns": runs[runs.len() / 2],
        }));
        if let Some(path) = std::env::var_os("TARE_SOAK_SEEN") {
            std::fs::write(path, serde_json::to_string_pretty(&seen).unwrap()).unwrap();
        }
    }
    let number = |run: &Value, name: &str| run[name].as_u64().unwrap();
    let (first, last) = (&seen[0], &seen[seen.len() - 1]);
    assert!(
        number(last, "server_files") <= number(first, "server_files") + 8,
        "{first} {last}"
    );
    assert!(
        number(last, "browser_processes") <= number(first, "browser_processes") + 2,
        "{first} {last}"
    );
    page.client.clone().close().await.unwrap();
}

/// Memory of a process that it shares with no file.
fn own_bytes(id: u32) -> u64 {
    1024 * status_kib(id, "RssAnon:")
}

/// All processes below another.
fn descendants(ancestor: u32) -> Vec<u32> {
    let parents: Vec<(u32, u32)> = std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| {
            let id = entry.file_name().to_str()?.parse().ok()?;
            let status = std::fs::read_to_string(entry.path().join("status")).ok()?;
            let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"))?;
            Some((id, parent.trim().parse().ok()?))
        })
        .collect();
    let mut found = vec![ancestor];
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        found.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(id, _)| *id));
        next += 1;
    }
    found.split_off(1)
}
