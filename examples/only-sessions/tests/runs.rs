//! The program does what the guide says it does.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::process::Command;

#[test]
fn it_runs_to_its_end() {
    let output = Command::new(env!("CARGO_BIN_EXE_sigra-example-only-sessions")).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    for line in ["signed in: ann@example.org, [Method(\"directory\")]", "sessions: 3", "ended: 2", "signed out: true"] {
        assert!(said.contains(line), "{line} is not in\n{said}");
    }
    let mails: Vec<_> = said.lines().filter(|line| line.starts_with("mail to ")).collect();
    assert_eq!(mails, ["mail to ann@example.org: Your account was used from a new device"], "{said}");
}
