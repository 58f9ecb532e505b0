//! Tests what a visitor meets: one button, results that outlive the page, and links.

use axum::Router;
use fantoccini::Client;
use tare_record::{EngineName, FailureKind, Precision, Status, WarningKind};
use tower_http::services::ServeDir;

use crate::common::browser::{Running, is_saved, open_browser, open_browser_with_webgpu, open_firefox, wait_until};
use crate::common::opened_page::Opened;
use crate::common::processes::kill;
use crate::common::{Sandbox, page};

#[tokio::test]
async fn a_visitor_measures_with_one_button() {
    let sandbox = Sandbox::new();
    let page = Opened::at(&sandbox, "").await;
    for width in [360, 800, 1440] {
        page.picture("first", width).await;
    }
    assert!(!page.is_shown("#run").await, "what can be chosen is folded");
    page.click("#measure").await;
    wait_until("the picture grows", async || {
        page.script("return document.querySelectorAll('#live circle').length")
            .await
            .as_u64()
            > Some(0)
    })
    .await;
    page.picture("measuring", 800).await;
    page.state("done").await;
    let words = page.text("#words").await;
    for expected in ["ran resnet50 in", "on the CPU (tract", "until the first result"] {
        assert!(words.contains(expected), "{words}");
    }
    assert_eq!(page.text("#native-command").await, "./tare run --model resnet50");
    let record = page.record().await;
    assert!(record.complete && record.all_measured(), "{:?}", record.cells);
    for width in [360, 800, 1440] {
        page.picture("measured", width).await;
    }
    // What a visitor can look at without measuring.
    page.script("document.querySelector(\"a[href='example.html']\").click()")
        .await;
    wait_until("the example", async || {
        page.client.title().await.unwrap() == "tare report"
    })
    .await;
    assert!(page.text("#summary").await.contains("the native time"));
    page.client.clone().close().await.unwrap();
}

#[tokio::test]
async fn results_outlive_the_page() {
    let sandbox = Sandbox::new();
    let link = "?model=tiny&engine=tract&seconds=1";
    let page = Opened::at(&sandbox, link).await;
    assert!(!page.is_shown("#kept").await);
    page.click("#run").await;
    let rounds = "return JSON.parse(document.getElementById('record').textContent || '{\"cells\": []}').cells.reduce((sum, cell) => sum + cell.rounds.length, 0)";
    wait_until("a round is measured", async || {
        page.script(rounds).await.as_u64() > Some(0)
    })
    .await;
    // Writing into the browser's storage takes a moment. Then the page is gone while it measures.
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    page.go(link).await;
    wait_until("it is offered", async || page.is_shown("#kept").await).await;
    let text = page.text("#kept-text").await;
    assert!(text.contains("The last one did not finish"), "{text}");
    page.click("#kept-go-on").await;
    page.state("done").await;
    let record = page.record().await;
    assert!(
        record.complete && record.cells[0].rounds.len() == record.plan.rules.rounds,
        "{:?}",
        record.cells[0].rounds
    );

    // A second run keeps the first, and so does the browser.
    page.click("#run").await;
    page.state("running").await;
    page.state("done").await;
    let records = "return document.querySelectorAll('#report section[id^=record-]').length";
    assert_eq!(page.script(records).await, 2);
    page.go(link).await;
    wait_until("both are offered", async || {
        page.text("#kept-text").await.contains("results of 2 earlier runs")
    })
    .await;
    page.click("#kept-show").await;
    assert_eq!(page.script(records).await, 2);
    page.go(link).await;
    wait_until("they are offered", async || page.is_shown("#kept").await).await;
    page.click("#kept-discard").await;
    // Forgetting takes a moment.
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    page.go(link).await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert!(!page.is_shown("#kept").await);
    page.client.clone().close().await.unwrap();
}

#[tokio::test]
async fn a_link_chooses_and_starts_nothing_from_elsewhere() {
    let sandbox = Sandbox::new();
    let page = Opened::at(&sandbox, "?model=minilm&model=tiny&engine=tract&seconds=10&run").await;
    wait_until("the page says what to do", async || {
        page.text("#note").await.contains("Press Run")
    })
    .await;
    let chosen = "return [...document.querySelectorAll('input:checked')].map((input) => input.value).sort().join()";
    assert_eq!(page.script(chosen).await, "minilm,tiny,tract");
    assert_eq!(
        page.script("return document.getElementById('seconds').value").await,
        "10"
    );
    page.picture("choose", 1440).await;
    page.picture("choose", 360).await;
    page.click("input[value='minilm']").await;
    let address = page.client.current_url().await.unwrap();
    assert_eq!(address.query(), Some("model=tiny&seconds=10"));
    for (query, expected) in [
        ("?model=nothing", "the model \"nothing\". This page has"),
        ("?engine=cuda", "the engine \"cuda\""),
        ("?threads=99", "threads=\"99\""),
        ("?seconds=x", "seconds=\"x\""),
        ("?plan=nothing", "plan=\"nothing\""),
        // It needs a GPU, which this browser has not.
        ("?plan=gpu", "plan=\"gpu\""),
        ("?batch=-1", "batch=\"-1\""),
    ] {
        page.go(query).await;
        wait_until(expected, async || page.says(expected).await).await;
    }
    page.client.clone().close().await.unwrap();
}

#[tokio::test]
async fn a_visitor_repeats_an_experiment() {
    let sandbox = Sandbox::new();
    let page = Opened::at(&sandbox, "?plan=smoke").await;
    assert!(page.is_shown("#plan-text").await && !page.is_shown("#own").await);
    page.click("#run").await;
    page.state("done").await;
    let record = page.record().await;
    assert_eq!(record.plan.name, "smoke");
    assert!(record.complete && record.all_measured(), "{:?}", record.cells);
    assert_eq!(page.text("#native-command").await, "./tare run --plan smoke");

    page.go("?model=tiny&engine=tract&batch=1,4,8,16&precision=int8-weights&seconds=1")
        .await;
    page.click("#run").await;
    page.state("done").await;
    let record = page.record().await;
    let sizes = record
        .cells
        .iter()
        .map(|cell| (cell.load.batch, cell.options.precision));
    let expected = [1, 4, 8, 16].map(|batch| (batch, Some(Precision::Int8Weights)));
    assert_eq!(sizes.collect::<Vec<_>>(), expected);
    assert!(record.all_measured(), "{:?}", record.cells);
    page.client.clone().close().await.unwrap();
}

#[tokio::test]
async fn a_link_holds_a_result() {
    let sandbox = Sandbox::new();
    let page = Opened::at(&sandbox, "?model=tiny&engine=tract&seconds=1").await;
    page.click("#run").await;
    page.state("done").await;
    // A page that may not copy shows the link as its address.
    page.script("navigator.clipboard.writeText = () => Promise.reject(new Error('not allowed'))")
        .await;
    page.click("#share").await;
    wait_until("the link", async || {
        page.text("#note").await.contains("Its address is the link now")
    })
    .await;
    let link = page.client.current_url().await.unwrap();
    let fragment = link.fragment().unwrap();
    let cut = &fragment[..fragment.len() / 2];
    for (fragment, expected) in [
        (fragment, "The link: a browser record with 1 cell to compare with."),
        (cut, "The link holds no result that can be read"),
        ("record=%%%", "The link holds no result that can be read"),
        ("record=", "The link holds no result that can be read"),
    ] {
        // Another fragment alone loads no page.
        page.client.goto("about:blank").await.unwrap();
        page.go(&format!("#{fragment}")).await;
        wait_until(expected, async || page.says(expected).await).await;
        let report = page.text("#report").await;
        assert_eq!(report.contains("tiny"), expected.contains("1 cell"), "{report}");
    }
    page.client.clone().close().await.unwrap();
}

#[tokio::test]
async fn a_hidden_tab_and_a_refused_storage_are_told() {
    let sandbox = Sandbox::new();
    let page = Opened::at(&sandbox, "?model=tiny&engine=tract&seconds=1").await;
    // As in a private window.
    page.script("indexedDB.open = () => { throw new Error('refused') }")
        .await;
    page.click("#run").await;
    page.state("running").await;
    // What a browser does when another tab comes to the front, and back.
    for is_hidden in [true, false] {
        page.script(&format!(
            "Object.defineProperty(document, 'hidden', {{ get: () => {is_hidden}, configurable: true }}); \
             document.dispatchEvent(new Event('visibilitychange'))"
        ))
        .await;
    }
    page.state("done").await;
    let record = page.record().await;
    assert!(!record.machine.browser.unwrap().visible);
    let note = page.text("#note").await;
    assert!(
        note.contains("cannot keep results") && note.contains("Save the record"),
        "{note}"
    );
    assert!(
        record
            .warnings
            .iter()
            .any(|warning| warning.kind == WarningKind::HiddenTab),
        "{:?}",
        record.warnings
    );
    page.client.clone().close().await.unwrap();
}

#[tokio::test]
async fn a_lost_graphics_device_costs_its_own_cell_alone() {
    let sandbox = Sandbox::new();
    let browser = open_browser_with_webgpu(&sandbox).await;
    let page = Opened::within(browser, &sandbox, "?model=tiny&engine=tract&engine=burn-wgpu&seconds=1").await;
    page.click("#run").await;
    wait_until("a run on WebGPU", async || {
        let text = page.text("#progress-text").await;
        text.contains("burn-wgpu") && (text.contains("warm-up") || text.contains("sampling"))
    })
    .await;
    kill(&sandbox, "--type=gpu-process");
    page.state("done").await;
    let record = page.record().await;
    for cell in &record.cells {
        match (&cell.status, cell.engine.name) {
            (Status::Measured, EngineName::Tract) => {}
            (Status::Failed(failure), EngineName::BurnWgpu) => assert!(
                failure.kind == FailureKind::Device && failure.message.contains("the graphics device was lost"),
                "{failure:?}"
            ),
            found => panic!("{found:?}"),
        }
    }
    assert!(
        page.text("#report").await.contains("measure again"),
        "the report says what to do"
    );
    page.client.clone().close().await.unwrap();
}

#[tokio::test]
async fn a_visitor_with_firefox() {
    let sandbox = Sandbox::new();
    let Some(firefox) = open_firefox(&sandbox).await else {
        return;
    };
    sandbox.measure("native.json", "--model tiny --engine tract").code(0);
    let link = "?model=tiny&engine=tract&seconds=1";
    let page = Opened::within(firefox, &sandbox, link).await;
    page.click("#run").await;
    page.state("done").await;
    let record = page.record().await;
    assert!(record.complete && record.all_measured(), "{:?}", record.cells);
    page.choose(&sandbox, "native.json").await;
    assert!(page.text("#report").await.contains("the native time"));
    page.click("#save-report").await;
    wait_until("the report is saved", async || {
        is_saved(&sandbox.path("tare-report.html"))
    })
    .await;

    page.go("?model=resnet50&engine=tract&seconds=10").await;
    page.click("#run").await;
    wait_until("samples are taken", async || {
        page.text("#progress-text").await.contains(", sampling")
    })
    .await;
    page.click("#cancel").await;
    page.state("done").await;
    assert!(!page.record().await.complete);
    page.go(link).await;
    wait_until("both are offered", async || {
        page.text("#kept-text").await.contains("results of 2 earlier runs")
    })
    .await;
    page.client.clone().close().await.unwrap();
}

#[tokio::test]
async fn the_page_works_on_any_host_and_without_a_network() {
    let sandbox = Sandbox::new();
    works_on_any_host(open_browser(&sandbox).await).await;
}

#[tokio::test]
async fn the_page_works_on_any_host_in_firefox() {
    let sandbox = Sandbox::new();
    if let Some(firefox) = open_firefox(&sandbox).await {
        works_on_any_host(firefox).await;
    }
}

/// The page as static hosts serve it.
fn site() -> String {
    std::env::var("TARE_SITE").unwrap_or_else(|_| page())
}

async fn works_on_any_host(browser: (Client, Running)) {
    // A plain file server: another path, and none of the headers of `tare serve`.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = format!("http://{}/some/folder/", listener.local_addr().unwrap());
    let files = Router::new().nest_service("/some/folder", ServeDir::new(site()));
    let host = tokio::runtime::Runtime::new().unwrap();
    host.spawn(async move { axum::serve(tokio::net::TcpListener::from_std(listener).unwrap(), files).await });
    let page = Opened::elsewhere(browser, address).await;
    // It loads once more, which a script may fall into.
    let isolated = "return crossOriginIsolated && document.body.dataset.state === 'ready'";
    wait_until("the page is isolated", async || {
        page.client
            .execute(isolated, vec![])
            .await
            .is_ok_and(|found| found == true)
    })
    .await;
    let link = "?model=tiny&engine=tract&seconds=1";
    page.go(link).await;
    page.click("#run").await;
    page.state("done").await;
    let record = page.record().await;
    assert!(record.complete && record.all_measured(), "{:?}", record.cells);
    let browser = record.machine.browser.unwrap();
    assert!(browser.cross_origin_isolated && browser.isolated_by_service_worker);

    // Open connections end with it.
    host.shutdown_background();
    page.go(link).await;
    page.click("#run").await;
    page.state("running").await;
    page.state("done").await;
    let offline = page.record().await;
    assert!(offline.complete && offline.all_measured(), "{:?}", offline.cells);
    assert_ne!(offline.created, record.created);
    page.client.clone().close().await.unwrap();
}
