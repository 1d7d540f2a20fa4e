//! The committed files are what the generator writes, and the format refuses what it should.

use std::path::Path;

use super::{definition, run};

#[test]
fn committed_files_are_current() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask stands in the workspace");
    let stale = run(root, true).expect("the generator runs");
    assert!(stale.is_empty(), "run `cargo xtask codegen`: {stale:?} differ");
}

#[test]
fn refuses_nonsense() {
    let head = "api 7 X\nversions 0-2\nflexible 1+\nrequest\n";
    let refused = [
        ("  a int5\n", "an unknown type"),
        ("  a int32 tag 0\n", "a tag before flexible versions"),
        ("  a []A\n    b []A\n", "a struct that holds itself"),
        ("  a []B\n", "a struct that is not there"),
        ("  a int32 = null\n", "a null default of what cannot be null"),
        ("   a int32\n", "an odd indentation"),
        ("    a int32\n", "a depth without a parent"),
        ("  a int32 2-1\n", "an empty range"),
        ("  a int32 1+ tag 0\n  b int32 1+ tag 0\n", "a tag given twice"),
    ];
    assert!(definition::parse(&format!("{head}  a int32\n")).is_ok());
    for (fields, why) in refused {
        assert!(definition::parse(&format!("{head}{fields}")).is_err(), "{why} was let through");
    }
}
