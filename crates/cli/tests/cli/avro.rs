//! `milena avro` as a script meets it: pipes, exit codes, words about what is broken.

use std::{
    path::Path,
    process::{Command, Output},
};

use crate::server::{MILENA, feed};

const SCHEMA: &str =
    r#"{"type":"record","name":"R","fields":[{"name":"n","type":"long"},{"name":"t","type":["null","string"],"default":null}]}"#;

fn run(dir: &Path, args: &[&str], input: &[u8]) -> Output {
    let mut command = Command::new(MILENA);
    command.arg("avro").args(args).current_dir(dir);
    feed(command, input)
}

fn out(dir: &Path, args: &[&str], input: &[u8]) -> Vec<u8> {
    let output = run(dir, args, input);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[track_caller]
fn fails(dir: &Path, args: &[&str], input: &[u8], code: i32, says: &str) {
    let output = run(dir, args, input);
    let talk = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{talk}");
    assert!(talk.contains(says) && talk.lines().count() <= 4, "{talk}");
}

fn lines(count: u64) -> String {
    (0..count).map(|n| format!("{{\"n\":{n},\"t\":\"text of {n}\"}}\n")).collect()
}

#[test]
fn a_pipe_of_many_records_comes_back_as_it_went_in() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let text = lines(30_000);
    std::fs::write(dir.join("text.json"), &text).unwrap();
    for codec in ["null", "deflate", "snappy", "bzip2", "xz", "zstandard"] {
        out(dir, &["fromjson", "--schema", SCHEMA, "--codec", codec, "text.json", "-O", "file.avro"], b"");
        assert!(out(dir, &["tojson", "file.avro"], b"") == text.as_bytes(), "{codec}");
        assert_eq!(out(dir, &["count", "file.avro"], b""), b"30000\n");
    }
}

#[test]
fn values_may_lie_over_many_lines_or_many_on_one() {
    let dir = tempfile::tempdir().unwrap();
    let text = "{\n \"n\":\n 1}{\"n\":2}\n\n   {\"n\":3,\"t\":{\"string\":\"x\"}}";
    let file = out(dir.path(), &["fromjson", "--schema", SCHEMA], text.as_bytes());
    let json = out(dir.path(), &["tojson"], &file);
    assert_eq!(String::from_utf8_lossy(&json), "{\"n\":1,\"t\":null}\n{\"n\":2,\"t\":null}\n{\"n\":3,\"t\":\"x\"}\n");
    let json = out(dir.path(), &["tojson", "--avro-json", "--head=1", "--pretty"], &file);
    assert_eq!(String::from_utf8_lossy(&json), "{\n  \"n\": 1,\n  \"t\": null\n}\n");
}

/// Text is looked at in pieces of half a megabyte; where they end must not show.
#[test]
fn a_long_text_is_one_text_however_it_is_laid_out() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let text = lines(60_000);
    assert!(text.len() > 3 << 19);
    let read = |text: &str| {
        std::fs::write(dir.join("text.json"), text).unwrap();
        out(dir, &["fromjson", "--schema", SCHEMA, "--codec", "snappy", "text.json", "-O", "all.avro"], b"");
        out(dir, &["tojson", "all.avro"], b"")
    };
    // Without an end of line at the end; over many lines; many lines first and none afterwards; all on one.
    let (begin, end) = text.split_at(text[..1 << 20].rfind('\n').unwrap() + 1);
    for laid_out in [
        text.trim_end().to_owned(),
        text.replace(',', "\n,\n"),
        format!("{begin}{}", end.replace(',', ",\n")),
        format!("{begin}{}", end.replace('\n', " ")),
        text.replace('\n', ""),
    ] {
        assert!(read(&laid_out) == text.as_bytes(), "{}…", &laid_out[..60]);
    }
    // A value that is larger than a piece, among others.
    let large = format!("{{\"n\":1,\"t\":\"{}\"}}\n", "x".repeat(3 << 20));
    let mixed = format!("{}{large}{}", lines(100), lines(100));
    assert!(read(&mixed) == mixed.as_bytes());
    out(dir, &["fromjson", "--schema", SCHEMA, "-O", "all.avro"], text.as_bytes());
    assert_eq!(out(dir, &["tojson", "--head=12345", "all.avro"], b""), lines(12_345).as_bytes());
}

#[test]
fn what_is_wrong_in_a_long_text_has_its_line() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let good = lines(60_000);
    let with = |bad: &[u8]| {
        let place = good.match_indices('\n').nth(49_999).unwrap().0 + 1;
        [&good.as_bytes()[..place], bad, &good.as_bytes()[place..]].concat()
    };
    let args = ["fromjson", "--schema", SCHEMA];
    fails(dir, &args, &with(b"{\"n\":\"x\"}\n"), 1, "line 50001 of stdin");
    fails(dir, &args, &with(b"{\"n\":1,\"t\":\"\xff\"}\n"), 1, "line 50001 of stdin");
    // Over many lines from there on.
    fails(dir, &args, &with(b"{\n\"n\":\n1}\n\n{\"n\":\"x\"}\n"), 1, "line 50005 of stdin");
    fails(dir, &args, &good.as_bytes()[..good.len() - 3], 1, "line 60000 of stdin");
    fails(dir, &args, &good.as_bytes()[..good.len() - 3], 1, "ends inside a value");
    // What stands in front of damage is shown.
    out(dir, &["fromjson", "--schema", SCHEMA, "--codec", "deflate", "-O", "a.avro"], good.as_bytes());
    let mut file = std::fs::read(dir.join("a.avro")).unwrap();
    let middle = file.len() / 2;
    file[middle] ^= 0x55;
    std::fs::write(dir.join("b.avro"), file).unwrap();
    let output = run(dir, &["tojson", "b.avro"], b"");
    assert_eq!(output.status.code(), Some(1));
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(good.starts_with(&shown) && shown.len() > good.len() / 4 && shown.len() < good.len(), "{}", shown.len());
}

#[test]
fn avro_tools_spellings_work() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let commented =
        "// a record\n{\"type\":\"record\", /* of */ \"name\":\"R\",\"fields\":[{\"name\":\"_\",\"type\":\"string\"}]}";
    std::fs::write(dir.join("r.avsc"), commented).unwrap();
    std::fs::write(dir.join("i.avsc"), "\"int\"").unwrap();
    assert_eq!(out(dir, &["canonical", "r.avsc", "form"], b""), b"");
    let form = std::fs::read(dir.join("form")).unwrap();
    assert_eq!(form, b"{\"name\":\"R\",\"type\":\"record\",\"fields\":[{\"name\":\"_\",\"type\":\"string\"}]}\n");
    assert_eq!(out(dir, &["canonical", "r.avsc", "-"], b""), form);
    let prints = String::from_utf8(out(dir, &["fingerprint", "r.avsc", "i.avsc"], b"")).unwrap();
    let alone = String::from_utf8(out(dir, &["fingerprint", "r.avsc"], b"")).unwrap();
    assert_eq!(prints, format!("{} r.avsc\n8f5c393f1ad57572 i.avsc\n", alone.trim()));
    assert_eq!(out(dir, &["fingerprint", "-"], b"\"int\""), b"8f5c393f1ad57572\n");
    assert_eq!(out(dir, &["jsontofrag", "\"string\"", "-"], b"\"x\""), b"\x02x");
    assert_eq!(out(dir, &["fragtojson", "\"string\"", "-"], b"\x02x"), b"\"x\"\n");
    fails(dir, &["jsontofrag", "-s", "i.avsc", "\"string\"", "-"], b"", 64, "given twice");
    fails(dir, &["jsontofrag", "r.avsc"], b"", 64, "no schema is given");
    // A file that is written knows no comments.
    out(dir, &["fromjson", "-s", "r.avsc", "-O", "r.avro"], b"{\"_\":\"x\"}");
    let text = String::from_utf8(out(dir, &["getschema", "--raw", "r.avro"], b"")).unwrap();
    assert!(!text.contains("a record") && !text.contains("of */") && text.contains("\"_\""), "{text}");
    std::fs::write(dir.join("p.avdl"), "protocol P { record A { int a; } record B { A a; } }").unwrap();
    out(dir, &["idl2schemata", "p.avdl", "made/here"], b"");
    let b = std::fs::read_to_string(dir.join("made/here/B.avsc")).unwrap();
    assert!(dir.join("made/here/A.avsc").exists() && b.contains("\"name\": \"A\""), "{b}");
}

#[test]
fn a_protocols_types_are_compiled() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let protocol = r#"{"protocol":"Mail","namespace":"com.e","types":[
        {"type":"enum","name":"Kind","symbols":["A","B"]},{"type":"error","name":"Lost","fields":[{"name":"why","type":"string"}]},
        {"type":"record","name":"Letter","namespace":"com.f","fields":[{"name":"kind","type":"com.e.Kind"}]},
        {"type":"record","name":"Box","fields":[{"name":"all","type":{"type":"array","items":"com.f.Letter"}},{"name":"kind","type":"Kind"}]}],
        "messages":{"send":{"request":[{"name":"letter","type":"com.f.Letter"}],"response":"null"}}} // the end"#;
    std::fs::write(dir.join("mail.avpr"), protocol).unwrap();
    out(dir, &["compile", "protocol", "mail.avpr", "java"], b"");
    for name in ["e/Kind", "e/Lost", "e/Box", "f/Letter"] {
        assert!(dir.join(format!("java/com/{name}.java")).exists(), "{name}");
    }
    let rust = String::from_utf8(out(dir, &["compile", "mail.avpr", "-"], b"")).unwrap();
    assert!(rust.contains("pub struct Letter") && rust.contains("pub all: Vec<super::super::com::f::Letter>"), "{rust}");
    std::fs::write(dir.join("none.avpr"), "{\"types\":[]}").unwrap();
    fails(dir, &["compile", "none.avpr", "-"], b"", 1, "none.avpr is no Avro protocol");
}

#[test]
fn many_schemas_are_compiled_without_a_loss() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let has = |file: &str, text: &str| std::fs::read_to_string(dir.join(file)).unwrap().contains(text);
    std::fs::create_dir_all(dir.join("in/more")).unwrap();
    let of =
        |name: &str, kind: &str| format!(r#"{{"type":"record","name":"n.{name}","fields":[{{"name":"x","type":"{kind}"}}]}}"#);
    for (file, text) in [("a", of("A", "int")), ("b", of("B", "n.A")), ("c", of("C", "n.B")), ("more/a", of("D", "int"))] {
        std::fs::write(dir.join(format!("in/{file}.avsc")), text).unwrap();
    }
    let (a, b, c) = ("in/a.avsc", "in/b.avsc", "in/c.avsc");
    // One may name types of those before it, into a folder that is not there yet.
    out(dir, &["compile", a, b, c, "made"], b"");
    assert!(has("made/a.rs", "struct A") && has("made/b.rs", "struct B") && has("made/c.rs", "pub x: B"));
    out(dir, &["compile", "schema", "in", "java"], b"");
    assert!(has("java/n/A.java", "class A") && has("java/n/C.java", "n.B getX"));
    out(dir, &["compile", "--lang", "ts", a, "one/"], b"");
    assert!(has("one/a.ts", "interface A"));
    fails(dir, &["compile", b, a, "wrong"], b"", 1, "in/b.avsc is no Avro schema");
    assert!(!dir.join("wrong").exists(), "nothing is written before all was read");
    // What would be written over, or over one another.
    fails(dir, &["compile", a, c, "both.rs"], b"", 64, "the code of 2 schemas is written into a folder");
    fails(dir, &["compile", a, b, "-"], b"", 64, "the code of 2 schemas is written into a folder");
    fails(dir, &["compile", a, "in/more/a.avsc", "made"], b"", 64, "would be one file of code");
    fails(dir, &["compile", a, b], b"", 64, "in/b.avsc is a schema by its name");
    fails(dir, &["compile", a, "none.avsc"], b"", 64, "is a schema by its name");
    std::fs::copy(dir.join(a), dir.join("plain")).unwrap();
    fails(dir, &["compile", "plain", "plain"], b"", 64, "read and written at once");
    std::fs::write(dir.join("p.avdl"), "protocol P { }").unwrap();
    fails(dir, &["idl", "p.avdl", "p.avdl"], b"", 64, "read and written at once");
    assert!(has("in/b.avsc", "n.A") && has("p.avdl", "protocol P"));
}

#[test]
fn concat_says_by_its_exit_code_what_differs() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    out(dir, &["fromjson", "--schema", SCHEMA, "-O", "a.avro"], b"{\"n\":1}");
    out(dir, &["fromjson", "--schema", "\"long\"", "-O", "b.avro"], b"1 2");
    out(dir, &["recodec", "--codec", "snappy", "a.avro", "c.avro"], b"");
    fails(dir, &["concat", "a.avro", "b.avro", "x.avro"], b"", 1, "another schema");
    fails(dir, &["concat", "a.avro", "c.avro", "x.avro"], b"", 3, "another codec");
    assert!(!dir.join("x.avro").exists(), "nothing is written when something differs");
}

#[test]
fn what_is_broken_is_told_and_mended() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    out(dir, &["fromjson", "--schema", SCHEMA, "--codec", "snappy", "-O", "a.avro"], lines(20_000).as_bytes());
    let mut bytes = std::fs::read(dir.join("a.avro")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 8].fill(0);
    std::fs::write(dir.join("b.avro"), &bytes).unwrap();
    fails(dir, &["tojson", "b.avro"], b"", 1, "milena avro repair b.avro mended.avro");
    let told = out(dir, &["repair", "b.avro", "c.avro"], b"");
    assert!(String::from_utf8_lossy(&told).ends_with("1 damage\n"), "{}", String::from_utf8_lossy(&told));
    let number = |file: &str| String::from_utf8(out(dir, &["count", file], b"")).unwrap().trim().parse::<u64>().unwrap();
    let all = number("c.avro");
    out(dir, &["repair", "-o", "prior", "b.avro", "p.avro"], b"");
    out(dir, &["repair", "-o", "after", "b.avro", "s.avro"], b"");
    assert!(all < 20_000 && number("p.avro") > 0 && number("p.avro") + number("s.avro") == all);
    let report = out(dir, &["repair", "-o", "report", "b.avro"], b"");
    assert_eq!(report, told);
}

#[test]
fn wrong_use_and_wrong_data_have_their_words() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    fails(dir, &["tojson", "gone.avro"], b"", 5, "gone.avro is not there");
    fails(dir, &["tojson"], b"PK\x03\x04", 1, "not an Avro container file");
    fails(dir, &["fromjson"], b"", 64, "--schema-file FILE");
    fails(dir, &["fromjson", "--schema", "{"], b"", 1, "--schema is no Avro schema");
    fails(dir, &["fromjson", "--schema", "\"long\"", "--codec", "lzo"], b"", 64, "codec lzo is not known");
    fails(dir, &["fromjson", "--schema", SCHEMA], b"{\"n\":1}\n{\"n\":\"x\"}\n", 1, "line 2 of stdin");
    fails(dir, &["decode", "--schema", "\"long\"", "--framed"], b"\x02", 1, "no magic byte 0");
    fails(dir, &["decode", "--schema", "\"string\""], b"\x08jo", 1, "the data ends inside a value");
    fails(dir, &["fingerprint", "-f", "CRC-32"], b"\"int\"", 64, "CRC-64-AVRO, MD5 or SHA-256");
    fails(dir, &["idl"], b"record {", 1, "a name is expected");
    std::fs::write(dir.join("same.avro"), "whole").unwrap();
    fails(dir, &["recodec", "same.avro", "./same.avro"], b"", 64, "read and written at once");
    assert_eq!(std::fs::read(dir.join("same.avro")).unwrap(), b"whole");
    fails(dir, &["compile", "-"], b"\"int\"", 1, "has none");
}

#[test]
fn every_word_behind_a_verb_is_used_or_refused() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    out(dir, &["canonical", "--schema", "\"int\"", "canonical.avsc"], b"");
    assert_eq!(std::fs::read_to_string(dir.join("canonical.avsc")).unwrap(), "\"int\"\n");
    out(dir, &["canonical", "canonical.avsc", "again.avsc"], b"");
    assert_eq!(std::fs::read_to_string(dir.join("again.avsc")).unwrap(), "\"int\"\n");
    assert_eq!(out(dir, &["canonical"], b"{\"type\":\"int\"}"), b"\"int\"\n");
    fails(dir, &["canonical", "--schema", "\"int\"", "a.avsc", "b.avsc"], b"", 64, "the schema is given twice");
    let both = run(dir, &["fingerprint", "--schema", "\"int\"", "canonical.avsc"], b"");
    assert_eq!(both.status.code(), Some(64), "{both:?}");
    assert_eq!(out(dir, &["fingerprint", "canonical.avsc"], b""), out(dir, &["fingerprint"], b"\"int\""));
    std::fs::write(dir.join("p.avdl"), "protocol P { record R { int n; } }").unwrap();
    out(dir, &["idl", "--split", "p.avdl"], b"");
    assert!(dir.join("R.avsc").is_file() && !dir.join("-").exists());
}

#[test]
fn what_was_there_outlives_a_failure() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    out(dir, &["fromjson", "--schema", SCHEMA, "-O", "good.avro"], lines(3).as_bytes());
    let good = std::fs::read(dir.join("good.avro")).unwrap();
    fails(dir, &["fromjson", "--schema", SCHEMA, "-O", "good.avro"], b"{\"n\":\"no number\"}", 1, "line 1");
    std::fs::write(dir.join("broken.avro"), &good[..good.len() - 20]).unwrap();
    fails(dir, &["recodec", "broken.avro", "good.avro"], b"", 1, "broken.avro");
    fails(dir, &["cat", "broken.avro", "new.avro"], b"", 1, "broken.avro");
    assert!(std::fs::read(dir.join("good.avro")).unwrap() == good);
    let mut names: Vec<_> = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["broken.avro", "good.avro"], "nothing half written is left");
    std::os::unix::fs::symlink("good.avro", dir.join("link.avro")).unwrap();
    out(dir, &["recodec", "--codec", "deflate", "good.avro", "other.avro"], b"");
    out(dir, &["recodec", "other.avro", "link.avro"], b"");
    assert!(dir.join("link.avro").is_symlink() && out(dir, &["count", "good.avro"], b"") == b"3\n");
}
