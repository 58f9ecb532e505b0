//! Describes this browser, as far as a page can read it.

use js_sys::{Array, Function, Promise, Reflect, Uint8Array};
use tare_core::{battery_warning, browser_name, hidden_tab_warning};
use tare_record::{BrowserInfo, BuildInfo, EnvironmentKind, Machine, Record, Warning, WarningKind};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Response, VisibilityState};

/// Describes this program.
pub(super) fn build_info() -> BuildInfo {
    tare_core::build_info(git_version::git_version!(
        args = ["--always", "--abbrev=12", "--dirty=-modified", "--exclude=*"],
        fallback = ""
    ))
}

/// The current time in RFC 3339, UTC.
pub(super) fn now() -> String {
    js_sys::Date::new_0().to_iso_string().into()
}

/// Whether a battery is being discharged, where the browser reports it.
async fn on_battery() -> Option<bool> {
    let navigator = window().navigator();
    let get_battery: Function = Reflect::get(&navigator, &"getBattery".into()).ok()?.dyn_into().ok()?;
    let promise: Promise = get_battery.call0(&navigator).ok()?.dyn_into().ok()?;
    let battery = JsFuture::from(promise).await.ok()?;
    let charging = Reflect::get(&battery, &"charging".into()).ok()?.as_bool()?;
    Some(!charging)
}

/// Time limit for counting memory. Chromium collects garbage first, unless a flag makes it count at
/// once.
const MEMORY_LIMIT_MS: i32 = 1_000;

/// Memory of this page and its workers as counted by the browser, if it answers in time.
pub(super) async fn browser_bytes() -> Option<u64> {
    let performance = window().performance()?;
    let measure: Function = Reflect::get(&performance, &"measureUserAgentSpecificMemory".into())
        .ok()?
        .dyn_into()
        .ok()?;
    let counted: Promise = measure.call0(&performance).ok()?.dyn_into().ok()?;
    let timeout = Promise::new(&mut |resolve, _| {
        // A window always has timers.
        let _ = window().set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, MEMORY_LIMIT_MS);
    });
    let first = JsFuture::from(Promise::race(&Array::of2(&counted, &timeout)))
        .await
        .ok()?;
    let bytes = Reflect::get(&first, &"bytes".into()).ok()?.as_f64()?;
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole and positive"
    )]
    Some(bytes as u64)
}

/// Describes this browser and the machine that it runs on.
pub(super) async fn machine() -> Machine {
    let on_battery = on_battery().await;
    let navigator = window().navigator();
    let number = |key: &str| {
        Reflect::get(&navigator, &key.into())
            .ok()
            .and_then(|value| value.as_f64())
    };
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "small whole numbers"
    )]
    let memory = number("deviceMemory").map(|gib| gib as u32);
    Machine {
        kind: EnvironmentKind::Browser,
        os: navigator.platform().unwrap_or_default(),
        logical_cores: cores(),
        native: None,
        browser: Some(BrowserInfo {
            name: browser_name(&navigator.user_agent().unwrap_or_default()),
            user_agent: navigator.user_agent().unwrap_or_default(),
            session: None,
            cross_origin_isolated: is_isolated(),
            isolated_by_service_worker: false,
            webgpu: Reflect::get(&navigator, &"gpu".into()).is_ok_and(|gpu| gpu.is_object()),
            visible: visible(),
            device_memory_gib: memory,
            on_battery,
            processes_peak_bytes: None,
            page_ready_ns: None,
        }),
        node: None,
    }
}

/// Number of logical cores that the browser reports.
pub(super) fn cores() -> usize {
    let cores = Reflect::get(&window().navigator(), &"hardwareConcurrency".into());
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a small whole number"
    )]
    let cores = cores.ok().and_then(|cores| cores.as_f64()).map(|cores| cores as usize);
    cores.unwrap_or(1).max(1)
}

/// Number of threads that a model can use.
pub(super) fn usable_cores() -> usize {
    if is_isolated() { cores() } else { 1 }
}

/// Whether the page is cross-origin isolated, so that its workers can share memory.
pub(super) fn is_isolated() -> bool {
    Reflect::get(&window(), &"crossOriginIsolated".into()).is_ok_and(|value| value.is_truthy())
}

/// The warnings that apply to every measurement in this browser.
pub(super) fn warnings(machine: &Machine) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if machine
        .browser
        .as_ref()
        .is_some_and(|browser| !browser.cross_origin_isolated)
    {
        warnings.push(Warning {
            kind: WarningKind::NotIsolated,
            message: "the page is not cross-origin isolated, so the clock is coarse and there are no threads: serve it with `tare serve`, or with the headers COOP same-origin and COEP require-corp".into(),
        });
    }
    if machine.browser.as_ref().and_then(|browser| browser.on_battery) == Some(true) {
        warnings.push(battery_warning());
    }
    if !visible() {
        warnings.push(hidden_tab_warning());
    }
    warnings
}

/// Notes in the record that the tab was hidden while it measured.
pub(super) fn note_hidden(record: &mut Record) {
    if let Some(browser) = &mut record.machine.browser {
        browser.visible = false;
    }
    if !record.warnings.contains(&hidden_tab_warning()) {
        record.warnings.push(hidden_tab_warning());
    }
}

/// Whether the tab is visible now.
pub(super) fn visible() -> bool {
    window()
        .document()
        .is_none_or(|document| document.visibility_state() == VisibilityState::Visible)
}

pub(super) fn window() -> web_sys::Window {
    js_sys::global().unchecked_into()
}

/// Fetches a file from the page's own server.
pub(super) async fn fetch(url: &str) -> Result<Vec<u8>, String> {
    let failed = |error: JsValue| format!("cannot fetch {url}: {}", crate::exception(&error));
    let response: Response = JsFuture::from(window().fetch_with_str(url))
        .await
        .and_then(JsCast::dyn_into)
        .map_err(failed)?;
    if !response.ok() {
        return Err(format!("cannot fetch {url}: HTTP {}", response.status()));
    }
    bytes(response.array_buffer().map_err(failed)?).await.map_err(failed)
}

/// Awaits a promise of an array buffer and returns its bytes.
pub(super) async fn bytes(promise: Promise) -> Result<Vec<u8>, JsValue> {
    Ok(Uint8Array::new(&JsFuture::from(promise).await?).to_vec())
}

/// Creates a blob URL of a file to save.
pub(super) fn blob_url(text: &str, kind: &str) -> Result<String, JsValue> {
    let options = web_sys::BlobPropertyBag::new();
    options.set_type(kind);
    let blob = web_sys::Blob::new_with_str_sequence_and_options(&Array::of1(&text.into()), &options)?;
    web_sys::Url::create_object_url_with_blob(&blob)
}
