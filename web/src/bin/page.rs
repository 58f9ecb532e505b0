//! Entry point of the page.

fn main() {
    #[cfg(not(any(feature = "tract", feature = "burn-flex", feature = "burn-wgpu")))]
    tare_web::page::start();
}
