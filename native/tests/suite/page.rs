//! Tests the page as a user operates it: choosing, running, comparing, canceling and saving.

use std::sync::atomic::Ordering;
use std::time::Instant;

use tare_models::Graph;
use tare_record::{Cell, EngineName, Status};

use crate::common::Sandbox;
use crate::common::browser::{is_saved, wait_until};
use crate::common::opened_page::Opened;
use crate::common::server::Server;

#[tokio::test]
async fn a_user_measures_compares_and_saves() {
    let sandbox = Sandbox::new();
    sandbox
        .measure("native.json", "--model tiny --engine tract --engine burn-flex")
        .code(0);
    let page = Opened::new(&sandbox).await;
    page.picture("ready", 1100).await;

    // Run the default selection with one more engine.
    page.click("input[value='burn-flex']").await;
    let chosen = page
        .script("return [...document.querySelectorAll('input:checked')].map((input) => input.value)")
        .await;
    page.click("#run").await;
    page.state("done").await;
    let record = page.record().await;
    assert!(record.complete && record.all_measured(), "{chosen}: {:?}", record.cells);
    assert!(record.cells.iter().any(|cell| cell.engine.name == EngineName::BurnFlex));
    assert!(!page.text("#report").await.contains("the native time"));

    page.choose(&sandbox, "native.json").await;
    let report = page.text("#report").await;
    assert!(
        report.contains("tiny on burn-flex") && report.contains("the native time"),
        "{report}"
    );
    page.picture("done", 1100).await;
    page.picture("done", 390).await;

    for (button, file, start) in [
        (
            "#summary .save button:first-of-type",
            "tare-summary-1.svg",
            &b"<svg"[..],
        ),
        ("#summary .save button:last-of-type", "tare-summary-1.png", b"\x89PNG"),
    ] {
        page.click(button).await;
        let file = sandbox.path(file);
        wait_until(button, async || is_saved(&file)).await;
        assert!(std::fs::read(&file).unwrap().starts_with(start), "{}", file.display());
    }
    page.click("#save-record").await;
    wait_until("the record is saved", async || {
        is_saved(&sandbox.path("tare-browser.json"))
    })
    .await;
    assert_eq!(sandbox.record("tare-browser.json"), record);
    page.click("#save-report").await;
    wait_until("the report is saved", async || {
        is_saved(&sandbox.path("tare-report.html"))
    })
    .await;
    page.client.clone().close().await.unwrap();
}

#[tokio::test]
async fn a_record_can_still_be_saved_after_a_selftest() {
    let sandbox = Sandbox::new();
    let page = Opened::new(&sandbox).await;
    page.click("#run").await;
    page.state("done").await;
    page.click("#selftest").await;
    page.click("#cancel").await;
    page.state("done").await;
    assert!(page.text("#note").await.contains("it was canceled"));
    page.click("#save-record").await;
    wait_until("the record is saved", async || {
        is_saved(&sandbox.path("tare-browser.json"))
    })
    .await;
    page.client.clone().close().await.unwrap();
}

#[tokio::test]
async fn a_user_checks_the_browser() {
    let sandbox = Sandbox::new();
    let page = Opened::new(&sandbox).await;
    page.click("#selftest").await;
    wait_until("the checks are done", async || {
        page.text("#note").await.contains("checks finished")
    })
    .await;
    let report = page.text("#report").await;
    // Checks of durations depend on the load of this machine. The others must pass.
    for text in [
        "quantiles match those of R yes",
        "95 % intervals cover the true median yes",
        "the shape of a series is recognized yes",
        "a wrong output fails the cell yes",
        "a frozen clock is rejected yes",
        "a run of known duration is measured",
    ] {
        assert!(report.contains(text), "{text:?} is not in {report}");
    }
    page.client.clone().close().await.unwrap();
}

#[tokio::test]
async fn a_user_opens_files_and_cancels() {
    let sandbox = Sandbox::new();
    sandbox.run("models export resnet50 -o net.onnx").code(0);
    sandbox.write("cut.onnx", b"\x08\x08\x12");
    sandbox.write("later.json", br#"{"schema": "tare.record/9"}"#);
    let page = Opened::new(&sandbox).await;
    page.choose(&sandbox, "cut.onnx").await;
    assert!(page.text("#note").await.contains("not a complete ONNX file"));
    page.choose(&sandbox, "later.json").await;
    assert!(page.text("#note").await.contains("tare.record/9"));
    for (file, bytes, expected) in [
        ("empty.onnx", 0, "is empty"),
        ("huge.onnx", 3 << 30, "a page can open 2 GB at most"),
        ("zeros.onnx", 1 << 20, "zeros.onnx: "),
    ] {
        // Without blocks on the disk.
        let on_disk = std::fs::File::create(sandbox.path(file)).unwrap();
        on_disk.set_len(bytes).unwrap();
        // A driver adds to the files that were chosen before.
        page.go("?model=tiny").await;
        page.choose(&sandbox, file).await;
        let note = page.text("#note").await;
        assert!(note.contains(expected), "{note}");
    }
    page.go("?model=tiny").await;

    // Choosing the same file twice adds one model.
    page.choose(&sandbox, "net.onnx").await;
    page.choose(&sandbox, "net.onnx").await;
    let models = "return document.querySelectorAll('input[value=\"net.onnx\"]').length";
    assert_eq!(page.script(models).await, 1);

    page.script(
        "document.querySelectorAll('input[name=engine]').forEach((input) => input.checked = input.value === 'tract')",
    )
    .await;
    page.script("document.getElementById('seconds').value = '10'").await;
    page.click("#run").await;
    wait_until("samples are taken", async || {
        let text = page.text("#progress-text").await;
        text.contains("net.onnx on tract") && text.contains(", sampling")
    })
    .await;
    page.click("#cancel").await;
    page.state("done").await;
    let record = page.record().await;
    assert!(!record.complete);
    let net = record.cells.iter().find(|cell| cell.model.name == "net.onnx").unwrap();
    assert_eq!(net.status, Status::Cancelled);
    assert!(!net.samples_ns.is_empty(), "samples are kept");

    let odd = format!("{}?modle=tiny", page.address);
    page.client.goto(&odd).await.unwrap();
    page.state("error").await;
    assert!(page.text("#note").await.contains("\"modle\""));
    page.client.clone().close().await.unwrap();
}

#[tokio::test]
async fn records_of_ten_thousand_cells_are_shown() {
    let sandbox = Sandbox::new();
    sandbox.measure("few.json", "--model tiny --engine tract").code(0);
    let mut record = sandbox.record("few.json");
    let cell = record.cells[0].clone();
    let named = |number| {
        let mut cell = cell.clone();
        cell.model.name = format!("model-{number}");
        cell
    };
    record.cells = (0..5_000).map(named).collect();
    sandbox.write("many.json", record.to_json().unwrap().as_bytes());
    let page = Opened::new(&sandbox).await;
    let started = Instant::now();
    page.choose(&sandbox, "many.json").await;
    let is_whole = "return Boolean(document.querySelector('#report #methodology'))";
    wait_until("the whole report is there", async || {
        page.script(is_whole).await == true
    })
    .await;
    let report = page.text("#report").await;
    assert!(report.contains("model-0") && report.contains("of 5000"), "{report}");
    // The records are still there for the next report. A driver chooses the first file again, too.
    let again = Instant::now();
    page.choose(&sandbox, "few.json").await;
    let has_both = "return document.querySelector('#report').textContent.includes('of 10001')";
    wait_until("both are in the report", async || page.script(has_both).await == true).await;
    println!("5,000 cells: {:?}, 10,001: {:?}", again - started, again.elapsed());
    page.client.clone().close().await.unwrap();
}

#[tokio::test]
async fn text_becomes_no_script() {
    let sandbox = Sandbox::new();
    let page = Opened::new(&sandbox).await;
    for (attempt, expected) in [
        ("document.getElementById('report').innerHTML = '<b>x</b>'", "TypeError"),
        ("document.write('x')", "TypeError"),
        ("new Worker('data:text/javascript,0')", "TypeError"),
        ("trustedTypes.createPolicy('other', {})", "TypeError"),
        ("trustedTypes.createPolicy('tare', {})", "TypeError"),
    ] {
        let script = format!("try {{ {attempt}; return 'taken' }} catch (error) {{ return error.name }}");
        assert_eq!(page.script(&script).await, expected, "{attempt}");
    }
    page.client.clone().close().await.unwrap();
}

#[tokio::test]
async fn a_user_sets_the_shape_of_an_input() {
    let sandbox = Sandbox::new();
    let mut graph = Graph::new("case", 1);
    let x = graph.input("rows", &[77, 3]);
    let y = graph.node("y", "Relu", &[&x], &[]);
    graph.output(&y, &[77, 3]);
    sandbox.write("open.onnx", &without_size(&graph.into_bytes(), 77));
    let page = Opened::new(&sandbox).await;
    page.choose(&sandbox, "open.onnx").await;
    let set = async |shape: &str| {
        page.script(&format!("document.querySelector('input.shape').value = '{shape}'"))
            .await;
        page.click("#run").await;
    };
    for shape in ["", "2,three", "2,-3"] {
        set(shape).await;
        let note = page.text("#note").await;
        let expected = format!("The shape of input rows of open.onnx is \"{shape}\"");
        assert!(note.contains(&expected), "{note}");
    }
    set("2, 3").await;
    page.state("done").await;
    let record = page.record().await;
    let measured = |cell: &Cell| cell.model.name == "open.onnx" && cell.status == Status::Measured;
    assert!(record.cells.iter().any(measured), "{:?}", record.cells);
    page.client.clone().close().await.unwrap();
}

/// The same ONNX file with open dimensions in place of those of this size (`dim_param`, field 2 of
/// `Dimension`, instead of `dim_value`, field 1).
fn without_size(onnx: &[u8], size: u8) -> Vec<u8> {
    let mut bytes = onnx.to_vec();
    for index in 1..bytes.len() {
        if bytes[index - 1..=index] == [0x08, size] {
            bytes[index - 1..=index].copy_from_slice(&[0x12, 0]);
        }
    }
    bytes
}

#[tokio::test]
async fn a_user_fetches_a_model_by_its_url() {
    let (server, sandbox) = (Server::start(), Sandbox::new());
    let page = Opened::new(&sandbox).await;
    let fetch = async |address: &str, hash: &str, expected: &str| {
        let fill = format!(
            "document.getElementById('address').value = '{address}'; document.getElementById('sha256').value = '{hash}'"
        );
        page.script(&fill).await;
        page.click("#fetch").await;
        wait_until(expected, async || page.text("#note").await.contains(expected)).await;
    };
    let address = format!("{}/net.onnx", server.address);
    let hash = tare_core::sha256_hex(&server.model);
    fetch(&address, "", "found none").await;
    fetch(&address, "12", "64 hexadecimal digits").await;
    fetch("net.onnx", &hash, "expected an https URL").await;
    fetch(
        &format!("{}/absent.onnx", server.address),
        &hash,
        "cannot fetch the model",
    )
    .await;
    fetch(&address, &"0".repeat(64), &format!("found {hash}")).await;

    // Progress is shown, and the Cancel button stops the download.
    let endless = format!("{}/endless.onnx", server.address);
    fetch(&endless, &hash, "Fetching").await;
    wait_until("progress", async || {
        page.text("#progress-text").await.contains("of 100 MB")
    })
    .await;
    page.click("#cancel").await;
    wait_until("the end", async || page.text("#note").await.contains("was canceled")).await;
    assert_eq!(page.text("#progress-text").await, "Ready.");
    wait_until("the server noticed", async || {
        server.hung_up.load(Ordering::Relaxed) == 1
    })
    .await;

    let requests = server.requests.load(Ordering::Relaxed);
    fetch(&address, &hash, "net.onnx is ready to run").await;
    assert_eq!(server.requests.load(Ordering::Relaxed), requests + 1);

    // The model is in the origin's storage, so there is no second request.
    page.go("?model=tiny").await;
    fetch(&address, &hash, "from this browser's storage").await;
    assert_eq!(server.requests.load(Ordering::Relaxed), requests + 1);
    let models = "return document.querySelectorAll('input[value=\"net.onnx\"]:checked').length";
    assert_eq!(page.script(models).await, 1);
    page.client.clone().close().await.unwrap();
}
