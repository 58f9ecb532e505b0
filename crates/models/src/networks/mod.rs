//! One network per file, from its paper.

pub(crate) mod bert;
pub(crate) mod digits;
pub(crate) mod efficientdet;
mod efficientnet;
pub(crate) mod gpt2;
pub(crate) mod null;
pub(crate) mod resnet50;
pub(crate) mod shapegen;
pub(crate) mod tiny;
mod transformer;
pub(crate) mod unet3d;
