use std::path::PathBuf;

/// A file that a command writes, by its path from the top folder.
pub(super) type Written = (PathBuf, String);
