//! Groups on stage (`scripts/group`), and under random members.

mod properties;
mod stage;

use crate::script::perform_all;

#[test]
fn plays() {
    perform_all("group", stage::Theatre::new);
}

#[test]
fn every_rule_in_the_manual_has_its_play_and_every_play_its_rule() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let manual = std::fs::read_to_string(root.join("../../docs/groups.md")).unwrap();
    let named = |line: &str| Some(line.strip_suffix("` |")?.rsplit_once('`')?.1.to_owned());
    let rules: std::collections::BTreeSet<_> = manual.lines().filter_map(named).collect();
    let scripts = std::fs::read_dir(root.join("scripts/group")).unwrap();
    let plays = scripts.map(|f| f.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned()).collect();
    assert_eq!(rules, plays);
}
