//! Tests what the program prints and writes.

use crate::common::Sandbox;

#[test]
fn programs_get_json_and_no_progress() {
    let sandbox = Sandbox::new();
    let ran = sandbox
        .measure("native.json", "--model tiny --engine tract --quiet --json")
        .code(0);
    let report: serde_json::Value = serde_json::from_str(&ran.out()).unwrap();
    assert_eq!(report["schema"], "tare.report/1");
    assert_eq!(ran.err(), "record: native.json\n");

    // People see what is going on, and one line for all warnings.
    let ran = sandbox.measure("again.json", "--model tiny --engine tract").code(0);
    assert!(ran.err().contains("samples in"), "{}", ran.err());
    let warnings = ran.out().lines().filter(|line| line.contains("arning")).count();
    assert!(warnings <= 1, "{}", ran.out());
}

#[test]
fn a_record_is_not_replaced_by_a_report() {
    let sandbox = Sandbox::new();
    sandbox.measure("native.json", "--model tiny --engine tract").code(0);
    let record = sandbox.record("native.json");
    sandbox
        .run("report native.json -o native.json")
        .code(2)
        .says("native.json is a record, which cannot be measured again");
    assert_eq!(sandbox.record("native.json"), record);
    for _ in 0..2 {
        sandbox.run("report native.json -o report.json").code(0);
    }
}

#[test]
fn a_record_is_replaced_only_on_request() {
    let sandbox = Sandbox::new();
    sandbox.measure("native.json", "--model tiny --engine tract").code(0);
    let kept = std::fs::read(sandbox.path("native.json")).unwrap();
    for command in [
        "run --plan smoke --model absent.onnx -o native.json",
        "node --plan smoke -o native.json",
        "models export tiny -o native.json",
    ] {
        sandbox.run(command).code(2).says("which cannot be measured again");
        assert_eq!(std::fs::read(sandbox.path("native.json")).unwrap(), kept, "{command}");
    }
    sandbox
        .run("run --plan smoke --model tiny --engine tract --force -o native.json")
        .code(0);
    assert_ne!(std::fs::read(sandbox.path("native.json")).unwrap(), kept);
}

#[cfg(unix)]
#[test]
fn a_record_goes_where_its_path_leads() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let sandbox = Sandbox::new();
    std::fs::create_dir(sandbox.path("kept")).unwrap();
    std::fs::write(sandbox.path("kept/native.json"), "").unwrap();
    symlink("kept/native.json", sandbox.path("link.json")).unwrap();
    sandbox.measure("link.json", "--model tiny --engine tract").code(0);
    assert!(sandbox.path("link.json").is_symlink());
    assert!(sandbox.record("kept/native.json").all_measured());
    let mode = sandbox
        .path("kept/native.json")
        .metadata()
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o600, 0o600);
    // As readable as any other file of this user.
    std::fs::write(sandbox.path("other"), "").unwrap();
    let other = sandbox.path("other").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, other & 0o777);

    // A link to a file that is not there yet.
    symlink("kept/later.json", sandbox.path("later.json")).unwrap();
    sandbox.measure("later.json", "--model tiny --engine tract").code(0);
    assert!(sandbox.path("later.json").is_symlink() && sandbox.record("kept/later.json").all_measured());

    // A device stays one.
    sandbox.measure("/dev/null", "--model tiny --engine tract").code(0);
    assert!(!std::fs::metadata("/dev/null").unwrap().is_file());
    sandbox
        .measure(".", "--model tiny --engine tract")
        .code(2)
        .says("cannot write the record .");
}

#[cfg(unix)]
#[test]
fn a_reader_may_stop_reading() {
    let sandbox = Sandbox::new();
    let mut shell = std::process::Command::new("sh");
    let program = env!("CARGO_BIN_EXE_tare");
    shell.args(["-c", &format!("\"{program}\" models list | head -1")]);
    let ran = crate::common::Ran::of(shell.current_dir(sandbox.folder.path())).code(0);
    assert_eq!((ran.out().lines().count(), ran.err().as_str()), (1, ""));
}

#[test]
fn a_version_that_is_slower_changes_the_exit_code() {
    let sandbox = Sandbox::new();
    sandbox.measure("before.json", "--model tiny --engine tract").code(0);
    let mut after = sandbox.record("before.json");
    for cell in &mut after.cells {
        cell.engine.version = "later".into();
        cell.samples_ns.iter_mut().for_each(|ns| *ns *= 100);
        let phases = cell.rounds.iter_mut().flat_map(|round| &mut round.phases);
        phases.for_each(|phase| phase.duration_ns *= 100);
    }
    sandbox.write("after.json", after.to_json().unwrap().as_bytes());
    for (arguments, code, text) in [
        ("before.json after.json", 0, "tract later is slower"),
        ("before.json after.json --fail-if-slower", 1, "slower: tiny"),
        ("before.json after.json --fail-if-slower 1000", 1, "slower: tiny"),
        ("after.json before.json --fail-if-slower", 0, "is faster"),
        (
            "before.json --fail-if-slower 5",
            2,
            "nothing that was measured in two versions",
        ),
        (
            "before.json after.json --fail-if-slower=-1",
            2,
            "expects 0 to 1000 percent",
        ),
    ] {
        sandbox.run(&format!("report {arguments}")).code(code).says(text);
    }
}
