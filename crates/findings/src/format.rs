//! Numbers as people read them: three significant digits, and the unit that keeps them short.

use tare_core::stats::Estimate;

/// A duration given in nanoseconds, for example `193 ms`.
pub fn duration(ns: f64) -> String {
    let (value, unit) = match ns {
        ns if ns.abs() < 1e3 => (ns, "ns"),
        ns if ns.abs() < 1e6 => (ns / 1e3, "\u{b5}s"),
        ns if ns.abs() < 1e9 => (ns / 1e6, "ms"),
        ns => (ns / 1e9, "s"),
    };
    format!("{} {unit}", significant(value))
}

/// A ratio, for example `3.31x`.
pub fn ratio(value: f64) -> String {
    format!("{}x", significant(value))
}

/// Items per second, for example `13.2 items/s`.
pub fn items_rate(per_second: f64) -> String {
    format!("{} items/s", significant(per_second))
}

/// Floating-point operations per second, for example `122 GFLOP/s`.
pub fn flops_rate(per_second: f64) -> String {
    rate(per_second, "FLOP/s")
}

/// Bytes per second, for example `12.3 GB/s`, in powers of ten.
pub fn bytes_rate(per_second: f64) -> String {
    rate(per_second, "B/s")
}

fn rate(per_second: f64, unit: &str) -> String {
    let (value, prefix) = match per_second {
        value if value < 1e6 => (value / 1e3, "k"),
        value if value < 1e9 => (value / 1e6, "M"),
        value if value < 1e12 => (value / 1e9, "G"),
        value => (value / 1e12, "T"),
    };
    format!("{} {prefix}{unit}", significant(value))
}

/// A share of the whole, for example `58 %`: with more digits where it is small.
pub fn percent(share: f64) -> String {
    let percent = share * 100.0;
    match percent.abs() {
        size if size >= 9.95 || size == 0.0 => format!("{percent:.0} %"),
        size if size >= 0.0995 => format!("{percent:.1} %"),
        size if size >= 0.001 => format!("{percent:.3} %"),
        _ => "less than 0.001 %".into(),
    }
}

/// A number of operations, for example `4.09 G`, in powers of ten.
pub fn count(count: u64) -> String {
    let value = count as f64;
    let (value, unit) = match value {
        value if value < 1e3 => return count.to_string(),
        value if value < 1e6 => (value / 1e3, "k"),
        value if value < 1e9 => (value / 1e6, "M"),
        value => (value / 1e9, "G"),
    };
    format!("{} {unit}", significant(value))
}

/// A size in bytes, for example `102 MB`, in powers of ten.
pub fn bytes(bytes: u64) -> String {
    let value = bytes as f64;
    let (value, unit) = match value {
        value if value < 1e3 => (value, "B"),
        value if value < 1e6 => (value / 1e3, "kB"),
        value if value < 1e9 => (value / 1e6, "MB"),
        value => (value / 1e9, "GB"),
    };
    format!("{} {unit}", significant(value))
}

/// Distances in units in the last place, from their counts by powers of two: how many are equal, and how far apart
/// 99 % and all of them are at most.
pub fn ulps(counts: &[u64]) -> String {
    let all: u64 = counts.iter().sum();
    if all == 0 {
        return "-".into();
    }
    let percent = |count: u64| count as f64 * 100.0 / all as f64;
    // Entry k ends with 2^k - 1. Numbers have 64 bits at most, whatever a record says.
    let most = |entry: usize| (1u128 << entry.min(64)) - 1;
    let mut seen = 0;
    let within = counts.iter().position(|count| {
        seen += count;
        percent(seen) >= 99.0
    });
    match (counts.len() - 1, within) {
        (0, _) | (_, None) => "all equal".into(),
        (last, Some(within)) if within == last => {
            format!("{:.0} % equal, all within {}", percent(counts[0]), most(last))
        }
        (last, Some(within)) => format!(
            "{:.0} % equal, 99 % within {}, all within {}",
            percent(counts[0]),
            most(within),
            most(last)
        ),
    }
}

fn significant(value: f64) -> String {
    let decimals = match value.abs() {
        size if size >= 99.95 || size == 0.0 => 0,
        size if size >= 9.995 => 1,
        size if size >= 0.9995 => 2,
        _ => 3,
    };
    format!("{value:.decimals$}")
}

/// Both ends of an interval of ratios.
pub fn ratios(estimate: &Estimate) -> String {
    format!("{} to {}", ratio(estimate.low), ratio(estimate.high))
}

/// A coordinate of a picture with one decimal: enough for the eye, and a tenth of the bytes.
pub fn coordinate(value: f64) -> String {
    format!("{value:.1}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_in_words() {
        for (counts, expected) in [
            (&[][..], "-"),
            (&[4], "all equal"),
            (&[1, 3], "25 % equal, all within 1"),
            (&[0, 0, 199, 0, 1], "0 % equal, 99 % within 3, all within 15"),
            (
                &[0; 200].map(|_: u64| 1),
                "0 % equal, 99 % within 18446744073709551615, all within 18446744073709551615",
            ),
        ] {
            assert_eq!(ulps(counts), expected);
        }
    }

    #[test]
    fn three_digits_and_a_unit() {
        for (ns, expected) in [
            (0.0, "0 ns"),
            (41.0, "41.0 ns"),
            (1_234.0, "1.23 \u{b5}s"),
            (99_960.0, "100 \u{b5}s"),
            (193_400_000.0, "193 ms"),
            (9_996_000.0, "10.0 ms"),
            (1_500_000_000.0, "1.50 s"),
        ] {
            assert_eq!(duration(ns), expected);
        }
        assert_eq!(
            (ratio(3.312), ratio(0.97), ratio(12.0)),
            ("3.31x".into(), "0.970x".into(), "12.0x".into())
        );
        assert_eq!(
            (items_rate(13.24), items_rate(0.5)),
            ("13.2 items/s".into(), "0.500 items/s".into())
        );
        for (share, expected) in [
            (0.0, "0 %"),
            (0.581, "58 %"),
            (0.0123, "1.2 %"),
            (0.000_02, "0.002 %"),
            (1e-9, "less than 0.001 %"),
        ] {
            assert_eq!(percent(share), expected);
        }
        assert_eq!((count(0), count(4_089_184_256)), ("0".into(), "4.09 G".into()));
        assert_eq!(
            (flops_rate(122.4e9), bytes_rate(3.5e6)),
            ("122 GFLOP/s".into(), "3.50 MB/s".into())
        );
        assert_eq!((bytes(17), bytes(102_500_000)), ("17.0 B".into(), "102 MB".into()));
    }
}
