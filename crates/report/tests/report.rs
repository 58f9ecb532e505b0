//! Reports of real records, parsed as a reader's program would.

#![allow(clippy::unwrap_used, reason = "a test that unwraps has its proof in passing")]

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use scraper::{Html, Selector};
use sha2::{Digest, Sha256};
use tare_record::{EnvironmentKind, OutputInfo, OutputSample, Record, Round, Status};
use tare_report::{Agreement, Basis, compare, csv, html, json, markdown, terminal, verdict};

/// A record that the page made in Chromium, and a native one that is like it but four times as fast.
fn records() -> Vec<Record> {
    let mut browser = Record::from_json(include_str!("../../record/tests/golden.json")).unwrap();
    // The record's few samples were taken on a busy machine: steady ones in their place.
    for cell in browser.cells.iter_mut().filter(|cell| cell.status == Status::Measured) {
        cell.samples_ns = (0..20).map(|number| 4_000_000 + number * 400).collect();
    }
    for output in outputs(&mut browser) {
        output.sample = Some(OutputSample {
            largest: 2.0,
            values: vec![0.5, -1.5],
        });
    }
    let mut native = browser.clone();
    native.machine.kind = EnvironmentKind::Native;
    for cell in &mut native.cells {
        cell.configuration.environment = EnvironmentKind::Native;
        for sample in &mut cell.samples_ns {
            *sample /= 4;
        }
    }
    vec![native, browser]
}

fn outputs(record: &mut Record) -> impl Iterator<Item = &mut OutputInfo> {
    let cells = record.cells.iter_mut();
    cells.flat_map(|cell| {
        cell.verification
            .iter_mut()
            .flat_map(|verification| &mut verification.outputs)
    })
}

#[test]
fn cells_that_differ_in_the_environment_alone_are_compared() {
    let records = records();
    let comparison = compare(&records);
    let measured = records[1]
        .cells
        .iter()
        .filter(|cell| cell.status == Status::Measured)
        .count();
    assert_eq!(comparison.pairs.len(), measured);
    for pair in &comparison.pairs {
        assert!((3.9..4.1).contains(&pair.ratio.value), "{:?}", pair.ratio);
        assert!(pair.ratio.low <= pair.ratio.value && pair.ratio.value <= pair.ratio.high);
        assert!(
            verdict(pair).contains("the browser takes 4.00x the native time ("),
            "{}",
            verdict(pair)
        );
    }
    assert_eq!(comparison.refusals.len(), records[1].cells.len() - measured);
}

#[test]
fn a_pair_tells_how_far_apart_both_outputs_are() {
    let mut records = records();
    let told = |records: &[Record]| html(records, "").contains("The stored elements of each output");
    assert!(told(&records));
    for output in outputs(&mut records[0]) {
        output.sample.as_mut().unwrap().values[0] += 1e-6;
    }
    for pair in compare(&records).pairs {
        match pair.agreement {
            Agreement::Samples(difference) => assert!((difference - 5e-7).abs() < 1e-12, "{difference}"),
            other => panic!("{other:?}"),
        }
    }
    assert!(html(&records, "").contains("differ by at most 5.0e-7 of the largest element"));
    // A record of an earlier build holds none.
    outputs(&mut records[0]).for_each(|output| output.sample = None);
    let pairs = compare(&records).pairs;
    assert!(!pairs.is_empty() && pairs.iter().all(|pair| pair.agreement == Agreement::Unknown));
    assert!(!told(&records));
}

#[test]
fn outputs_that_were_compared_with_one_reference_agree_in_every_element() {
    let mut records = records();
    let cells = records.iter_mut().flat_map(|record| &mut record.cells);
    for verification in cells.flat_map(|cell| &mut cell.verification) {
        verification.reference_sha256 = Some("ab".repeat(32));
    }
    let pairs = compare(&records).pairs;
    assert!(!pairs.is_empty());
    assert!(
        pairs
            .iter()
            .all(|pair| matches!(pair.agreement, Agreement::SameReference(_)))
    );
    assert!(html(&records, "").contains("every element of every output was compared with one reference"));
}

/// Five rounds of a cell, each of which takes longer than that before, on both sides alike.
fn in_rounds(records: &mut [Record]) {
    for cell in records.iter_mut().flat_map(|record| &mut record.cells) {
        let Some(first) = cell.samples_ns.first().copied() else {
            continue;
        };
        cell.samples_ns = (0..5u64).flat_map(|round| [first + first * round / 4; 10]).collect();
        let round = |number| Round {
            number,
            start_ns: None,
            samples: 10,
            phases: vec![],
            calibration: None,
            machine: None,
            browser: None,
        };
        cell.rounds = (1..=5).map(round).collect();
    }
}

#[test]
fn rounds_of_one_run_are_compared_in_pairs() {
    let mut records = records();
    in_rounds(&mut records);
    for (runs, is_paired) in [
        ([None, None], false),
        ([Some("a"), Some("b")], false),
        ([Some("a"), Some("a")], true),
    ] {
        for (record, run) in records.iter_mut().zip(runs) {
            record.run = run.map(str::to_owned);
        }
        for pair in compare(&records).pairs {
            assert!((3.9..4.1).contains(&pair.ratio.value), "{:?}", pair.ratio);
            assert_eq!(pair.basis == Basis::Pairs(5), is_paired, "{runs:?}: {:?}", pair.basis);
            // The machine's drift is common to both sides.
            assert_eq!(
                pair.ratio.high / pair.ratio.low < 1.1,
                is_paired,
                "{runs:?}: {:?}",
                pair.ratio
            );
        }
        assert_eq!(html(&records, "").contains("The records were made apart"), !is_paired);
    }
}

#[test]
fn each_browser_has_its_own_pairs() {
    let mut records = records();
    let mut other = records[1].clone();
    for (record, name) in [(&mut records[1], "Chromium 156"), (&mut other, "Firefox 140")] {
        for cell in &mut record.cells {
            cell.configuration.browser = Some(name.into());
        }
    }
    records.push(other);
    let report = html(&records, "");
    assert!(report.contains("Chromium 156 takes 4.00x") && report.contains("Firefox 140 takes 4.00x"));
}

#[test]
fn pairs_that_are_not_alike_are_refused_with_the_reason() {
    type Change = fn(&mut Record);
    let changes: [(Change, &str); 7] = [
        (
            |record| record.cells.iter_mut().for_each(|cell| cell.model.sha256 = None),
            "model bytes differ",
        ),
        (
            |record| record.cells.iter_mut().for_each(|cell| cell.inputs.clear()),
            "input tensors differ",
        ),
        (
            |record| record.cells.iter_mut().for_each(|cell| cell.configuration.threads = 8),
            "number of threads differs: 8 and 1",
        ),
        (
            |record| record.cells.iter_mut().for_each(|cell| cell.load.batch = 9),
            "the load patterns differ: batch 9 and batch 1",
        ),
        (
            |record| {
                record
                    .cells
                    .iter_mut()
                    .for_each(|cell| cell.model.name = "other".into())
            },
            "no native cell of this model and engine",
        ),
        (
            |record| outputs(record).for_each(|output| output.tensor.shape.push(1)),
            "differs in type or shape",
        ),
        (
            |record| outputs(record).for_each(|output| output.sample.as_mut().unwrap().values[1] = 0.5),
            "differs by 1.0e0 of its largest element",
        ),
    ];
    for (change, reason) in changes {
        let mut records = records();
        change(&mut records[0]);
        let comparison = compare(&records);
        assert!(comparison.pairs.is_empty(), "{reason}");
        assert!(
            comparison
                .refusals
                .iter()
                .any(|refusal| refusal.reason.contains(reason)),
            "{reason}: {:?}",
            comparison.refusals
        );
    }
}

#[test]
fn records_of_one_environment_are_not_compared() {
    for record in records() {
        let records = [record.clone(), record];
        let comparison = compare(&records);
        assert!(
            comparison.pairs.is_empty() && comparison.refusals.is_empty(),
            "{comparison:?}"
        );
    }
}

#[test]
fn the_html_report_is_whole_and_asks_nothing_of_a_network() {
    let records = records();
    let text = html(&records, "tare report a.json b.json");
    let page = Html::parse_document(&text);
    let count = |selector: &str| page.select(&Selector::parse(selector).unwrap()).count();
    let pairs = compare(&records).pairs.len();
    // The distribution and the series of each pair, and all multiples.
    assert!(count("figure ol.rows[aria-label]") > 2 * pairs);
    let rows: usize = records.iter().map(|record| record.cells.len()).sum();
    assert!(count("tbody tr") >= rows);
    assert_eq!(
        count("link, img, iframe, object, embed, [src], [href]:not([href^='#'])"),
        0
    );
    assert_eq!(count("script"), 1, "its own, which its policy allows by hash");
    for address in ["url(", "@import", "//cdn"] {
        assert!(!text.contains(address), "{address}");
    }
}

#[test]
fn names_from_records_are_escaped() {
    let mut records = records();
    records[0].cells[0].model.name = "<script>alert(1)</script>".into();
    let text = html(&records, "tare report <b>");
    let (report, _) = text.split_once("<script>").unwrap();
    assert!(!report.contains("alert(1)</script") && report.contains("&lt;script&gt;") && report.contains("&lt;b&gt;"));
}

#[test]
fn no_record_is_no_panic() {
    for text in [html(&[], ""), markdown(&[]), terminal(&[], 80), json(&[])] {
        assert!(text.contains("There is no record"), "{text}");
    }
    assert_eq!(csv(&[]).unwrap().lines().count(), 1);
    assert!(compare(&[]).pairs.is_empty());
}

/// What the first screen says before a reader opens anything.
fn first_verdicts(records: &[Record]) -> Vec<String> {
    let page = Html::parse_document(&html(records, ""));
    let verdicts = Selector::parse("#summary > .verdict").unwrap();
    page.select(&verdicts).map(|found| found.text().collect()).collect()
}

#[test]
fn one_sentence_speaks_for_many_pairs() {
    let mut records = records();
    assert!(
        first_verdicts(&records)
            .iter()
            .all(|text| text.contains("takes 4.00x the native time"))
    );
    for record in &mut records {
        let cells = record.cells.iter().filter(|cell| cell.status == Status::Measured);
        let cell = cells.clone().next().unwrap().clone();
        for number in 0..4 {
            let mut another = cell.clone();
            another.model.name = format!("net {number}");
            record.cells.push(another);
        }
    }
    let first = first_verdicts(&records);
    assert!(first.len() == 1 && first[0].starts_with("Of "), "{first:?}");
    let text = html(&records, "");
    for pair in compare(&records).pairs {
        assert!(text.contains(&verdict(&pair)), "its section says it");
    }
}

#[test]
fn everything_but_the_answer_is_folded() {
    let page = Html::parse_document(&html(&records(), ""));
    let ids = |selector: &str| -> Vec<String> {
        let selector = Selector::parse(selector).unwrap();
        let found = page.select(&selector);
        found
            .filter_map(|section| section.attr("id"))
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(ids(".tare > section"), ["summary"]);
    let folded = ids("details section");
    assert!(
        folded.contains(&"cells".into()) && folded.contains(&"each-comparison".into()),
        "{folded:?}"
    );
    let links = Selector::parse("nav a").unwrap();
    for link in page.select(&links).filter_map(|link| link.attr("href")) {
        assert!(folded.iter().any(|id| link == format!("#{id}")), "{link} leads nowhere");
    }
}

#[test]
fn the_policy_allows_the_script_of_the_report() {
    let text = html(&records(), "");
    let (_, rest) = text.split_once("<script>").unwrap();
    let (script, _) = rest.split_once("</script>").unwrap();
    let hash = BASE64.encode(Sha256::digest(script));
    assert!(
        text.contains(&format!("script-src &#39;sha256-{hash}&#39;"))
            || text.contains(&format!("script-src 'sha256-{hash}'")),
        "SCRIPT_HASH is sha256-{hash}"
    );
}
