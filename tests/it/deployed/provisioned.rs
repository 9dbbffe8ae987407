//! SageMaker endpoints that are made for a run: the state machines about them, run by moto, which has a
//! SageMaker (ministack has none). The script says what it asserts, and what it changes.

use std::process::Command;

use crate::ministack::provisioning_environment;

#[test]
fn endpoints_are_made_and_deleted_on_every_ending() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/python/provisioning.py");
    let output = Command::new(provisioning_environment().join("bin/python")).arg(script).output();
    let output = output.unwrap();
    let said = [output.stdout, output.stderr].concat();
    println!("{}", String::from_utf8_lossy(&said));
    assert!(output.status.success());
}
