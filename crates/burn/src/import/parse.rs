//! Running onnx-ir.

use std::io::Read;

use onnx_ir::{OnnxGraph, OnnxGraphBuilder};
use tare_record::{Failure, FailureKind};

/// Parses a file.
///
/// onnx-ir panics on some damaged files. Natively that becomes an error like any other; in a
/// browser the worker ends with the message.
pub(super) fn parse(file: Vec<u8>) -> Result<OnnxGraph, Failure> {
    let rejected = |why: &str| {
        let hint = if why.contains("(If)") {
            "onnx-ir checks both branches of an If, and one of them does not fit these inputs: export only \
             the branch that is taken, for example with onnxsim"
        } else {
            "run this model on tract"
        };
        Failure::new(
            FailureKind::Unsupported,
            format!("onnx-ir, burn's ONNX parser, failed: {}", shorten(why)),
        )
        .with_hint(hint)
    };
    // Its simplifications can change results (UPSTREAM.md: "simplifications can change results").
    // Catching a panic is sound, because nothing that it changes outlives one.
    let parse = || OnnxGraphBuilder::new().simplify(false).parse_reader(WholeFile(file));
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(parse)) {
        Ok(parsed) => parsed.map_err(|error| rejected(&error.to_string())),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            Err(rejected(&format!("it panicked: {}", text.unwrap_or("no message"))))
        }
    }
}

/// The start of a text that may name hundreds of nodes.
fn shorten(text: &str) -> String {
    const MAX_CHARACTERS: usize = 400;
    match text.char_indices().nth(MAX_CHARACTERS) {
        Some((end, _)) => format!("{} ..", &text[..end]),
        None => text.to_owned(),
    }
}

/// A reader that hands over its whole buffer. onnx-ir copies a file that it gets as a slice, and
/// browsers have little memory.
struct WholeFile(Vec<u8>);

impl Read for WholeFile {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.0.as_slice().read(buffer)?;
        self.0.drain(..read);
        Ok(read)
    }

    fn read_to_end(&mut self, buffer: &mut Vec<u8>) -> std::io::Result<usize> {
        let read = self.0.len();
        if buffer.is_empty() {
            *buffer = std::mem::take(&mut self.0);
        } else {
            buffer.append(&mut self.0);
        }
        Ok(read)
    }
}
