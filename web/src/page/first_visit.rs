//! The button that a visitor presses first, and what the page says afterwards.

use tare_record::{CellPlan, EngineName, Plan, Record, Rules};
use web_sys::{Element, Event, HtmlAnchorElement, HtmlElement};

use super::browser_info;
use super::state::page;
use super::view::{element, on};

/// A network that people know.
const MODEL: &str = "resnet50";

/// Where the source of this page is, if who built it says so: what the program is built from.
const SOURCE: Option<&str> = option_env!("TARE_SOURCE");

/// Says what would be measured, and connects the button that copies.
pub(super) fn set_up() {
    if has_gpu() {
        element::<Element>("devices").set_text_content(Some("the CPU and the GPU"));
    }
    if let Some(source) = SOURCE {
        element::<HtmlAnchorElement>("source-link").set_href(source);
        element::<HtmlElement>("source").set_hidden(false);
    }
    on::<Event>(&element::<HtmlElement>("copy"), "click", |_| {
        let text = element::<Element>("native-command").text_content().unwrap_or_default();
        // Without permission a user selects and copies it.
        let _ = browser_info::window().navigator().clipboard().write_text(&text);
        element::<Element>("copy").set_text_content(Some("Copied"));
    });
}

/// Whether WebGPU computes on hardware.
pub(super) fn has_gpu() -> bool {
    page(|page| page.fallback.is_none())
}

/// A known network on the best that this browser has, in half a minute.
pub(super) fn plan() -> Plan {
    let engines = [Some(EngineName::Tract), has_gpu().then_some(EngineName::BurnWgpu)];
    let cell = CellPlan {
        engines: engines.into_iter().flatten().collect(),
        threads: vec![browser_info::usable_cores()],
        ..CellPlan::new(MODEL)
    };
    Plan {
        rules: Rules {
            rounds: 1,
            min_time_ms: 3_000,
            max_time_ms: 6_000,
            ..Rules::default()
        },
        ..Plan::new(tare_report::FIRST_VISIT_PLAN, vec![cell])
    }
}

/// Says what was measured, and how to go on natively.
pub(super) fn show_result(record: &Record, longest_gap_ns: Option<f64>) {
    let words = tare_report::in_words(record, longest_gap_ns).unwrap_or_default();
    element::<Element>("words").set_text_content(Some(&words));
    let is_windows = browser_info::window()
        .navigator()
        .user_agent()
        .is_ok_and(|agent| agent.contains("Windows"));
    let program = if is_windows { "tare.exe" } else { "./tare" };
    let command = tare_report::native_command(&record.plan, program);
    element::<Element>("native-command").set_text_content(Some(&command));
    element::<Element>("copy").set_text_content(Some("Copy"));
}
