//! Entry point of the page.

fn main() {
    tare_web::page::start();
}
