/// 128 random bits as hexadecimal digits.
pub(crate) fn token() -> String {
    let mut bytes = [0; 16];
    // Every supported system has a source of random bits.
    getrandom::fill(&mut bytes).unwrap_or_else(|error| panic!("the system has no random bits: {error}"));
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
