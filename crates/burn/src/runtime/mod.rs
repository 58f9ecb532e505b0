//! Running a program: devices, transfers and the session.

pub(crate) mod device;
pub(crate) mod program;
mod schedule;
mod session;
mod transfer;
mod work;

pub(crate) use session::BurnSession;
