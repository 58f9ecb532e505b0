//! What may change the processor's speed, as Linux tells it in its files; other systems do not tell without more rights.

use std::path::Path;

use tare_core::battery_warning;
use tare_record::{PowerInfo, Warning, WarningKind};

/// This machine, now.
pub(crate) fn power() -> PowerInfo {
    read(Path::new("/sys"))
}

fn read(sys: &Path) -> PowerInfo {
    let text = |path: &str| {
        let text = std::fs::read_to_string(sys.join(path)).ok()?;
        Some(text.trim().to_owned())
    };
    let number = |path: &str| text(path)?.parse::<u64>().ok();
    let megahertz = |path: &str| number(path).map(|kilohertz| kilohertz / 1000);
    let core = "devices/system/cpu/cpu0";
    PowerInfo {
        governor: text(&format!("{core}/cpufreq/scaling_governor")),
        frequency_mhz: megahertz(&format!("{core}/cpufreq/scaling_cur_freq")),
        highest_frequency_mhz: megahertz(&format!("{core}/cpufreq/cpuinfo_max_freq")),
        on_battery: on_battery(&sys.join("class/power_supply")),
        temperature_celsius: hottest(&sys.join("class/thermal")),
        throttle_count: number(&format!("{core}/thermal_throttle/core_throttle_count")),
    }
}

/// Whether a system battery is being discharged; `None` without one. Batteries of mice and the like do not count.
fn on_battery(supplies: &Path) -> Option<bool> {
    let mut known = None;
    for supply in std::fs::read_dir(supplies).ok()?.flatten() {
        let field = |name: &str| std::fs::read_to_string(supply.path().join(name)).unwrap_or_default();
        if field("type").trim() == "Battery" && field("scope").trim() != "Device" {
            known = Some(known == Some(true) || field("status").trim() == "Discharging");
        }
    }
    known
}

fn hottest(zones: &Path) -> Option<i64> {
    std::fs::read_dir(zones)
        .ok()?
        .flatten()
        .filter_map(|zone| {
            std::fs::read_to_string(zone.path().join("temp"))
                .ok()?
                .trim()
                .parse()
                .ok()
        })
        .map(|thousandths: i64| thousandths / 1000)
        .max()
}

/// What to say about it beside every figure.
pub(crate) fn warnings(power: &PowerInfo) -> Vec<Warning> {
    let governor = power.governor.as_deref().filter(|&governor| governor == "powersave");
    let saving = governor.map(|governor| Warning {
        kind: WarningKind::Power,
        message: format!(
            "the processor's frequency is governed by {governor:?}: measure with `cpupower frequency-set -g performance`"
        ),
    });
    let battery = (power.on_battery == Some(true)).then(battery_warning);
    saving.into_iter().chain(battery).collect()
}

/// What to say if the processor was slowed down for heat between two looks.
pub(crate) fn throttled(before: &PowerInfo, after: &PowerInfo) -> Option<Warning> {
    let times = after.throttle_count?.checked_sub(before.throttle_count?)?;
    (times > 0).then(|| Warning {
        kind: WarningKind::Power,
        message: format!(
            "the processor was slowed down for heat {times} times during the run: cool the machine down and repeat"
        ),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that unwraps has its proof in passing")]

    use super::*;

    /// A folder with the files of a machine, each a path and its content.
    fn machine(files: &[(&str, &str)]) -> PowerInfo {
        let sys = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = sys.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        read(sys.path())
    }

    #[test]
    fn files_are_read() {
        let core = "devices/system/cpu/cpu0";
        let found = machine(&[
            (&format!("{core}/cpufreq/scaling_governor"), "powersave\n"),
            (&format!("{core}/cpufreq/scaling_cur_freq"), "1800000\n"),
            (&format!("{core}/cpufreq/cpuinfo_max_freq"), "4200000\n"),
            (&format!("{core}/thermal_throttle/core_throttle_count"), "7\n"),
            ("class/power_supply/AC/type", "Mains\n"),
            ("class/power_supply/BAT0/type", "Battery\n"),
            ("class/power_supply/BAT0/status", "Discharging\n"),
            ("class/power_supply/mouse/type", "Battery\n"),
            ("class/power_supply/mouse/scope", "Device\n"),
            ("class/power_supply/mouse/status", "Charging\n"),
            ("class/thermal/thermal_zone0/temp", "41000\n"),
            ("class/thermal/thermal_zone1/temp", "68500\n"),
        ]);
        let expected = PowerInfo {
            governor: Some("powersave".into()),
            frequency_mhz: Some(1800),
            highest_frequency_mhz: Some(4200),
            on_battery: Some(true),
            temperature_celsius: Some(68),
            throttle_count: Some(7),
        };
        assert_eq!(found, expected);
        assert_eq!(warnings(&found).len(), 2);
    }

    #[test]
    fn a_machine_that_tells_nothing_is_no_reason_to_warn() {
        assert_eq!(machine(&[]), PowerInfo::default());
        assert_eq!(warnings(&PowerInfo::default()), []);
        let plugged = machine(&[
            ("class/power_supply/BAT0/type", "Battery"),
            ("class/power_supply/BAT0/status", "Full"),
        ]);
        assert_eq!((plugged.on_battery, warnings(&plugged)), (Some(false), vec![]));
    }

    #[test]
    fn slowing_down_for_heat_is_told() {
        let count = |throttle_count| PowerInfo {
            throttle_count,
            ..PowerInfo::default()
        };
        assert_eq!(throttled(&count(Some(3)), &count(Some(3))), None);
        assert_eq!(throttled(&count(None), &count(Some(3))), None);
        let warning = throttled(&count(Some(3)), &count(Some(5))).unwrap();
        assert!(warning.message.contains("2 times"), "{}", warning.message);
    }
}
