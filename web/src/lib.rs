//! The page and its workers: everything that knows a browser.
//!
//! The page never runs inference and a worker never touches the document. Each worker module holds one engine and
//! serves one request; the page starts a fresh worker for every cell.

mod clock;
#[cfg(not(any(feature = "tract", feature = "burn-flex", feature = "burn-wgpu")))]
pub mod page;
#[cfg(any(feature = "tract", feature = "burn-flex", feature = "burn-wgpu"))]
pub mod worker;
