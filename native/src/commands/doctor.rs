use anyhow::Result;
use tare_core::calibrate;
use tare_ort::Provider;
use tare_report::{duration, machine_lines};

use crate::browser::find_browsers;
use crate::machine::{self, SystemClock};

/// Prints this machine's hardware, clock and browsers, and what would disturb a measurement.
pub(crate) fn run() -> Result<bool> {
    let machine = machine::machine();
    let build = machine::build_info();
    print(
        "tare",
        &format!(
            "{} ({}), {} build for {}",
            build.version,
            build.git_revision.as_deref().unwrap_or("unknown revision"),
            build.build_profile,
            build.target
        ),
    );
    for (property, value) in machine_lines(&machine) {
        print(property, &value);
    }
    print("tract uses", &tare_tract::vector_level());
    match tare_ort::found() {
        Ok((version, library)) => {
            let engines: Vec<&str> = Provider::ALL
                .into_iter()
                .filter(|provider| tare_ort::absence_of(*provider).is_none())
                .map(|provider| provider.engine().as_str())
                .collect();
            let path = library.display();
            print("onnxruntime", &format!("{version} for {}, {path}", engines.join(", ")));
        }
        Err(failure) => {
            print("onnxruntime", &format!("{}, so ort cannot run", failure.message));
            print("", &format!("hint: {}", failure.hint.unwrap_or_default()));
        }
    }
    let clock = match calibrate(&SystemClock) {
        Ok(clock) => format!(
            "{}, steps of {}, {} per reading",
            clock.source,
            duration(clock.granularity_ns as f64),
            duration(clock.read_cost_ns as f64)
        ),
        Err(error) => error.to_string(),
    };
    print("clock", &clock);
    let adapters = pollster::block_on(tare_burn::adapters());
    if adapters.is_empty() {
        print("graphics", "no adapter, so burn-wgpu cannot run");
        print("", "hint: install a Vulkan driver; Mesa's llvmpipe runs on the CPU");
    }
    for adapter in &adapters {
        let kind = if adapter.software { "software" } else { "hardware" };
        let text = format!(
            "{} ({}, {kind}), {}",
            adapter.name, adapter.graphics_api, adapter.driver
        );
        print("graphics", &text);
    }
    let browsers = find_browsers();
    if browsers.is_empty() {
        print("browser", "none found");
        print(
            "",
            "hint: install Chromium with its driver (Debian: chromium chromium-driver)",
        );
    }
    for found in browsers {
        let driver = found.driver.map_or_else(
            || format!("no {} found", found.kind.driver()),
            |path| path.display().to_string(),
        );
        print("browser", &format!("{}, driver: {driver}", found.program.display()));
    }
    for warning in machine::warnings(&machine) {
        print("warning", &warning.message);
    }
    Ok(true)
}

fn print(property: &str, value: &str) {
    println!("{property:<22} {value}");
}
