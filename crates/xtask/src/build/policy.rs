//! What the page may load and run, whatever a record or a model makes of it.

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// Where the policy goes: before all that it is about.
const AFTER: &str = "<head>";

/// The page with a policy that allows the scripts that are in it, and none that anybody adds.
pub(super) fn with_policy(page: &str) -> Result<String> {
    let hashes: Vec<String> = inline_scripts(page).map(hash).collect();
    let policy = [
        "default-src 'none'".to_owned(),
        format!("script-src 'self' 'wasm-unsafe-eval' {}", hashes.join(" ")),
        // Reports bring their own style.
        "style-src 'self' 'unsafe-inline'".into(),
        "img-src 'self' data: blob:".into(),
        // Models come from where the user says, and the program may serve on this machine.
        "connect-src 'self' https: http://127.0.0.1:* http://localhost:*".into(),
        "worker-src 'self' blob:".into(),
        "frame-src 'self'".into(),
        "manifest-src 'self'".into(),
        "base-uri 'none'".into(),
        "form-action 'none'".into(),
        // `web/scripts/trusted.js` turns text into what may run.
        "require-trusted-types-for 'script'".into(),
        "trusted-types tare".into(),
    ]
    .join("; ");
    let meta = format!("{AFTER}<meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\" />");
    let (before, after) = page
        .split_once(AFTER)
        .with_context(|| format!("the page has no {AFTER}"))?;
    Ok(format!("{before}{meta}{after}"))
}

/// The texts of scripts in the page that run.
fn inline_scripts(page: &str) -> impl Iterator<Item = &str> {
    page.split("<script").skip(1).filter_map(|rest| {
        let (attributes, rest) = rest.split_once('>')?;
        let (text, _) = rest.split_once("</script>")?;
        (!attributes.contains("src=")).then_some(text)
    })
}

fn hash(script: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(script)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_scripts_of_the_page_may_run() {
        let page = format!(
            "{AFTER}<script type=\"module\">alert(1)</script></head>\
             <script src=\"report.js\"></script>"
        );
        let with = with_policy(&page).unwrap();
        // printf 'alert(1)' | openssl dgst -sha256 -binary | base64
        let expected =
            "script-src 'self' 'wasm-unsafe-eval' 'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='; style-src";
        assert!(with.contains(expected), "{with}");
        assert!(with_policy("<body></body>").is_err());
    }
}
