//! Running a program on a device.

pub(crate) mod device;
pub(crate) mod profile;
pub(crate) mod program;
pub(crate) mod schedule;
pub(crate) mod transfer;
