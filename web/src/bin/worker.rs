//! Entry point of a worker module. `loader.js` calls one of its exported functions after it
//! instantiates the module.

use std::sync::Once;

// Links the library, which exports the functions.
use tare_web as _;

#[allow(unsafe_code, reason = "a function of the linker, called once and first")]
fn main() {
    unsafe extern "C" {
        /// Runs what registers itself before `main`: operators of tract, and instructions of cubecl.
        fn __wasm_call_ctors();
    }
    // Every thread comes here, into the same memory.
    static REGISTERED: Once = Once::new();
    // A module that does not call it is linked so that every call from JavaScript calls it: `tiny` on burn-wgpu took six times as long.
    REGISTERED.call_once(|| unsafe { __wasm_call_ctors() });
}
