//! The environments of a run, by their names on the command line.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::browser::{self, Wanted};
use crate::commands::args::DriverArgs;

/// Where cells are measured.
#[derive(Debug, Clone)]
pub(crate) enum Environment {
    Native,
    Node,
    /// A browser that this program opens.
    Browser(Wanted),
    /// A browser that a person opens.
    Invited,
}

/// An environment with its name, which is that of its record.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) environment: Environment,
}

impl Named {
    pub(crate) fn new(name: &str, environment: Environment) -> Self {
        Self {
            name: name.to_owned(),
            environment,
        }
    }

    /// Whether it needs the page.
    pub(crate) fn has_page(&self) -> bool {
        matches!(self.environment, Environment::Browser(_) | Environment::Invited)
    }

    /// Whether it may be another machine.
    pub(crate) fn is_remote(&self) -> bool {
        matches!(self.environment, Environment::Browser(Wanted::Remote { .. }))
    }
}

/// The environments with these names: `native`, `node`, `browser` for the first one found, or what
/// [`browser::choose`] takes, driven as `local` says. `remote` holds the browsers of the WebDrivers of
/// `args`, and `invited` counts those that people open.
pub(crate) fn environments(
    names: &[String],
    local: &DriverArgs,
    remote: &[String],
    args: &DriverArgs,
    invited: usize,
) -> Result<Vec<Named>> {
    let mut all = Vec::new();
    for name in names {
        all.push(match name.as_str() {
            "native" => Named::new(name, Environment::Native),
            "node" => Named::new(name, Environment::Node),
            "browser" => Named::new(name, Environment::Browser(browser::wanted(None, local)?)),
            name => Named::new(
                &file_name(name),
                Environment::Browser(browser::wanted(Some(name), local)?),
            ),
        });
    }
    for name in remote {
        all.push(Named::new(
            &file_name(name),
            Environment::Browser(browser::wanted(Some(name), args)?),
        ));
    }
    all.extend((0..invited).map(|_| Named::new("invited", Environment::Invited)));
    if all.is_empty() {
        bail!("there is no environment to measure in\nhint: name some, for example --in native,chromium");
    }
    make_names_unique(&mut all)?;
    Ok(all)
}

/// The Vulkan driver of native processes, if it is not the system's: see [`browser::vulkan_driver`].
pub(crate) fn vulkan_driver(environments: &[Named], args: &DriverArgs) -> Option<PathBuf> {
    let browsers = environments.iter().filter_map(|named| match &named.environment {
        Environment::Browser(wanted) => Some(wanted.clone()),
        _ => None,
    });
    browser::vulkan_driver(&browsers.collect::<Vec<_>>(), args)
}

/// What a record of this browser is called.
fn file_name(browser: &str) -> String {
    let last = browser.rsplit(['/', '\\']).next().unwrap_or(browser);
    let name: String = last
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || "._-".contains(c) {
                c
            } else {
                '-'
            }
        })
        .collect();
    // These are not records.
    if ["", "run", "report", "command"].contains(&name.as_str()) {
        format!("browser-{name}")
    } else {
        name
    }
}

/// Numbers browsers of the same name. Other environments can be measured only once.
fn make_names_unique(all: &mut [Named]) -> Result<()> {
    let mut seen = BTreeSet::new();
    for named in all {
        let first = named.name.clone();
        let mut number = 2;
        while !seen.insert(named.name.clone()) {
            if !named.has_page() {
                bail!("--in names {first} twice");
            }
            named.name = format!("{first}-{number}");
            number += 1;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn environments_get_the_names_of_their_records() {
        let args = DriverArgs {
            webdriver: vec!["http://127.0.0.1:4444".into()],
            session_limit: 1,
            headed: false,
            software_gpu: false,
            headless_gpu: false,
            browser_arg: vec![],
            accepts_any_certificate: false,
        };
        let names = |local: &[&str], remote: &[&str], invited| -> Result<Vec<String>> {
            let [local, remote] =
                [local, remote].map(|names| names.iter().map(ToString::to_string).collect::<Vec<_>>());
            let all = environments(&local, &args, &remote, &args, invited)?;
            Ok(all.into_iter().map(|named| named.name).collect())
        };
        for (local, remote, invited, expected) in [
            (&["native", "node"][..], &[][..], 0, &["native", "node"][..]),
            (
                &["native"],
                &["chrome", "chrome", "firefox:128"],
                0,
                &["native", "chrome", "chrome-2", "firefox-128"],
            ),
            (&[], &[], 2, &["invited", "invited-2"]),
            (&[], &["run", "a/b"], 0, &["browser-run", "b"]),
        ] {
            assert_eq!(names(local, remote, invited).unwrap(), expected);
        }
        for (local, expected) in [
            (&["native", "native"][..], "names native twice"),
            (&[], "no environment"),
        ] {
            let error = names(local, &[], 0).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
