//! The program does what the guide says it does.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::process::Command;

#[test]
fn it_runs_to_its_end() {
    let output = Command::new(env!("CARGO_BIN_EXE_sigra-example-only-mail")).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    for line in
        ["Subject: Your sign-in link for Garden\n", "\nhttps://garden.example/sign-in/", "a made-up token: None"]
    {
        assert!(said.contains(line), "{line} is not in\n{said}");
    }
}
