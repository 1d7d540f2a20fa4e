//! The index of APIs is what the directory says.

use std::path::Path;

use crate::index::api_index;

#[test]
fn the_index_of_apis_is_what_the_directory_says() {
    let api = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/api");
    let index = std::fs::read_to_string(api.join("mod.rs")).unwrap();
    assert_eq!(index, api_index(&api).unwrap(), "run `cargo xtask codegen`");
}
