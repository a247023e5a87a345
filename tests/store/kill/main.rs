//! Twenty rounds of kills: see `src/bin/kill.rs`, which this runs, and which prints its seed.

use std::process::Command;

#[test]
fn nothing_is_lost_or_half_written_when_writers_are_killed() {
    let ran = Command::new(env!("CARGO_BIN_EXE_kill")).arg("20").output().expect("the bin runs");
    let (said, words) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{}\n{said}\n{words}", ran.status);
}
