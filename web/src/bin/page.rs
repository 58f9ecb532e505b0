//! Entry point of the page.

fn main() {
    #[cfg(not(feature = "worker"))]
    tare_web::page::start();
}
