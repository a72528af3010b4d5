//! The program does what the guide says it does.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::process::Command;

#[test]
fn it_runs_to_its_end() {
    let output = Command::new(env!("CARGO_BIN_EXE_sigra-example-only-limits")).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let expected = "2001:db8::1: true\n2001:db8::2: true\n2001:db8::3: true\n2001:db8::4: false\n192.0.2.7: true\n";
    assert_eq!(said, expected);
}
