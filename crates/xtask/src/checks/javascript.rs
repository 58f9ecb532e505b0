//! Tests and types of the page's JavaScript.

use anyhow::{Context, Result};
use xshell::{Shell, cmd};

use crate::paths::{root, target};
use crate::setup::Tools;

/// Runs the tests in Node.
pub(super) fn test(sh: &Shell) -> Result<()> {
    let scripts = ["interop", "webgpu"].map(|name| root().join(format!("web/tests/{name}.test.mjs")));
    cmd!(sh, "node --test {scripts...}").run()?;
    Ok(())
}

/// Checks the types that comments give, and those of messages, which are made from Rust's.
pub(super) fn check_types(sh: &Shell, tools: &Tools) -> Result<()> {
    let (npm, web) = (tools.npm(), root().join("web"));
    let tsc = npm.join("node_modules/.bin/tsc");
    // The packages with the types of Node and WebGPU are not in the repository.
    let types = [npm.join("node_modules/@types"), npm.join("node_modules/@webgpu")];
    let project = target().join("tsconfig.json");
    let config = serde_json::json!({
        "extends": web.join("tsconfig.json"),
        "compilerOptions": { "typeRoots": types, "types": ["node", "types"] },
        "include": [web.join("scripts/*.js"), web.join("workers/*.js"), web.join("messages.d.ts")],
    });
    sh.write_file(&project, format!("{config:#}"))?;
    cmd!(sh, "{tsc} --project {project}")
        .run()
        .context("the page's JavaScript does not fit its types\nhint: web/messages.d.ts is made by `UPDATE_SCHEMA=1 cargo test -p tare-record`")
}
