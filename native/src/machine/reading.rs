//! What this machine counts and shows at one moment.

use tare_core::MachineReading;

use super::power::power;

/// Reads the state of this machine.
pub(crate) fn reading() -> MachineReading {
    let power = power();
    MachineReading {
        ticks: std::fs::read_to_string("/proc/stat").ok().and_then(|text| ticks(&text)),
        frequency_mhz: power.frequency_mhz,
        temperature_celsius: power.temperature_celsius,
        throttle_count: power.throttle_count,
    }
}

/// Busy, stolen and total ticks of all cores (proc_stat(5)).
fn ticks(stat: &str) -> Option<[u64; 3]> {
    let line = stat.lines().find(|line| line.starts_with("cpu "))?;
    let fields: Vec<u64> = line
        .split_whitespace()
        .skip(1)
        .take(8)
        .map(|field| field.parse().ok())
        .collect::<Option<_>>()?;
    // user, nice, system, idle, waiting for input and output, two kinds of interrupts, stolen.
    let [_, _, _, idle, waiting, _, _, stolen] = fields.try_into().ok()?;
    let total: u64 = line
        .split_whitespace()
        .skip(1)
        .take(8)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    Some([total - idle - waiting - stolen, stolen, total])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_read_from_proc_stat() {
        let stat = "cpu  100 5 40 800 10 1 2 30 0 0\ncpu0 1 2 3 4 5 6 7 8 0 0\n";
        assert_eq!(ticks(stat), Some([148, 30, 988]));
        for text in ["", "cpu  1 2 3", "cpu  a b c d e f g h", "intr 1"] {
            assert_eq!(ticks(text), None, "{text}");
        }
    }
}
