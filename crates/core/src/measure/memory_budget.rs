use tare_record::{Failure, FailureKind};

/// Memory that loading a model takes at its peak, as a multiple of the model's bytes, times two: the bytes, what the engine
/// makes of them, and half as much in between.
const PEAK_HALVES: u64 = 5;

/// Refuses a model that a process cannot hold while it loads it, before it tries and is killed. `limit_bytes` is the most
/// memory that it may have.
///
/// # Errors
///
/// If two and a half times the model's bytes are more than the limit.
pub fn check_memory_budget(model: &str, model_bytes: u64, limit_bytes: u64) -> Result<(), Failure> {
    let needed = model_bytes.saturating_mul(PEAK_HALVES) / 2;
    if needed <= limit_bytes {
        return Ok(());
    }
    let mib = |bytes: u64| bytes >> 20;
    Err(Failure::new(
        FailureKind::Device,
        format!(
            "model {model:?} of {} MiB takes up to {} MiB while it is loaded, and there are at most {} MiB here",
            mib(model_bytes),
            mib(needed),
            mib(limit_bytes)
        ),
    )
    .with_hint("measure it natively, or take a smaller model"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_that_cannot_be_held_is_refused_with_the_figures() {
        const LIMIT: u64 = 4 << 30;
        assert!(check_memory_budget("m", 0, LIMIT).is_ok());
        assert!(check_memory_budget("m", LIMIT * 2 / 5, LIMIT).is_ok());
        for (size, found) in [(2 << 30, "2048 MiB takes up to 5120 MiB"), (u64::MAX, "MiB")] {
            let failure = check_memory_budget("m", size, LIMIT).unwrap_err();
            assert_eq!(failure.kind, FailureKind::Device);
            assert!(
                failure.message.contains(found) && failure.message.contains("at most 4096 MiB"),
                "{failure:?}"
            );
        }
    }
}
