//! Entry point of a worker module; `worker.js` calls `serve` once the module is instantiated.

// Links the library, whose exported function is all there is.
use tare_web as _;

fn main() {}
