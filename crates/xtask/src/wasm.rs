//! A toolchain that builds for wasm32-unknown-unknown: rustup's, or Debian's where rustup's server cannot be reached.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use xshell::{Cmd, Shell, cmd};

use crate::step;
use crate::tools::{debian, target, which};

const TARGET: &str = "wasm32-unknown-unknown";

/// How to call cargo for wasm.
pub(crate) enum Toolchain {
    /// rustup's, with the target installed.
    Rustup,
    /// Debian's compiler, which builds the standard library itself, with rustup's linker.
    Debian { linker: PathBuf },
}

impl Toolchain {
    pub(crate) fn prepare(sh: &Shell) -> Result<Self> {
        let installed = cmd!(sh, "rustup target list --installed")
            .quiet()
            .ignore_stderr()
            .read()
            .unwrap_or_default();
        if installed.lines().any(|line| line.trim() == TARGET) {
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
            command = command.envs(BUILD_STD);
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

    fn environment(&self) -> Vec<(&'static str, PathBuf)> {
        let mut environment = vec![("CARGO_TARGET_DIR", wasm_target())];
        if let Self::Debian { linker } = self {
            environment.extend([
                ("RUSTC", "/usr/bin/rustc".into()),
                ("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker.clone()),
            ]);
            environment.extend(BUILD_STD.map(|(key, value)| (key, value.into())));
        }
        environment
    }
}

/// Lets a stable compiler build its standard library, which is not stable yet.
const BUILD_STD: [(&str, &str); 2] = [
    ("RUSTC_BOOTSTRAP", "1"),
    ("CARGO_UNSTABLE_BUILD_STD", "std,panic_abort"),
];

/// Where results for wasm are.
pub(crate) fn wasm_target() -> PathBuf {
    target().join("wasm")
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
