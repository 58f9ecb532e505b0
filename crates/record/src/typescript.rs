//! The types of messages for the page's JavaScript, made from these.

use ts_rs::TS;

use crate::{
    BuildInfo, BusyLoopEvent, ClockInfo, InteropCost, InteropOperation, InteropPoint, LoadMs, ModuleInfo, ModuleSize,
    PageWatch, Situation,
};

// Tests run in the folder of their package.
const FILE: &str = "../../web/messages.d.ts";

/// After a change of the types that is meant: `UPDATE_SCHEMA=1 cargo test -p tare-record`.
#[test]
fn the_types_of_messages_are_up_to_date() {
    macro_rules! declarations {
        ($($name:ident),*) => { [$(<$name as TS>::decl()),*] };
    }
    let declarations = declarations!(
        BuildInfo,
        BusyLoopEvent,
        ClockInfo,
        InteropCost,
        InteropOperation,
        InteropPoint,
        LoadMs,
        ModuleInfo,
        ModuleSize,
        PageWatch,
        Situation
    );
    let mut text = String::from(
        "// Types of messages, made from those of crates/record: UPDATE_SCHEMA=1 cargo test -p tare-record\n\n",
    );
    for declaration in declarations {
        // Messages hold numbers, which are exact up to 2^53.
        text += &format!("export {}\n", declaration.replace("bigint", "number"));
    }
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(FILE, &text).unwrap();
    }
    let committed = std::fs::read_to_string(FILE).unwrap_or_default();
    assert!(
        committed == text,
        "the types changed: run UPDATE_SCHEMA=1 cargo test -p tare-record"
    );
}
