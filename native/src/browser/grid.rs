//! What a Selenium Grid says about itself, for errors.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

/// Time limit of the question.
const LIMIT: Duration = Duration::from_secs(5);

/// The slots of a grid, as the end of a sentence; empty if it is no grid or does not answer.
pub(super) async fn describe(url: &str) -> String {
    let address = format!("{}/status", url.trim_end_matches('/'));
    let asked = tokio::task::spawn_blocking(move || status(&address)).await;
    asked.ok().flatten().map_or_else(String::new, |status| slots(&status))
}

fn status(address: &str) -> Option<Value> {
    let agent: ureq::Agent = ureq::Agent::config_builder().timeout_global(Some(LIMIT)).build().into();
    let text = agent.get(address).call().ok()?.body_mut().read_to_string().ok()?;
    serde_json::from_str(&text).ok()
}

fn slots(status: &Value) -> String {
    let Some(nodes) = status["value"]["nodes"].as_array() else {
        return String::new();
    };
    // Used and all slots by browser.
    let mut browsers: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for slot in nodes.iter().filter_map(|node| node["slots"].as_array()).flatten() {
        let (used, all) = browsers
            .entry(slot["stereotype"]["browserName"].as_str().unwrap_or("unknown"))
            .or_default();
        *all += 1;
        *used += usize::from(!slot["session"].is_null());
    }
    let browsers: Vec<String> = browsers
        .iter()
        .map(|(name, (used, all))| format!("{name}, {used} of {all} in use"))
        .collect();
    format!(
        " (the grid has {} node{}: {})",
        nodes.len(),
        if nodes.len() == 1 { "" } else { "s" },
        if browsers.is_empty() {
            "no browser".into()
        } else {
            browsers.join("; ")
        }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slots_of_a_grid_are_counted_by_browser() {
        let slot = |name: &str, session: Value| serde_json::json!({ "stereotype": { "browserName": name }, "session": session });
        let busy = serde_json::json!({ "sessionId": "x" });
        let grid = serde_json::json!({ "value": { "nodes": [
            { "slots": [slot("chrome", busy), slot("chrome", Value::Null), slot("firefox", Value::Null)] },
            { "slots": [] },
        ] } });
        assert_eq!(
            slots(&grid),
            " (the grid has 2 nodes: chrome, 1 of 2 in use; firefox, 0 of 1 in use)"
        );
        assert_eq!(
            slots(&serde_json::json!({ "value": { "nodes": [] } })),
            " (the grid has 0 nodes: no browser)"
        );
        assert_eq!(slots(&serde_json::json!({ "value": { "ready": true } })), "");
    }
}
