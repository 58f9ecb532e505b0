//! Models that are fetched from a URL. The same rules apply natively and in a page.

use tare_core::sha256_hex;
use tare_record::{Failure, FailureKind};

/// Separates a URL from the hash of its file, as in pip.
pub const HASH_SEPARATOR: &str = "#sha256=";

/// A trained model that its publisher offers for download.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownModel {
    /// Name on the command line and in plans.
    pub name: &'static str,
    /// What it is, in one line.
    pub summary: &'static str,
    /// Where its publisher offers it.
    pub url: &'static str,
    /// SHA-256 of the file, if it is known.
    pub sha256: Option<&'static str>,
    /// License, as the publisher names it.
    pub license: &'static str,
}

/// Well-known trained models, each at a fixed commit of its publisher. If a hash is not known, tare remembers that of the first download on each machine.
pub const KNOWN_MODELS: [KnownModel; 3] = [
    KnownModel {
        name: "public-mobilenetv2",
        summary: "image classifier, trained on ImageNet",
        url: "https://github.com/onnx/models/raw/4c46cd00fbdb7cd30b6c1c17ab54f2e1f4f7b177/validated/vision/classification/mobilenet/model/mobilenetv2-12.onnx",
        sha256: Some("c0c3f76d93fa3fd6580652a45618618a220fced18babf65774ed169de0432ad5"),
        license: "Apache-2.0",
    },
    KnownModel {
        name: "public-minilm",
        summary: "sentence embeddings, all-MiniLM-L6-v2",
        url: "https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2/resolve/c9745ed1d9f207416be6d2e6f8de32d1f16199bf/onnx/model.onnx",
        sha256: Some("6fd5d72fe4589f189f8ebc006442dbb529bb7ce38f8082112682524616046452"),
        license: "Apache-2.0",
    },
    KnownModel {
        name: "public-gpt2",
        summary: "language model, GPT-2 small",
        url: "https://huggingface.co/openai-community/gpt2/resolve/607a30d783dfa663caf39e06633721c8d4cfcd7e/onnx/decoder_model.onnx",
        sha256: None,
        license: "MIT",
    },
];

/// Finds a well-known model by its name.
pub fn known_model(name: &str) -> Option<&'static KnownModel> {
    KNOWN_MODELS.iter().find(|model| model.name == name)
}

/// Whether a model's name is a URL.
pub fn is_url(name: &str) -> bool {
    name.starts_with("https://") || name.starts_with("http://")
}

/// A model that is fetched from a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteModel {
    /// The URL, without a hash.
    pub url: String,
    /// The file's name in the URL.
    pub file: String,
    /// Expected SHA-256, in lowercase. `None` for a well-known model that was never fetched on this
    /// machine.
    pub sha256: Option<String>,
    /// Its name, if it is a well-known model.
    pub well_known: Option<&'static str>,
}

impl RemoteModel {
    /// Parses `https://host/net.onnx#sha256=...` or the name of a [`known_model`]. Returns `None`
    /// for other names.
    pub fn named(name: &str) -> Option<Result<Self, Failure>> {
        if let Some(known) = known_model(name) {
            let mut model = Self::at(known.url, known.sha256);
            if let Ok(model) = &mut model {
                model.well_known = Some(known.name);
            }
            return Some(model);
        }
        is_url(name).then(|| match name.split_once(HASH_SEPARATOR) {
            Some((url, hash)) => Self::at(url, Some(hash)),
            None => Err(failure(
                format!("model {name:?}: expected the SHA-256 of the file after its URL, found none"),
                "append #sha256= and the hash that `curl -L URL | sha256sum` prints",
            )),
        })
    }

    fn at(url: &str, sha256: Option<&str>) -> Result<Self, Failure> {
        let is_local = ["http://127.0.0.1", "http://localhost", "http://[::1]"]
            .iter()
            .any(|start| url.strip_prefix(start).is_some_and(|rest| rest.starts_with([':', '/'])));
        // What stands before an @ is a user, and the host comes after it.
        let host = url
            .split_once("://")
            .map_or("", |(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or_default());
        if host.contains('@') {
            return Err(failure(
                format!("model {url:?}: expected a URL without a user name"),
                "download the file, and pass its path",
            ));
        }
        if !url.starts_with("https://") && !is_local {
            return Err(failure(
                format!("model {url:?}: expected an https URL"),
                "use https: without encryption, anyone on the network could replace the file",
            ));
        }
        // Windows takes the first as a separator, and the second as a drive's end.
        let file = url
            .split(['?', '#'])
            .next()
            .and_then(|path| path.rsplit(['/', '\\', ':']).next());
        Ok(Self {
            url: url.into(),
            file: file
                .filter(|file| !matches!(*file, "" | "." | ".."))
                .unwrap_or("model.onnx")
                .into(),
            sha256: sha256.map(checked_hash).transpose()?,
            well_known: None,
        })
    }

    /// Sets the expected hash.
    ///
    /// # Errors
    ///
    /// If it is not a SHA-256.
    pub fn expect(&mut self, sha256: &str) -> Result<(), Failure> {
        self.sha256 = Some(checked_hash(sha256)?);
        Ok(())
    }

    /// Returns the SHA-256 of the fetched file.
    ///
    /// # Errors
    ///
    /// If it differs from the expected one.
    pub fn check(&self, bytes: &[u8]) -> Result<String, Failure> {
        let found = sha256_hex(bytes);
        match &self.sha256 {
            Some(expected) if *expected != found => Err(failure(
                format!("model {:?}: expected SHA-256 {expected}, found {found}", self.url),
                "the file on the server has changed, or it was altered on the way: check it before you use the new hash",
            )),
            _ => Ok(found),
        }
    }
}

fn checked_hash(hash: &str) -> Result<String, Failure> {
    let hash = hash.trim();
    if hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(hash.to_ascii_lowercase());
    }
    Err(failure(
        format!("expected a SHA-256 of 64 hexadecimal digits, found {hash:?}"),
        "`curl -L URL | sha256sum` prints it",
    ))
}

fn failure(message: String, hint: &str) -> Failure {
    Failure::new(FailureKind::Model, message).with_hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_accepted_or_rejected() {
        let hash = "0".repeat(64);
        for (name, expected) in [
            (format!("https://host/a/net.onnx#sha256={hash}"), Ok("net.onnx")),
            (
                format!("https://host/net.onnx?download=1#sha256={hash}"),
                Ok("net.onnx"),
            ),
            (format!("http://127.0.0.1:80/#sha256={hash}"), Ok("model.onnx")),
            (format!("https://host/..\\..\\C:net.onnx#sha256={hash}"), Ok("net.onnx")),
            (format!("https://host/..#sha256={hash}"), Ok("model.onnx")),
            ("public-gpt2".into(), Ok("decoder_model.onnx")),
            ("https://host/net.onnx".into(), Err("found none")),
            (
                "https://host/net.onnx#sha256=123".into(),
                Err("64 hexadecimal digits, found \"123\""),
            ),
            (
                format!("http://host/net.onnx#sha256={hash}"),
                Err("expected an https URL"),
            ),
            (
                format!("http://127.0.0.1:80@host/net.onnx#sha256={hash}"),
                Err("expected a URL without a user name"),
            ),
            (format!("https://host/a@b.onnx#sha256={hash}"), Ok("a@b.onnx")),
            (
                format!("http://127.0.0.1.host/net.onnx#sha256={hash}"),
                Err("expected an https URL"),
            ),
        ] {
            match (RemoteModel::named(&name).unwrap(), expected) {
                (Ok(model), Ok(file)) => assert_eq!(model.file, file),
                (Err(failure), Err(text)) => assert!(failure.message.contains(text), "{failure:?}"),
                (found, _) => panic!("{name}: {found:?}"),
            }
        }
        assert_eq!(RemoteModel::named("net.onnx"), None);
    }

    #[test]
    fn well_known_models_cannot_change() {
        for known in &KNOWN_MODELS {
            let is_commit = |part: &str| part.len() == 40 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
            assert!(known.url.split('/').any(is_commit), "{}", known.url);
            let model = RemoteModel::named(known.name).unwrap().unwrap();
            assert_eq!(model.sha256.as_deref(), known.sha256);
        }
    }

    #[test]
    fn a_wrong_hash_is_rejected() {
        let bytes = b"model";
        let right = format!("https://host/net.onnx#sha256={}", sha256_hex(bytes).to_uppercase());
        let right = RemoteModel::named(&right).unwrap().unwrap();
        assert_eq!(right.check(bytes).unwrap(), sha256_hex(bytes));
        assert!(right.check(b"other").unwrap_err().message.contains("expected SHA-256"));
    }
}
