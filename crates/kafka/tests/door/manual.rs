//! The manual's table of APIs is made from the cards, so that it cannot promise another version than the door serves.

use std::{fmt::Write, path::Path};

use milena_kafka::cards;

const BEGIN: &str = "<!-- made from the cards: UPDATE_DOCS=1 cargo test -p milena-kafka manual -->\n";
const END: &str = "<!-- until here -->\n";

#[test]
fn manual_names_the_apis_that_are_served() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/compatibility.md");
    let kept = std::fs::read_to_string(&path).expect("the manual has a page on compatibility");
    let (head, rest) = kept.split_once(BEGIN).expect("the page has a place for the table");
    let (_, tail) = rest.split_once(END).expect("the table ends somewhere");
    let page = format!("{head}{BEGIN}{}{END}{tail}", table());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &page).expect("the page can be written");
        return;
    }
    assert!(kept == page, "docs/compatibility.md is stale: UPDATE_DOCS=1 cargo test -p milena-kafka manual");
}

fn table() -> String {
    let mut table = String::from("| key | API | versions |\n|---|---|---|\n");
    for card in cards() {
        let told = match card.told_from < *card.versions.start() {
            true => format!(" (told from {} on, as Kafka does for old librdkafka)", card.told_from),
            false => String::new(),
        };
        let _ = writeln!(table, "| {} | {} | {}-{}{told} |", card.key, card.name, card.versions.start(), card.versions.end());
    }
    let _ = writeln!(table, "\n{} APIs.", cards().len());
    table
}

/// The page names how many tests of each list pass and are skipped.
#[test]
fn manual_counts_the_tests_of_other_clients() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = std::fs::read_to_string(root.join("docs/compatibility.md")).expect("the manual has a page on compatibility");
    for list in ["python/kafka_python.txt", "java/scenarios.txt", "java/tools.txt", "go/franz.txt"] {
        let text = std::fs::read_to_string(root.join("conformance").join(list)).expect("the list is there");
        let count = |word: &str| text.lines().filter(|line| line.starts_with(word)).count();
        let cells = format!("| {} | {} | `conformance/{list}` |", count("pass "), count("skip "));
        assert!(page.contains(&cells), "docs/compatibility.md: the row of {list} should end in {cells}");
    }
}
