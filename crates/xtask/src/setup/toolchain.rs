//! A toolchain that builds for wasm32-unknown-unknown: rustup's, or Debian's where rustup's server cannot be reached.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use xshell::{Cmd, Shell, cmd};

use super::system::{debian, which};
use crate::paths::wasm_target;
use crate::step::step;

const TARGET: &str = "wasm32-unknown-unknown";

/// How to call cargo for wasm.
pub(crate) enum Toolchain {
    /// rustup's, with the target installed.
    Rustup,
    /// Debian's compiler, which builds the standard library itself, with rustup's linker.
    Debian { linker: PathBuf },
}

impl Toolchain {
    /// The compiler that is there, without installing anything.
    pub(crate) fn find(sh: &Shell) -> Result<Self> {
        if rustup_has_target(sh) {
            return Ok(Self::Rustup);
        }
        if debian_is_ready(sh) {
            return Ok(Self::Debian { linker: linker(sh)? });
        }
        bail!("no compiler for {TARGET} is installed\nhint: run `cargo xtask setup` once");
    }

    /// Makes sure that a compiler is there.
    pub(crate) fn prepare(sh: &Shell) -> Result<Self> {
        if rustup_has_target(sh) {
            return with_sources(sh);
        }
        if debian_is_ready(sh) {
            return Ok(Self::Debian { linker: linker(sh)? });
        }
        step("installing the wasm target");
        if cmd!(sh, "rustup target add {TARGET}").run().is_ok() {
            return with_sources(sh);
        }
        eprintln!("rustup cannot install the target here: falling back to Debian's compiler");
        debian(
            sh,
            &["rustc-web", "cargo-web", "rust-web-src", "rust-web-clippy"],
            &format!("the target {TARGET} (rustup target add {TARGET})"),
        )?;
        if !debian_is_ready(sh) {
            bail!(
                "Debian's rustc is too old to build this project\nhint: install the target with rustup: rustup target add {TARGET}"
            );
        }
        Ok(Self::Debian { linker: linker(sh)? })
    }

    /// cargo with `arguments`, set up for wasm. Its results stay apart from native ones, because two compilers of
    /// different versions would throw away each other's work. With `threads` the standard library is built too, because that of
    /// rustup cannot share its memory.
    pub(crate) fn cargo<'sh>(&self, sh: &'sh Shell, arguments: &[&str], threads: bool) -> Cmd<'sh> {
        let arguments = [arguments, &["--locked"]].concat();
        let mut command = match self {
            Self::Rustup => cmd!(sh, "cargo {arguments...}"),
            Self::Debian { .. } => {
                // cargo looks for clippy on the search path, where rustup's may come first.
                let path = std::env::var("PATH").unwrap_or_default();
                cmd!(sh, "/usr/bin/cargo {arguments...}").env("PATH", format!("/usr/bin:{path}"))
            }
        };
        for (key, value) in self.environment() {
            command = command.env(key, value);
        }
        if threads && matches!(self, Self::Rustup) {
            command = command.env(BUILD_STD.0, BUILD_STD.1);
        }
        command
    }

    /// The driver of clippy that belongs to the compiler.
    pub(crate) fn clippy_driver(&self) -> &'static str {
        match self {
            Self::Rustup => "clippy-driver",
            Self::Debian { .. } => "/usr/bin/clippy-driver",
        }
    }

    /// What cargo's environment must hold to build for wasm.
    pub(crate) fn environment(&self) -> Vec<(&'static str, PathBuf)> {
        let mut environment = vec![
            ("CARGO_TARGET_DIR", wasm_target()),
            (UNSTABLE.0, UNSTABLE.1.into()),
            // Modules are downloaded, so small ones are worth the time; the native program would take hours.
            ("CARGO_PROFILE_DIST_LTO", "fat".into()),
        ];
        if let Self::Debian { linker } = self {
            environment.extend([
                ("RUSTC", "/usr/bin/rustc".into()),
                ("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker.clone()),
            ]);
            environment.push((BUILD_STD.0, BUILD_STD.1.into()));
        }
        environment
    }
}

/// Lets a stable compiler use features that are not stable yet. Set for every module, because build scripts of crates such as proc-macro2
/// depend on it: if it came and went, all that depends on them would be compiled again with every module.
const UNSTABLE: (&str, &str) = ("RUSTC_BOOTSTRAP", "1");

/// Has the standard library built too.
const BUILD_STD: (&str, &str) = ("CARGO_UNSTABLE_BUILD_STD", "std,panic_abort");

fn rustup_has_target(sh: &Shell) -> bool {
    let installed = cmd!(sh, "rustup target list --installed")
        .quiet()
        .ignore_stderr()
        .read()
        .unwrap_or_default();
    installed.lines().any(|line| line.trim() == TARGET)
}

/// rustup's compiler with the sources of its library, of which modules with threads need a build of their own.
fn with_sources(sh: &Shell) -> Result<Toolchain> {
    let components = cmd!(sh, "rustup component list --installed").quiet().read()?;
    if !components.lines().any(|line| line.trim() == "rust-src") {
        step("installing the sources of the standard library");
        cmd!(sh, "rustup component add rust-src").run()?;
    }
    Ok(Toolchain::Rustup)
}

/// Whether Debian's compiler is there with the sources of its library, and new enough for edition 2024 as used here.
fn debian_is_ready(sh: &Shell) -> bool {
    let version = cmd!(sh, "/usr/bin/rustc --version")
        .quiet()
        .ignore_stderr()
        .read()
        .unwrap_or_default();
    let minor = version
        .split('.')
        .nth(1)
        .and_then(|minor| minor.parse::<u32>().ok())
        .unwrap_or(0);
    let sysroot = cmd!(sh, "/usr/bin/rustc --print sysroot")
        .quiet()
        .ignore_stderr()
        .read()
        .unwrap_or_default();
    let sources = PathBuf::from(sysroot).join("lib/rustlib/src/rust/library/std/Cargo.toml");
    minor >= 95 && sources.is_file() && PathBuf::from("/usr/bin/cargo").is_file()
}

/// rust-lld, which Debian's package lacks: rustup's, in place because it finds its LLVM by its own path, or Debian's lld.
fn linker(sh: &Shell) -> Result<PathBuf> {
    let sysroot = cmd!(sh, "rustc --print sysroot")
        .env_remove("RUSTC")
        .quiet()
        .ignore_stderr()
        .read()
        .unwrap_or_default();
    let host = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let rustup = PathBuf::from(sysroot)
        .join("lib/rustlib")
        .join(host)
        .join("bin/rust-lld");
    if rustup.is_file() {
        return Ok(rustup);
    }
    which("wasm-ld")
        .or_else(|| which("wasm-ld-19"))
        .context("there is no linker for wasm\nhint: apt-get install lld-19")
}
