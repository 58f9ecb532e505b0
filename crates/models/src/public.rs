/// A trained model that its publisher offers on the web.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicModel {
    /// The name to ask for it by.
    pub name: &'static str,
    /// What it is, in a line.
    pub summary: &'static str,
    /// Where its publisher offers it.
    pub url: &'static str,
    /// Licence, as the publisher names it.
    pub licence: &'static str,
}

/// Well-known trained models. Their hashes are those of the first download on each machine: the publishers give none.
pub const PUBLIC_MODELS: [PublicModel; 3] = [
    PublicModel {
        name: "public-mobilenetv2",
        summary: "image classifier, trained on ImageNet",
        url: "https://github.com/onnx/models/raw/main/validated/vision/classification/mobilenet/model/mobilenetv2-12.onnx",
        licence: "Apache-2.0",
    },
    PublicModel {
        name: "public-minilm",
        summary: "sentence embeddings, all-MiniLM-L6-v2",
        url: "https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2/resolve/main/onnx/model.onnx",
        licence: "Apache-2.0",
    },
    PublicModel {
        name: "public-gpt2",
        summary: "language model, GPT-2 small",
        url: "https://huggingface.co/openai-community/gpt2/resolve/main/onnx/decoder_model.onnx",
        licence: "MIT",
    },
];

/// The well-known model of that name.
pub fn public_model(name: &str) -> Option<&'static PublicModel> {
    PUBLIC_MODELS.iter().find(|model| model.name == name)
}
