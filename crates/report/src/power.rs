//! What may change a processor's speed, in words.

use tare_record::PowerFacts;

/// What the system tells about the processor's speed, a line each; one line that says so if it tells nothing.
pub fn power_lines(power: &PowerFacts) -> Vec<String> {
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
        lines.push(format!("{celsius} degrees Celsius at the hottest place"));
    }
    if let Some(count) = power.throttle_count {
        lines.push(format!("slowed down for heat {count} times since it was started"));
    }
    if lines.is_empty() {
        lines.push("this system does not tell governor, frequency, battery or temperature".into());
    }
    lines
}
