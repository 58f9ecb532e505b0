//! Recurrent layers, unrolled over their time steps.

mod gru;
mod layer;
mod lstm;
mod rnn;

use crate::lower::{OpSpec, op};

pub(super) const OPS: &[OpSpec] = &[
    op!("GRU", cx, Gru(n) => gru::gru(cx, n)),
    op!("LSTM", cx, Lstm(n) => lstm::lstm(cx, n), Custom(n) => lstm::lstm_with_peepholes(cx, n))
        // onnx-ir rejects peepholes (UPSTREAM.md: "operators and attributes that it rejects").
        .bypasses_onnx_ir(1, |node, _| node.has_input(7)),
    op!("RNN", cx, Rnn(n) => rnn::rnn(cx, n)),
];
