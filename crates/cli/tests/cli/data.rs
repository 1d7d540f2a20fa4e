//! A data directory without its server: checked, printed, copied and put back; and each kind of damage, planted and found.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Output,
};

use serde_json::Value;

use crate::server::{Server, bare};

/// A directory with two topics. A clean stop puts records into segments; after a kill they are in the write-ahead log.
fn served(clean: bool) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::on(&dir.path().join("data"));
    for topic in ["orders", "audit"] {
        for n in 0..5 {
            server.out(&["produce", topic, &format!("{topic} number {n} of five")], b"");
        }
    }
    if clean {
        server.terminate();
    } else {
        server.kill();
    }
    dir
}

fn run(words: &[&str]) -> Output {
    bare(words).output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

fn check(data: &Path) -> (i32, Value) {
    let output = run(&["data", "check", data.to_str().unwrap(), "-o", "json"]);
    let json = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output)));
    (output.status.code().unwrap(), json)
}

fn dump(data: &Path, more: &[&str]) -> (i32, Vec<Value>, String) {
    let output = run(&[&["data", "dump", data.to_str().unwrap()][..], more].concat());
    let lines = output.stdout.split(|b| *b == b'\n').filter(|line| !line.is_empty());
    let records = lines.map(|line| serde_json::from_slice(line).unwrap()).collect();
    (output.status.code().unwrap(), records, String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Every file with its bytes, to see that nothing was touched.
fn everything(data: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all: Vec<_> = fs::read_dir(data)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect();
    all.sort();
    all
}

/// Flips a bit in the middle of `needle`, wherever it lies. Answers the file's name and the place.
fn flip(data: &Path, prefix: &str, needle: &[u8]) -> (String, u64) {
    for (path, mut bytes) in everything(data) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !name.starts_with(prefix) {
            continue;
        }
        if let Some(at) = bytes.windows(needle.len()).position(|window| window == needle) {
            bytes[at + needle.len() / 2] ^= 4;
            fs::write(path, bytes).unwrap();
            return (name, (at + needle.len() / 2) as u64);
        }
    }
    panic!("{} is in no {prefix} file", String::from_utf8_lossy(needle));
}

#[test]
fn a_sound_directory_is_sound_and_every_record_of_it_is_printed() {
    for clean in [true, false] {
        let dir = served(clean);
        let data = dir.path().join("data");
        let before = everything(&data);
        let (code, found) = check(&data);
        assert_eq!((code, &found["sound"], &found["clean_stop"]), (0, &Value::Bool(true), &Value::Bool(clean)), "{found}");
        assert_eq!(found["batches"], 10);
        let (code, records, _) = dump(&data, &[]);
        assert_eq!((code, records.len()), (0, 10));
        assert_eq!(records[0]["value"], "audit number 0 of five");
        let (_, orders, _) = dump(&data, &["--topic", "orders", "--partition", "0"]);
        let offsets: Vec<i64> = orders.iter().map(|record| record["offset"].as_i64().unwrap()).collect();
        assert_eq!(offsets, [0, 1, 2, 3, 4]);
        assert_eq!(everything(&data), before, "nothing was written, not even a lock");
    }
}

#[test]
fn a_flipped_bit_in_a_segment_is_named_by_file_range_and_offset() {
    let dir = served(true);
    let data = dir.path().join("data");
    let (file, at) = flip(&data, "seg-", b"orders number 3 of five");
    let (code, found) = check(&data);
    assert_eq!(code, 2, "{found}");
    let damage = &found["damage"][0];
    assert_eq!(found["damage"].as_array().unwrap().len(), 1, "{found}");
    assert_eq!((&damage["file"], &damage["topic"], &damage["partition"]), (&file.into(), &"orders".into(), &0.into()));
    assert_eq!((&damage["first_offset"], &damage["last_offset"]), (&3.into(), &3.into()));
    let range = damage["from"].as_u64().unwrap()..damage["to"].as_u64().unwrap();
    assert!(range.contains(&at), "{at} is not in {range:?}");
    let words = text(&run(&["data", "check", data.to_str().unwrap()]));
    assert!(words.contains("orders-0 offset 3: ") && words.contains("milena restore"), "{words}");
    // The rest can still be had.
    let (code, records, told) = dump(&data, &["--topic", "orders"]);
    let offsets: Vec<i64> = records.iter().map(|record| record["offset"].as_i64().unwrap()).collect();
    assert_eq!((code, offsets), (2, vec![0, 1, 2, 4]));
    assert!(told.contains("orders-0 offsets 3 to 3"), "{told}");
}

#[test]
fn a_rotten_entry_of_the_log_is_told_from_a_torn_end() {
    let dir = served(false);
    let data = dir.path().join("data");
    // Others that were durable come after it: that is damage.
    let (file, at) = flip(&data, "log-", b"orders number 1 of five");
    let (code, found) = check(&data);
    assert_eq!(code, 2, "{found}");
    let damage = &found["damage"][0];
    assert_eq!((&damage["file"], &damage["topic"]), (&file.into(), &"orders".into()), "{found}");
    assert_eq!((&damage["first_offset"], &damage["last_offset"]), (&1.into(), &1.into()));
    assert!((damage["from"].as_u64().unwrap()..damage["to"].as_u64().unwrap()).contains(&at));

    let dir = served(false);
    let data = dir.path().join("data");
    let (file, at) = flip(&data, "log-", b"audit number 4 of five");
    let (code, found) = check(&data);
    // The very last frame: a write that was cut looks the same, so it is told, and is no damage.
    assert_eq!((code, &found["sound"]), (0, &Value::Bool(true)), "{found}");
    let torn = &found["leftovers"][0];
    assert_eq!(torn["file"], file);
    assert!((torn["from"].as_u64().unwrap()..torn["to"].as_u64().unwrap()).contains(&at), "{found}");
    let (_, records, _) = dump(&data, &["--topic", "audit"]);
    assert_eq!(records.len(), 4);
}

#[test]
fn files_that_are_cut_or_missing_are_named() {
    let of = |data: &Path, prefix: &str| {
        let all = everything(data);
        all.into_iter().map(|(path, _)| path).find(|p| p.file_name().unwrap().to_string_lossy().starts_with(prefix)).unwrap()
    };
    for (prefix, clean) in [("seg-", true), ("snap-", true), ("manifest", true), ("log-", true), ("log-", false)] {
        let dir = served(clean);
        let data = dir.path().join("data");
        let path = of(&data, prefix);
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let bytes = fs::read(&path).unwrap();
        // A manifest that is cut between its edits is one that was cut by a crash: only its first state can be missed.
        let kept = if prefix == "manifest" { 30 } else { bytes.len() / 2 };
        fs::write(&path, &bytes[..kept]).unwrap();
        let (code, found) = check(&data);
        let named = |found: &Value| found["damage"].as_array().unwrap().iter().any(|damage| damage["file"] == name.as_str());
        assert!(code == 2 && named(&found), "{prefix} cut: {found}");
        fs::remove_file(&path).unwrap();
        let (code, found) = check(&data);
        assert!(code == 2 && named(&found), "{prefix} missing: {found}");
    }
}

#[test]
fn a_directory_in_use_or_of_nobody_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let server = Server::on(&data);
    for words in [&["data", "check"][..], &["data", "dump"], &["backup"]] {
        let to = dir.path().join("copy");
        let mut words = [words, &[data.to_str().unwrap()]].concat();
        if words[0] == "backup" {
            words.push(to.to_str().unwrap());
        }
        let output = run(&words);
        assert_eq!(output.status.code(), Some(1), "{}", text(&output));
        assert!(text(&output).contains("in use"), "{}", text(&output));
        assert!(!to.exists());
    }
    drop(server);
    let empty = dir.path().join("empty");
    fs::create_dir(&empty).unwrap();
    for place in [&empty, &dir.path().join("nowhere")] {
        let output = run(&["data", "check", place.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(5), "{}", text(&output));
    }
    assert_eq!(fs::read_dir(&empty).unwrap().count(), 0, "nothing was made in it");
}

#[test]
fn a_backup_is_verified_and_becomes_a_directory_that_serves() {
    let dir = served(false);
    let [data, copy, back] = ["data", "copy", "back"].map(|name| dir.path().join(name));
    let word = |path: &Path| path.to_str().unwrap().to_string();
    let output = run(&["backup", &word(&data), &word(&copy)]);
    assert!(output.status.success(), "{}", text(&output));
    assert!(!copy.join("data/LOCK").exists());
    // Nothing is written over, neither way.
    for words in [["backup", &word(&data), &word(&copy)], ["restore", &word(&copy), &word(&data)]] {
        let output = run(&words);
        assert_eq!(output.status.code(), Some(6), "{}", text(&output));
    }
    let output = run(&["restore", &word(&copy), &word(&back)]);
    assert!(output.status.success(), "{}", text(&output));
    let server = Server::on(&back);
    let read = server.out(&["read", "orders", "-o", "jsonl"], b"");
    assert_eq!(read.lines().count(), 5, "{read}");
    drop(server);
    assert!(fs::read_dir(dir.path()).unwrap().all(|e| !e.unwrap().file_name().to_string_lossy().contains("partial")));
}

#[test]
fn a_backup_that_changed_or_lies_is_not_restored() {
    let dir = served(true);
    let [data, copy, back] = ["data", "copy", "back"].map(|name| dir.path().join(name));
    let word = |path: &Path| path.to_str().unwrap().to_string();
    assert!(run(&["backup", &word(&data), &word(&copy)]).status.success());
    let list = copy.join("milena-backup.json");
    let sound = fs::read_to_string(&list).unwrap();
    let refused = |code: i32, words: &str| {
        let output = run(&["restore", &word(&copy), &word(&back)]);
        assert_eq!(output.status.code(), Some(code), "{}", text(&output));
        assert!(text(&output).contains(words), "{}", text(&output));
        assert!(!back.exists(), "nothing half done is left");
    };
    flip(&copy.join("data"), "seg-", b"orders number 2 of five");
    refused(2, "its checksum is another");
    fs::write(&list, sound.replace("\"name\": \"manifest\"", "\"name\": \"../manifest\"")).unwrap();
    refused(1, "is no name of a file");
    fs::write(&list, "{}").unwrap();
    refused(1, "is not what was written");
    fs::remove_file(&list).unwrap();
    refused(1, "there is no milena-backup.json");
    // A directory that is damaged is not taken for a good one.
    flip(&data, "seg-", b"orders number 2 of five");
    let other = dir.path().join("other");
    let output = run(&["backup", &word(&data), &word(&other)]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    assert!(!other.exists());
    assert!(run(&["backup", "--even-damaged", &word(&data), &word(&other)]).status.success());
}

/// Values from an offset to the end.
fn values(server: &Server, topic: &str, offset: &str) -> Vec<String> {
    server.out(&["read", topic, "--offset", offset, "-f", "%s\\n"], b"").lines().map(str::to_owned).collect()
}

#[test]
fn a_rotten_entry_costs_what_was_in_it_and_nothing_else() {
    // One in the middle of its partition, and the last one of it: what follows is another partition's.
    for lost in [1, 4] {
        let dir = served(false);
        let data = dir.path().join("data");
        let (file, _) = flip(&data, "log-", format!("orders number {lost} of five").as_bytes());
        let server = Server::on(&data);
        let damage = server.ready["recovered"]["damage"][0].as_str().unwrap();
        assert!(damage.starts_with("orders-0, log ") && damage.contains(&file), "{damage}");
        assert!(damage.contains(&format!("positions {lost}..={lost}")), "{damage}");
        let kept = |server: &Server, more: &[&str]| {
            let missing = server.run(&["read", "orders", "--offset", &lost.to_string()], b"");
            assert!(!missing.status.success() && text(&missing).contains("CORRUPT_MESSAGE"), "{}", text(&missing));
            let behind = (lost + 1..5).map(|n| format!("orders number {n} of five")).chain(more.iter().map(|s| (*s).to_owned()));
            assert_eq!(values(server, "orders", &(lost + 1).to_string()), behind.collect::<Vec<_>>());
            assert_eq!(values(server, "audit", "0").len(), 5);
        };
        kept(&server, &[]);
        // Writers go on behind everything that was acknowledged, also what is lost; and so it stays.
        server.out(&["produce", "orders", "six"], b"");
        kept(&server, &["six"]);
        server.kill();
        let server = Server::on(&data);
        kept(&server, &["six"]);
        server.terminate();
        let server = Server::on(&data);
        kept(&server, &["six"]);
        server.out(&["produce", "orders", "seven"], b"");
        kept(&server, &["six", "seven"]);
    }
}

#[test]
fn a_catalog_that_lost_something_is_asked_about_first() {
    let dir = served(false);
    let data = dir.path().join("data");
    // The first entry that names it is the one that made it.
    flip(&data, "log-", b"audit");
    let refused = bare(&["serve", "--kafka", "127.0.0.1:0", "--http", "off", "--registry", "off", "--rest", "off", "--data"])
        .arg(&data)
        .output()
        .unwrap();
    let told = text(&refused);
    assert!(!refused.status.success(), "{told}");
    assert!(told.contains("the catalog of topics and groups") && told.contains("--accept-loss"), "{told}");
    let server = Server::start(&["--accept-loss", "--data", data.to_str().unwrap()]);
    assert_eq!(values(&server, "orders", "0").len(), 5);
    server.out(&["produce", "others", "one"], b"");
    assert_eq!(values(&server, "others", "0"), ["one"], "a new topic has a log of its own");
    server.kill();
    let server = Server::start(&["--accept-loss", "--data", data.to_str().unwrap()]);
    assert_eq!((values(&server, "orders", "0").len(), values(&server, "others", "0").len()), (5, 1));
    server.terminate();
    let server = Server::on(&data);
    assert_eq!((values(&server, "orders", "0").len(), values(&server, "others", "0").len()), (5, 1));
}

#[test]
fn a_catalog_that_is_gone_takes_no_records_with_it() {
    let dir = served(true);
    let data = dir.path().join("data");
    flip(&data, "snap-", b"audit");
    let serve = ["serve", "--kafka", "127.0.0.1:0", "--http", "off", "--registry", "off", "--rest", "off", "--data"];
    let refused = bare(&serve).arg(&data).output().unwrap();
    assert!(!refused.status.success() && text(&refused).contains("--accept-loss"), "{}", text(&refused));
    let kept = || everything(&data).iter().any(|(_, bytes)| bytes.windows(23).any(|w| w == b"orders number 3 of five"));
    let server = Server::start(&["--accept-loss", "--data", data.to_str().unwrap()]);
    server.out(&["produce", "orders", "anew"], b"");
    assert_eq!(values(&server, "orders", "0"), ["anew"], "a topic of the same name has a log of its own");
    server.terminate();
    let server = Server::on(&data);
    assert_eq!(values(&server, "orders", "0"), ["anew"]);
    server.terminate();
    assert!(kept(), "what nobody can name any more is not given back");
}
