use tare_record::MachineWatch;

/// What a machine counts and shows at one moment. Each field is absent where the system does not report it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MachineReading {
    /// Time of all cores since the machine was started, in ticks of any length: busy, taken by other virtual machines, and in total.
    pub ticks: Option<[u64; 3]>,
    /// Frequency of the first core.
    pub frequency_mhz: Option<u64>,
    /// Temperature of the hottest zone, in degrees Celsius.
    pub temperature_celsius: Option<i64>,
    /// How often the first core has been throttled because of heat since the machine was started.
    pub throttle_count: Option<u64>,
}

impl MachineReading {
    /// What the machine did from this reading to a later one.
    pub(super) fn until(&self, later: &Self) -> MachineWatch {
        let ticks = self.ticks.zip(later.ticks).and_then(|(before, after)| {
            let passed = [0, 1, 2].map(|index| after[index].saturating_sub(before[index]));
            // No tick has passed: nothing can be said.
            let permille = |part: u64| (part.saturating_mul(1000)).checked_div(passed[2]);
            Some([permille(passed[0])?, permille(passed[1])?])
        });
        MachineWatch {
            busy_permille: ticks.map(|[busy, _]| busy),
            steal_permille: ticks.map(|[_, steal]| steal),
            frequency_mhz: later.frequency_mhz,
            temperature_celsius: later.temperature_celsius,
            throttled: self
                .throttle_count
                .zip(later.throttle_count)
                .map(|(before, after)| after.saturating_sub(before)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_those_of_the_time_that_passed() {
        let before = MachineReading {
            ticks: Some([1_000, 10, 4_000]),
            throttle_count: Some(5),
            ..MachineReading::default()
        };
        let after = MachineReading {
            ticks: Some([1_150, 20, 4_200]),
            throttle_count: Some(7),
            frequency_mhz: Some(2_400),
            temperature_celsius: None,
        };
        let expected = MachineWatch {
            busy_permille: Some(750),
            steal_permille: Some(50),
            frequency_mhz: Some(2_400),
            temperature_celsius: None,
            throttled: Some(2),
        };
        assert_eq!(before.until(&after), expected);
        assert_eq!(after.until(&after).busy_permille, None);
        assert_eq!(MachineReading::default().until(&after).throttled, None);
    }
}
