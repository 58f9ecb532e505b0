//! The engine, in one test program: each further one would link burn again. Files are named like
//! the sources that they test.

#![allow(clippy::unwrap_used, reason = "a test that unwraps has its proof in passing")]

mod activation;
mod arithmetic;
mod batch_normalization;
mod col2im;
mod common;
mod concat;
mod constant;
mod control_flow;
mod conv;
mod conv_transpose;
mod cumsum;
mod det;
mod einsum;
mod f16;
mod folding;
mod fusing;
mod gather;
mod generated;
mod grid_sample;
mod hostile;
mod layout;
mod logical;
mod matmul;
mod networks;
mod normalization;
mod one_hot;
mod onnx_ir_workarounds;
mod opset;
mod pad;
mod pooling;
mod profile;
mod rank_check;
mod recurrent;
mod reduction;
mod resize;
mod scatter;
mod slice;
mod softmax;
mod top_k;
mod transfer;
mod trilu;
mod unary;
mod unsupported;
mod upstream;
mod variadic;
