//! Puts the compressed program into the launcher.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use sha2::{Digest as _, Sha256};

/// Names the program, compressed by brotli. `cargo xtask dist` sets it.
const PROGRAM: &str = "TARE_PROGRAM";

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed={PROGRAM}");
    let mut program = Vec::new();
    if let Some(file) = env::var_os(PROGRAM).map(PathBuf::from) {
        println!("cargo::rerun-if-changed={}", file.display());
        program = fs::read(file)?;
        if env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux") {
            println!("cargo::rustc-link-arg-bins=-Wl,--strip-all");
        }
    }
    let digest = Sha256::digest(&program);
    let name: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    println!("cargo::rustc-env=PROGRAM_HASH={name}");
    let out = env::var_os("OUT_DIR").unwrap_or_default();
    fs::write(Path::new(&out).join("program.br"), program)
}
