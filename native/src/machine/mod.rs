//! Describes this machine and this build, as far as a native process can read it.

use tare_record::{BuildInfo, EnvironmentKind, Machine, NativeInfo, Warning, WarningKind};

mod clock;
mod power;
mod reading;

pub(crate) use clock::SystemClock;
use power::power;
pub(crate) use reading::reading;

/// Describes this program.
pub(crate) fn build_info() -> BuildInfo {
    tare_core::build_info(git_version::git_version!(
        args = ["--always", "--abbrev=12", "--dirty=-modified", "--exclude=*"],
        fallback = ""
    ))
}

/// Describes this machine and its current state.
pub(crate) fn machine() -> Machine {
    let mut system = sysinfo::System::new();
    system.refresh_memory();
    system.refresh_cpu_all();
    let load = sysinfo::System::load_average().one;
    Machine {
        kind: EnvironmentKind::Native,
        os: sysinfo::System::long_os_version().unwrap_or_else(|| std::env::consts::OS.into()),
        logical_cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        native: Some(NativeInfo {
            cpu: system
                .cpus()
                .first()
                .map_or_else(|| "unknown".into(), |cpu| cpu.brand().trim().to_owned()),
            cpu_features: cpu_features(),
            physical_cores: sysinfo::System::physical_core_count(),
            memory_bytes: system.total_memory(),
            memory_available_bytes: system.available_memory(),
            load_average: (cfg!(unix) && load.is_finite()).then_some(load),
            power: power(),
        }),
        browser: None,
        node: None,
    }
}

/// Warnings that apply to every measurement on this machine.
pub(crate) fn warnings(machine: &Machine) -> Vec<Warning> {
    let Some(native) = &machine.native else {
        return vec![];
    };
    let mut warnings = power::warnings(&native.power);
    // A load of one core takes time from every multi-threaded cell, and shares caches with the
    // others.
    if let Some(load) = native.load_average.filter(|&load| load >= 1.0) {
        warnings.push(Warning {
            kind: WarningKind::LoadedMachine,
            message: format!(
                "the machine was busy when the run began (load {load:.2}): close other programs and repeat"
            ),
        });
    }
    warnings
}

/// The warning if the processor was throttled since `machine` was read.
pub(crate) fn throttled_since(machine: &Machine) -> Option<Warning> {
    power::throttled(&machine.native.as_ref()?.power, &power())
}

fn cpu_features() -> Vec<String> {
    let mut features = Vec::new();
    #[cfg(target_arch = "x86_64")]
    {
        macro_rules! detect {
            ($($name:tt),*) => { $(if std::is_x86_feature_detected!($name) { features.push(String::from($name)); })* };
        }
        detect!(
            "sse2",
            "sse4.2",
            "avx",
            "avx2",
            "fma",
            "f16c",
            "avx512f",
            "avx512bw",
            "avx512vl",
            "avx512vnni"
        );
    }
    #[cfg(target_arch = "aarch64")]
    {
        macro_rules! detect {
            ($($name:tt),*) => { $(if std::arch::is_aarch64_feature_detected!($name) { features.push(String::from($name)); })* };
        }
        detect!("neon", "fp16", "dotprod", "i8mm", "sve", "sve2");
    }
    features
}

/// Peak resident set size of this process, where the system reports it (Linux).
pub(crate) fn resident_peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// Whether this process belongs to the superuser. Chromium's sandbox then refuses to start.
pub(crate) fn is_superuser() -> bool {
    std::fs::read_to_string("/proc/self/status")
        .is_ok_and(|status| status.lines().any(|line| line.starts_with("Uid:\t0\t")))
}

/// The current time in RFC 3339, UTC, in whole seconds.
pub(crate) fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
