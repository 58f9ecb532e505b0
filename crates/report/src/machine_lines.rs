//! Machines in words.

use tare_record::{Adapter, Machine, PowerInfo};

use tare_findings::format;

/// A machine as pairs of property and value.
pub fn machine_lines(machine: &Machine) -> Vec<(&'static str, String)> {
    let yes_or_no = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
    let mut lines = vec![(
        "system",
        format!("{}, {} logical cores", machine.os, machine.logical_cores),
    )];
    if let Some(native) = &machine.native {
        lines.push((
            "processor",
            format!("{}, {}", native.cpu, native.cpu_features.join(", ")),
        ));
        let memory = format!(
            "{}, {} available at the start",
            format::bytes(native.memory_bytes),
            format::bytes(native.memory_available_bytes)
        );
        lines.push(("memory", memory));
        lines.push(("power", power_lines(&native.power).join(", ")));
        lines.extend(
            native
                .load_average
                .map(|load| ("load at the start", format!("{load:.2}"))),
        );
    }
    if let Some(node) = &machine.node {
        lines.push(("Node", format!("{}, V8 {}", node.version, node.v8)));
    }
    if let Some(browser) = &machine.browser {
        lines.push(("browser", browser.user_agent.clone()));
        let session = browser.session.clone();
        lines.extend(session.map(|session| ("WebDriver session", session)));
        let isolated = match (browser.cross_origin_isolated, browser.isolated_by_service_worker) {
            (true, true) => "yes, by a service worker, which downloads pass through".into(),
            (isolated, _) => yes_or_no(isolated),
        };
        lines.push(("cross-origin isolated", isolated));
        lines.push(("WebGPU", yes_or_no(browser.webgpu)));
        let ready = browser.page_ready_ns.map(|ns| format::duration(ns as f64));
        lines.extend(ready.map(|after| ("page ready", format!("{after} after navigation started"))));
        let peak = browser.processes_peak_bytes.map(format::bytes);
        lines.extend(peak.map(|peak| {
            let text = format!("{peak} at its peak, without files and code");
            ("memory of all browser processes", text)
        }));
    }
    lines
}

/// A graphics adapter as pairs of property and value.
pub(crate) fn adapter_lines(adapter: &Adapter) -> Vec<(&'static str, String)> {
    let limits: Vec<String> = adapter
        .limits
        .iter()
        .map(|(name, limit)| format!("{name} {limit}"))
        .collect();
    vec![
        (
            "graphics adapter",
            format!("{}, {}, {}", adapter.name, adapter.graphics_api, adapter.driver),
        ),
        ("adapter features", adapter.features.join(", ")),
        ("adapter limits", limits.join(", ")),
    ]
}

/// What may change the processor's speed, as far as the system reports it.
fn power_lines(power: &PowerInfo) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(governor) = &power.governor {
        lines.push(format!("governor {governor}"));
    }
    if let Some((now, highest)) = power.frequency_mhz.zip(power.highest_frequency_mhz) {
        lines.push(format!("{now} MHz now, at most {highest} MHz"));
    }
    if let Some(on_battery) = power.on_battery {
        lines.push(if on_battery {
            "on battery".into()
        } else {
            "plugged in".into()
        });
    }
    if let Some(celsius) = power.temperature_celsius {
        lines.push(format!("{celsius} \u{b0}C at the hottest sensor"));
    }
    if let Some(count) = power.throttle_count {
        lines.push(format!("throttled {count} times since boot"));
    }
    if lines.is_empty() {
        lines.push("not reported by this system".into());
    }
    lines
}
