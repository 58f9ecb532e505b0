//! Models on this machine: built-in ones, files, and models fetched into the cache.

use std::collections::BTreeMap;
use std::path::Path;

use tare_record::{Failure, FailureKind, ModelSource};

use crate::remote_model::fetch_if_remote;

/// Finds a model by name: a built-in one, a remote one or a file, in this order.
pub(crate) fn find_model(name: &str) -> Result<ModelSource, Failure> {
    if tare_models::is_built_in(name) {
        return Ok(ModelSource::BuiltIn { name: name.into() });
    }
    if let Some(fetched) = fetch_if_remote(name) {
        let path = fetched?.to_string_lossy().into_owned();
        return Ok(ModelSource::File { path });
    }
    if Path::new(name).is_file() {
        return Ok(ModelSource::File { path: name.into() });
    }
    Err(tare_models::not_found(name))
}

/// The ONNX file of a built-in network, or of a model in a file.
pub(crate) fn model_bytes(model: &ModelSource, shapes: &BTreeMap<String, Vec<usize>>) -> Result<Vec<u8>, Failure> {
    let missing = |message: String, hint: &str| Failure::new(FailureKind::Model, message).with_hint(hint);
    match model {
        ModelSource::BuiltIn { name } => match tare_models::find(name) {
            Some(entry) => Ok(entry.onnx(shapes)),
            None => Err(missing(
                format!("there is no single network {name:?}"),
                "choose one of the networks that `tare models list` shows: a model of several networks has no file of its own",
            )),
        },
        ModelSource::File { path } => std::fs::read(path)
            .map_err(|error| missing(format!("cannot read the model {path:?}: {error}"), "check the path")),
        ModelSource::Attached { name } => Err(missing(
            format!("the bytes of model {name:?} are missing"),
            "this is a bug in tare, please report it",
        )),
    }
}
