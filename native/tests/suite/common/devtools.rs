//! What only Chromium's own protocol can ask of a page.

use fantoccini::Client;
use fantoccini::wd::WebDriverCompatibleCommand;
use http::Method;
use serde_json::{Value, json};
use url::{ParseError, Url};

/// A command of the DevTools protocol, through the driver.
#[derive(Debug)]
struct DevTools {
    command: &'static str,
    parameters: Value,
}

impl WebDriverCompatibleCommand for DevTools {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        let body = json!({ "cmd": self.command, "params": self.parameters });
        (Method::POST, Some(body.to_string()))
    }
}

/// Shows the page as on a screen of this size, which windows may not have.
pub(crate) async fn screen(client: &Client, width: u32, height: u32) {
    let parameters = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
    command(client, "Emulation.setDeviceMetricsOverride", parameters).await;
}

/// Shows the page as users with a dark or light system see it.
pub(crate) async fn scheme(client: &Client, scheme: &str) {
    let parameters = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
    command(client, "Emulation.setEmulatedMedia", parameters).await;
}

async fn command(client: &Client, command: &'static str, parameters: Value) {
    client.issue_cmd(DevTools { command, parameters }).await.unwrap();
}
