//! A server of one model, and the engine that asks it.
//!
//! Both speak the Open Inference Protocol, version 2: `ModelInfer` over gRPC, and HTTP with binary tensors. One port takes
//! both.

mod client;
mod grpc;
mod http;
mod process;
mod server;
mod sessions;

pub(crate) use client::RemoteEngine;
pub(crate) use process::{FAILED, ServerProcess};
pub(crate) use server::{Answering, start};
