//! The page in a browser, as a user operates it.

use fantoccini::{Client, Locator};
use serde_json::Value;
use tare_record::Record;

use super::Sandbox;
use super::browser::{Running, open_browser, serve_page, wait_until};

/// The page, served by the binary and opened in a browser.
pub(crate) struct Opened {
    pub(crate) client: Client,
    pub(crate) address: String,
    programs: Vec<Running>,
}

impl Opened {
    /// The page with a small model chosen, as a link does it.
    pub(crate) async fn new(sandbox: &Sandbox) -> Self {
        Self::at(sandbox, "?model=tiny").await
    }

    /// The page as some other host serves it.
    pub(crate) async fn elsewhere((client, driver): (Client, Running), address: String) -> Self {
        let opened = Self {
            client,
            address,
            programs: vec![driver],
        };
        opened.client.goto(&opened.address).await.unwrap();
        opened
    }

    /// The page with these parameters in its URL.
    pub(crate) async fn at(sandbox: &Sandbox, query: &str) -> Self {
        Self::within(open_browser(sandbox).await, sandbox, query).await
    }

    /// The same in a browser that is open.
    pub(crate) async fn within((client, driver): (Client, Running), sandbox: &Sandbox, query: &str) -> Self {
        let (server, address) = serve_page(sandbox);
        let opened = Self {
            client,
            address,
            programs: vec![server, driver],
        };
        opened.go(query).await;
        opened
    }

    pub(crate) async fn go(&self, query: &str) {
        self.client.goto(&format!("{}{query}", self.address)).await.unwrap();
        self.state("ready").await;
    }

    /// Process numbers of the server, if it is one of this test's, and of the driver.
    #[cfg(target_os = "linux")]
    pub(crate) fn programs(&self) -> Vec<u32> {
        self.programs.iter().map(|program| program.0.id()).collect()
    }

    pub(crate) async fn is_shown(&self, selector: &str) -> bool {
        let element = self.client.find(Locator::Css(selector)).await.unwrap();
        element.is_displayed().await.unwrap()
    }

    pub(crate) async fn script(&self, script: &str) -> Value {
        self.client.execute(script, vec![]).await.unwrap()
    }

    /// Waits until the page is in the expected state.
    pub(crate) async fn state(&self, expected: &str) {
        wait_until(expected, async || {
            self.script("return document.body.dataset.state").await == expected
        })
        .await;
    }

    pub(crate) async fn text(&self, selector: &str) -> String {
        let element = self.client.find(Locator::Css(selector)).await.unwrap();
        element.text().await.unwrap()
    }

    pub(crate) async fn click(&self, selector: &str) {
        let element = self.client.find(Locator::Css(selector)).await.unwrap();
        element.click().await.unwrap();
    }

    /// Gives a file to the page through its file input.
    pub(crate) async fn choose(&self, sandbox: &Sandbox, file: &str) {
        let input = self.client.find(Locator::Id("file")).await.unwrap();
        input.send_keys(&sandbox.path(file).to_string_lossy()).await.unwrap();
        wait_until(file, async || self.says(file).await).await;
    }

    /// Whether the page has said this, and drawn all that it talks about.
    pub(crate) async fn says(&self, text: &str) -> bool {
        let is_drawing = self.script("return document.getElementById('report').ariaBusy").await == "true";
        !is_drawing && self.text("#note").await.contains(text)
    }

    pub(crate) async fn record(&self) -> Record {
        let text = self
            .script("return document.getElementById('record').textContent")
            .await;
        Record::from_json(text.as_str().unwrap()).unwrap()
    }

    /// Fails with all that axe-core finds wrong for people who use a screen reader or a keyboard.
    pub(crate) async fn is_accessible(&self, what: &str) {
        let path =
            std::env::var_os("TARE_AXE").expect("TARE_AXE is not set: run `cargo xtask test`, or set it to axe.min.js");
        let axe = std::fs::read_to_string(path).unwrap();
        self.script(&axe).await;
        let check = "const done = arguments[0]; axe.run(document, { resultTypes: ['violations'] }).then( \
            ({ violations }) => done(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target).join('; ')}`)), (error) => done([`${error}`]))";
        let found = self.client.execute_async(check, vec![]).await.unwrap();
        assert_eq!(found, Value::Array(vec![]), "{what}");
    }

    /// Saves a screenshot in the folder `TARE_SCREENSHOTS`, if it is set, for people to look at.
    pub(crate) async fn picture(&self, name: &str, width: u32) {
        let Some(folder) = std::env::var_os("TARE_SCREENSHOTS") else {
            return;
        };
        self.client.set_window_size(width, 1400).await.unwrap();
        let picture = self.client.screenshot().await.unwrap();
        std::fs::write(
            std::path::Path::new(&folder).join(format!("{name}-{width}.png")),
            picture,
        )
        .unwrap();
    }
}
