//! One network per file, from its paper.

pub(crate) mod null;
pub(crate) mod resnet50;
pub(crate) mod tiny;
