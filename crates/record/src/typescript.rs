//! Generates TypeScript declarations of the messages for the page's JavaScript.

use ts_rs::TS;

use crate::{
    BuildInfo, BusyLoopEvent, ClockInfo, InteropCost, InteropOperation, InteropPoint, LoadMs, ModuleInfo, ModuleSize,
    PageWatch, Situation,
};

// Tests run in the folder of the package.
const FILE: &str = "../../web/messages.d.ts";

/// After an intended change of the types, run `UPDATE_SCHEMA=1 cargo test -p tare-record`.
#[test]
fn the_message_types_are_up_to_date() {
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
        "// Message types, generated from crates/record by `UPDATE_SCHEMA=1 cargo test -p tare-record`\n\n",
    );
    for declaration in declarations {
        // Messages hold JavaScript numbers, which are exact up to 2^53.
        text += &format!("export {}\n", declaration.replace("bigint", "number"));
    }
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(FILE, &text).unwrap();
    }
    let committed = std::fs::read_to_string(FILE).unwrap_or_default();
    assert!(
        committed == text,
        "the types changed: run `UPDATE_SCHEMA=1 cargo test -p tare-record`"
    );
}
