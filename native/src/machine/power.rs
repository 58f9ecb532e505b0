//! What may change the processor's speed, read from Linux's system files. Other systems do not show
//! it to normal users.

use std::path::Path;

use tare_core::battery_warning;
use tare_record::{PowerInfo, Warning, WarningKind};

/// Reads the current state of this machine.
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

/// Whether a system battery is being discharged. `None` if there is no such battery. Batteries of
/// devices such as mice do not count.
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

/// The warnings for a machine in this state.
pub(crate) fn warnings(power: &PowerInfo) -> Vec<Warning> {
    let governor = power.governor.as_deref().filter(|&governor| governor == "powersave");
    let saving = governor.map(|governor| Warning {
        kind: WarningKind::Power,
        message: format!(
            "the processor uses the frequency governor {governor:?}: run `cpupower frequency-set -g performance` and repeat"
        ),
    });
    let battery = (power.on_battery == Some(true)).then(battery_warning);
    saving.into_iter().chain(battery).collect()
}

/// The warning if the processor was throttled because of heat between two readings.
pub(crate) fn throttled(before: &PowerInfo, after: &PowerInfo) -> Option<Warning> {
    let times = after.throttle_count?.checked_sub(before.throttle_count?)?;
    (times > 0).then(|| Warning {
        kind: WarningKind::Power,
        message: format!(
            "the processor was throttled {times} times because of heat during the run: let the machine cool down and repeat"
        ),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

    use super::*;

    /// Reads a folder with the given files, each a path and its content.
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
    fn system_files_are_read() {
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
    fn a_machine_without_system_files_gets_no_warnings() {
        assert_eq!(machine(&[]), PowerInfo::default());
        assert_eq!(warnings(&PowerInfo::default()), []);
        let plugged = machine(&[
            ("class/power_supply/BAT0/type", "Battery"),
            ("class/power_supply/BAT0/status", "Full"),
        ]);
        assert_eq!((plugged.on_battery, warnings(&plugged)), (Some(false), vec![]));
    }

    #[test]
    fn throttling_is_reported() {
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
