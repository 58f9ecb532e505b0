//! The page at addresses of strangers: it gets ready, or says what is wrong, whatever stands in them, and runs nothing of it.

use tare_core::Random;

use crate::common::Sandbox;
use crate::common::browser::wait_until;
use crate::common::opened_page::Opened;

/// Addresses that the tests try. `TARE_ADDRESSES` asks for more, and `TARE_ADDRESSES_SEED` for others.
const ADDRESSES: u64 = 40;

const NAMES: [&str; 14] = [
    "plan",
    "length",
    "threads",
    "batch",
    "precision",
    "vectors",
    "seconds",
    "runner",
    "selftest",
    "model",
    "engine",
    "run",
    "__proto__",
    "%00",
];

const VALUES: [&str; 22] = [
    "",
    "tiny",
    "minilm",
    "tract",
    "burn-wgpu",
    "quick",
    "all",
    "0",
    "-1",
    "1e309",
    "18446744073709551616",
    "0x10",
    "NaN",
    "%",
    "%FF%FE",
    "%E2%80%AE%00%0A",
    "<script>harm=1</script>",
    "%3Cimg%20src%3Dx%20onerror%3D%22harm%3D1%22%3E",
    "javascript:harm=1",
    "../../etc/passwd",
    "https://example.invalid/model.onnx",
    "constructor",
];

/// A query and a fragment. Each part is one of the lists above, or letters by chance.
fn address(random: &mut Random) -> String {
    let mut choose = |from: &[&str]| -> String {
        match random.below(4) {
            0 => (0..random.below(12))
                .map(|_| char::from(32 + u8::try_from(random.below(95)).unwrap()))
                .collect(),
            // Longer than any address of ours.
            1 if random.below(8) == 0 => "a%F0%9F%A6%80".repeat(4_000),
            _ => from[usize::try_from(random.below(from.len() as u64)).unwrap()].to_owned(),
        }
    };
    let mut parts = vec![];
    while choose(&["go on", "", "go on"]) == "go on" {
        parts.push(format!("{}={}", choose(&NAMES), choose(&VALUES)));
    }
    // What a page of a runner does is not in its address alone.
    let query = parts.join("&").replace('#', "");
    let fragment = match choose(&["record", "text", "none"]).as_str() {
        "record" => format!(
            "#record={}",
            choose(&["H4sIAAAAAAAAA", "e30", "eyJzY2hlbWEiOjF9", "AAAA"])
        ),
        "text" => format!("#{}", choose(&VALUES)),
        _ => String::new(),
    };
    format!("?{query}{fragment}")
}

#[tokio::test]
async fn addresses_of_strangers_do_no_harm() {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse().ok());
    let sandbox = Sandbox::new();
    let page = Opened::new(&sandbox).await;
    let mut random = Random::new(number("TARE_ADDRESSES_SEED").unwrap_or(1), "addresses");
    let (mut opened, mut refused) = (0, 0);
    for index in 0..number("TARE_ADDRESSES").unwrap_or(ADDRESSES) {
        let address = address(&mut random);
        // Another fragment alone loads no page.
        page.client.goto("about:blank").await.unwrap();
        // The driver rejects an address that is not a URL.
        if page.client.goto(&format!("{}{address}", page.address)).await.is_err() {
            continue;
        }
        let what = format!("address {index}: {}", address.chars().take(300).collect::<String>());
        let state = async || page.script("return document.body.dataset.state ?? ''").await;
        wait_until(&what, async || {
            let state = state().await;
            ["ready", "running", "done", "error"]
                .iter()
                .any(|known| state == *known)
        })
        .await;
        if state().await == "error" {
            refused += 1;
        } else {
            opened += 1;
        }
        assert_eq!(
            page.script("return window.harm ?? null").await,
            serde_json::Value::Null,
            "{what}"
        );
        let said = page.script("return document.body.innerText.trim().length").await;
        assert!(said.as_u64() > Some(100), "{what}: the page is empty");
    }
    println!("{opened} addresses opened the page, and {refused} were refused");
    assert!(opened > 0 && refused > 0, "{opened} {refused}");
    page.client.clone().close().await.unwrap();
}
