/// Says what is being done, on standard error.
pub(crate) fn step(text: &str) {
    eprintln!("\n==> {text}");
}
