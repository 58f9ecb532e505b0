//! Runs the binary as a user does.

pub(crate) mod browser;
pub(crate) mod devtools;
pub(crate) mod opened_page;
pub(crate) mod processes;
pub(crate) mod screenshot;
pub(crate) mod server;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tare_record::{Failure, Record, Status};

/// The folder of the built page, which `cargo xtask build` writes.
pub(crate) fn page() -> String {
    // Tests run in the folder of the package.
    let folder = std::env::var_os("TARE_PAGE").map_or_else(|| PathBuf::from("../dist"), PathBuf::from);
    let folder = std::path::absolute(folder).unwrap();
    assert!(
        folder.join("index.html").is_file(),
        "no page in {}: build it with `cargo xtask build`",
        folder.display()
    );
    folder.to_string_lossy().into_owned()
}

/// A temporary folder for a test, in which the binary runs.
pub(crate) struct Sandbox {
    pub(crate) folder: tempfile::TempDir,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> String {
        std::fs::write(self.path(name), bytes).unwrap();
        name.to_owned()
    }

    /// The command that runs the binary with arguments separated by spaces.
    pub(crate) fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tare"));
        command
            .args(arguments.split_whitespace())
            .current_dir(self.folder.path())
            .env("NO_COLOR", "1");
        command
    }

    pub(crate) fn run(&self, arguments: &str) -> Ran {
        Ran::of(&mut self.command(arguments))
    }

    /// Measures natively under the rules of the smoke plan, which takes a second or two. Replaces the record of an earlier call.
    pub(crate) fn measure(&self, record: &str, arguments: &str) -> Ran {
        self.run(&format!("run --plan smoke --force -o {record} {arguments}"))
    }

    /// The failure of a cell.
    #[track_caller]
    pub(crate) fn failure(&self, record: &str, cell: usize) -> Failure {
        match self.record(record).cells.swap_remove(cell).status {
            Status::Failed(failure) | Status::TimedOut(failure) => failure,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn record(&self, name: &str) -> Record {
        read_record(&self.path(name))
    }
}

pub(crate) fn read_record(path: &Path) -> Record {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Record::from_json(&text).unwrap()
}

/// Exit status and output of a run of the binary.
pub(crate) struct Ran(Output);

impl Ran {
    pub(crate) fn of(command: &mut Command) -> Self {
        Self(command.output().unwrap())
    }

    pub(crate) fn out(&self) -> String {
        String::from_utf8_lossy(&self.0.stdout).into_owned()
    }

    pub(crate) fn err(&self) -> String {
        String::from_utf8_lossy(&self.0.stderr).into_owned()
    }

    #[track_caller]
    pub(crate) fn code(self, expected: i32) -> Self {
        assert_eq!(
            self.0.status.code(),
            Some(expected),
            "stdout:\n{}\nstderr:\n{}",
            self.out(),
            self.err()
        );
        self
    }

    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(
            self.err().contains(text) || self.out().contains(text),
            "{text:?} is not in\n{}\n{}",
            self.out(),
            self.err()
        );
        self
    }
}
