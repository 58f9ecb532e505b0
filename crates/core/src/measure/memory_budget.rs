use tare_record::{Failure, FailureKind};

/// Peak memory while a model loads, in halves of the model's size. The peak is 2.5 times the size:
/// the file, the engine's own copy, and half as much for intermediate values.
const PEAK_HALVES: u64 = 5;

/// What a wasm module can address with 32 bits.
pub const WASM_MEMORY_BYTES: u64 = 1 << 32;

/// Rejects a model that does not fit in memory while it loads, before the process tries and is
/// killed. `limit_bytes` is the maximum memory of the process.
///
/// # Errors
///
/// If 2.5 times the size of the model exceeds the limit.
pub fn check_memory_budget(model: &str, model_bytes: u64, limit_bytes: u64) -> Result<(), Failure> {
    let needed = model_bytes.saturating_mul(PEAK_HALVES) / 2;
    if needed <= limit_bytes {
        return Ok(());
    }
    let mib = |bytes: u64| bytes >> 20;
    Err(Failure::new(
        FailureKind::Device,
        format!(
            "model {model:?} of {} MiB takes up to {} MiB while it loads, but this process can have at most {} MiB",
            mib(model_bytes),
            mib(needed),
            mib(limit_bytes)
        ),
    )
    .with_hint("measure it natively, or choose a smaller model"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_that_does_not_fit_in_memory_is_rejected() {
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
