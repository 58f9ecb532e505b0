//! Tests how page and report look, and whether people with a screen reader or a keyboard can use them.

use fantoccini::Client;

use crate::common::Sandbox;
use crate::common::devtools::{scheme, screen};
use crate::common::opened_page::Opened;
use crate::common::screenshot::compare;

const WIDTHS: [u32; 3] = [360, 800, 1440];
const SCHEMES: [&str; 2] = ["light", "dark"];

#[tokio::test]
async fn page_and_report_look_as_before() {
    let sandbox = Sandbox::new();
    let page = Opened::at(&sandbox, "").await;
    // Letters of other fonts have other places, and what this machine offers is written on the page.
    let machine = page.script(FONT_AND_CORES).await;
    if machine != KEPT_ON {
        eprintln!("skipped: the screenshots were taken with other fonts: {machine}, not {KEPT_ON}");
        return;
    }
    for (name, query) in [("first", ""), ("choose", "?model=tiny"), ("experiment", "?plan=batch")] {
        page.go(query).await;
        pictures(&page.client, name).await;
    }
    page.client
        .goto(&format!("{}example.html", page.address))
        .await
        .unwrap();
    pictures(&page.client, "report").await;
    page.client.clone().close().await.unwrap();
}

/// The width of a text in the page's font, and the number of cores.
const FONT_AND_CORES: &str = "const context = document.createElement('canvas').getContext('2d'); context.font = '16px system-ui'; \
    return `${context.measureText('What does the browser cost?').width.toFixed(2)}, ${navigator.hardwareConcurrency}`";

const KEPT_ON: &str = "232.47, 2";

async fn pictures(client: &Client, name: &str) {
    for color in SCHEMES {
        scheme(client, color).await;
        for width in WIDTHS {
            screen(client, width, 1200).await;
            let screenshot = client.screenshot().await.unwrap();
            compare(&format!("{name}-{width}-{color}"), &screenshot);
        }
    }
}

#[tokio::test]
async fn nobody_is_shut_out() {
    let sandbox = Sandbox::new();
    let page = Opened::at(&sandbox, "?model=tiny&engine=tract&seconds=1").await;
    page.is_accessible("the form").await;
    page.click("#run").await;
    page.state("running").await;
    page.is_accessible("a page that measures").await;
    page.state("done").await;
    page.script("document.querySelectorAll('details').forEach((fold) => fold.open = true)")
        .await;
    for color in SCHEMES {
        scheme(&page.client, color).await;
        page.is_accessible(&format!("results, {color}")).await;
    }
    page.go("?plan=batch").await;
    page.is_accessible("an experiment").await;
    page.client
        .goto(&format!("{}example.html", page.address))
        .await
        .unwrap();
    page.script("document.querySelectorAll('details').forEach((fold) => fold.open = true)")
        .await;
    for color in SCHEMES {
        scheme(&page.client, color).await;
        page.is_accessible(&format!("the example, {color}")).await;
    }
    // Nothing is wider than a small phone, or lost on a large screen.
    for width in [320, 3840] {
        for address in [page.address.clone(), format!("{}example.html", page.address)] {
            page.client.goto(&address).await.unwrap();
            screen(&page.client, width, 900).await;
            let fits = page
                .script("return document.documentElement.scrollWidth <= innerWidth")
                .await;
            assert_eq!(fits, true, "{address} at {width}");
        }
    }
    page.client.clone().close().await.unwrap();
}
