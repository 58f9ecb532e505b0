//! Entry point of a worker module. `loader.js` calls one of its exported functions after it
//! instantiates the module.

// Links the library, which exports the functions.
use tare_web as _;

fn main() {}
