//! Puts the page into the program that ships, and makes code for the protocol of model servers.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Names the folder of the built page whose files brotli has compressed. `cargo xtask dist` sets it.
const PAGE: &str = "TARE_EMBEDDED_PAGE";

/// The protocol of model servers.
const PROTOCOL: &str = "proto/inference.proto";

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed={PAGE}");
    println!("cargo::rerun-if-changed={PROTOCOL}");
    let protocol = protox::compile([PROTOCOL], ["proto"]).map_err(io::Error::other)?;
    // Tensors stay where the message was received.
    tonic_prost_build::configure().bytes(".").compile_fds(protocol)?;
    // A program without a page finds the one that its own clone builds, wherever it is called.
    let clone = match env::var_os(PAGE) {
        Some(_) => PathBuf::new(),
        None => PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("../dist"),
    };
    println!("cargo::rustc-env=TARE_PAGE_OF_CLONE={}", clone.display());
    let mut table = String::from("&[");
    if let Some(folder) = env::var_os(PAGE).map(PathBuf::from) {
        println!("cargo::rerun-if-changed={}", folder.display());
        add_files(&folder, &folder, &mut table)?;
        make_smaller();
    }
    table.push(']');
    let out = env::var_os("OUT_DIR").unwrap_or_default();
    fs::write(Path::new(&out).join("page.rs"), table)
}

/// Adds the files of a folder as `("its/path", include_bytes!(..)),`.
fn add_files(page: &Path, folder: &Path, table: &mut String) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            add_files(page, &path, table)?;
        } else if path.extension() == Some(OsStr::new("br")) {
            let name = path.strip_prefix(page).unwrap_or(&path).with_extension("");
            let name = name.to_string_lossy().replace('\\', "/");
            // Writing into a string cannot fail.
            let _ = write!(table, "({name:?}, include_bytes!({path:?})),");
        }
    }
    Ok(())
}

/// Makes the linker merge equal functions, of which generic kernels have many, and leave out the names of functions.
fn make_smaller() {
    let target = |part: &str| env::var(format!("CARGO_CFG_TARGET_{part}")).unwrap_or_default();
    // There rustc links with lld, which can do all of it.
    if target("OS") == "linux" && target("ARCH") == "x86_64" && target("ENV") == "gnu" {
        for option in ["--icf=all", "--strip-all", "-zpack-relative-relocs"] {
            println!("cargo::rustc-link-arg-bins=-Wl,{option}");
        }
    }
}
