//! `numpy` of tare-fuzz.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tare_fuzz::run("numpy", bytes));
