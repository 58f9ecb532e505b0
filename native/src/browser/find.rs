use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

/// A family of browsers with one driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Chromium,
    Firefox,
}

impl Kind {
    /// The family of a browser, by its name.
    pub(crate) fn of(name: &str) -> Self {
        if name.to_lowercase().contains("firefox") {
            Kind::Firefox
        } else {
            Kind::Chromium
        }
    }

    /// Name of the WebDriver program.
    pub(crate) fn driver(self) -> &'static str {
        match self {
            Kind::Chromium => "chromedriver",
            Kind::Firefox => "geckodriver",
        }
    }
}

/// An installed browser.
#[derive(Debug, Clone)]
pub(crate) struct Browser {
    pub(crate) kind: Kind,
    pub(crate) program: PathBuf,
    pub(crate) driver: Option<PathBuf>,
}

const PROGRAMS: [(&str, Kind); 8] = [
    ("chromium", Kind::Chromium),
    ("chromium-browser", Kind::Chromium),
    ("google-chrome", Kind::Chromium),
    ("google-chrome-stable", Kind::Chromium),
    ("chrome", Kind::Chromium),
    ("microsoft-edge", Kind::Chromium),
    ("firefox", Kind::Firefox),
    ("firefox-esr", Kind::Firefox),
];

/// Browsers outside the search path.
const PLACES: [(&str, Kind); 4] = [
    (
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
        Kind::Chromium,
    ),
    ("/Applications/Firefox.app/Contents/MacOS/firefox", Kind::Firefox),
    (r"C:\Program Files\Google\Chrome\Application\chrome.exe", Kind::Chromium),
    (r"C:\Program Files\Mozilla Firefox\firefox.exe", Kind::Firefox),
];

/// Finds all browsers on this machine, the preferred one first.
pub(crate) fn find_browsers() -> Vec<Browser> {
    let on_path = PROGRAMS.iter().filter_map(|(name, kind)| Some((on_path(name)?, *kind)));
    let elsewhere = PLACES
        .iter()
        .map(|(path, kind)| (PathBuf::from(path), *kind))
        .filter(|(path, _)| path.is_file());
    on_path
        .chain(elsewhere)
        .map(|(program, kind)| Browser {
            kind,
            program,
            driver: on_path_driver(kind),
        })
        .collect()
}

fn on_path_driver(kind: Kind) -> Option<PathBuf> {
    on_path(kind.driver())
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .flat_map(|folder| [folder.join(name), folder.join(format!("{name}.exe"))])
        .find(|candidate| candidate.is_file())
}

/// Chooses a browser by its family or path. Without either, chooses the first one found.
pub(crate) fn choose(asked: Option<&str>) -> Result<Browser> {
    let found = find_browsers();
    let hint = "hint: install Chromium with its driver (Debian: apt-get install chromium chromium-driver), or pass the path of a browser with --browser";
    let wanted = |browser: &Browser| match asked {
        None => true,
        Some("chromium") => browser.kind == Kind::Chromium,
        Some("chrome") => {
            browser.kind == Kind::Chromium && browser.program.to_string_lossy().to_lowercase().contains("chrome")
        }
        Some("firefox") => browser.kind == Kind::Firefox,
        Some(_) => false,
    };
    if let Some(path) = asked.filter(|asked| !["chromium", "chrome", "firefox"].contains(asked)) {
        let program = Path::new(path);
        if !program.is_file() {
            bail!("there is no browser {path:?}: expected chromium, chrome, firefox or the path of a program\n{hint}");
        }
        let name = program.file_name().unwrap_or_default();
        let kind = Kind::of(&name.to_string_lossy());
        return Ok(Browser {
            kind,
            program: program.into(),
            driver: on_path_driver(kind),
        });
    }
    match found.into_iter().find(wanted) {
        Some(browser) => Ok(browser),
        None => bail!(
            "found no browser{}\n{hint}",
            asked.map_or_else(String::new, |asked| format!(" {asked:?}"))
        ),
    }
}

/// The software Vulkan driver that is bundled with a Chromium.
pub(crate) fn software_vulkan(browser: &Browser) -> Option<PathBuf> {
    const FILE: &str = "vk_swiftshader_icd.json";
    let program = std::fs::canonicalize(&browser.program).ok();
    let own_folder = program.as_deref().and_then(Path::parent).map(Path::to_path_buf);
    // Debian's program is a script that starts the one in this folder.
    let folders = own_folder.into_iter().chain(["/usr/lib/chromium".into()]);
    folders
        .map(|folder| folder.join(FILE))
        .find(|driver| browser.kind == Kind::Chromium && driver.is_file())
}
