//! `protoc`, from the wheel of grpcio-tools, beside our reading of the same files: generated files and what we print of them.
//! Both must accept the same, and mean the same by it.

use std::{fs, path::PathBuf, process::Command};

use milena_schema::protobuf::Schema;

use crate::python::{downloads, or_skip, run};

const RELEASE: &str = "1.85.1";

/// A Python of our own that has `protoc` inside.
fn protoc() -> Result<PathBuf, String> {
    let dir = downloads().join("protoc");
    let python = dir.join("bin/python");
    if !python.exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&dir))?;
    }
    let pip = ["-m", "pip", "install", "-q", "--disable-pip-version-check"];
    run(Command::new(&python).args(pip).arg(format!("grpcio-tools=={RELEASE}")))?;
    Ok(python)
}

struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or_default() % end.max(1)
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}

const SCALARS: [&str; 15] = [
    "int32", "int64", "uint32", "uint64", "sint32", "sint64", "fixed32", "fixed64", "sfixed32", "sfixed64", "bool", "string",
    "bytes", "float", "double",
];

fn message(dice: &mut Dice, name: &str, depth: usize, two: bool) -> String {
    let mut body = String::new();
    let nested: Vec<String> = (0..if depth == 0 { 0 } else { dice.below(3) }).map(|n| format!("N{n}")).collect();
    for inner in &nested {
        body += &message(dice, inner, depth - 1, two);
    }
    body += "enum E { option allow_alias = true; ZERO = 0; ONE = 1; UNO = 1 [deprecated = true]; BIG = 70000; reserved 5, 9 to 11, 80000 to max; reserved \"GONE\"; }\n";
    let mut tag = 1;
    let next = |dice: &mut Dice, tag: &mut usize| {
        *tag += 1 + dice.below(3);
        *tag
    };
    for n in 0..dice.below(6) {
        let label =
            if two { dice.pick(&["optional ", "repeated ", "required "]) } else { dice.pick(&["", "optional ", "repeated "]) };
        let scalar = dice.pick(&SCALARS);
        let kind = match dice.below(4) {
            0 => "E",
            1 if !nested.is_empty() => nested[0].as_str(),
            _ => scalar,
        };
        let options = match (kind, label) {
            ("int32", "optional ") if two => " [default = -7]",
            ("string", "optional ") if two => " [default = \"a\\\"\\n\\001b\"]",
            ("bytes", "optional ") if two => " [default = \"\\377\\000x\"]",
            ("double", "optional ") if two => " [default = 1e-7, deprecated = true]",
            ("E", "optional ") if two => " [default = BIG]",
            ("int64", "repeated ") => " [packed = true, json_name = \"own\"]",
            ("string", _) => " [ctype = CORD, deprecated = false]",
            _ => "",
        };
        body += &format!("{label}{kind} some_field_{n} = {}{options};\n", next(dice, &mut tag));
    }
    if dice.below(2) == 0 {
        body += &format!(
            "map<{}, {}> map_of = {};\n",
            dice.pick(&["string", "int32", "bool"]),
            dice.pick(&SCALARS),
            next(dice, &mut tag)
        );
    }
    if dice.below(2) == 0 {
        let (a, b) = (next(dice, &mut tag), next(dice, &mut tag));
        body += &format!("oneof choice {{ string x_{a} = {a}; {} y = {b} [deprecated = true]; }}\n", dice.pick(&SCALARS));
    }
    if two && dice.below(2) == 0 {
        body += &format!(
            "optional group Grp = {} {{ optional int32 g = 1; }}\nextensions 500 to 600, 1000 to max;\n",
            next(dice, &mut tag)
        );
    }
    if dice.below(2) == 0 {
        body += "reserved 100, 110 to 120; reserved \"was\", \"gone\";\n";
    }
    format!("message {name} {{\n{body}}}\n")
}

fn file(dice: &mut Dice) -> String {
    let two = dice.below(2) == 0;
    let mut text = format!("syntax = \"proto{}\";\npackage gen.p{};\n", if two { 2 } else { 3 }, dice.below(3));
    text += "import \"google/protobuf/timestamp.proto\";\nimport \"google/protobuf/descriptor.proto\";\n";
    text += "option java_package = \"com.example\"; option optimize_for = SPEED;\n";
    text += "extend google.protobuf.MessageOptions { optional Note note = 50001; }\nmessage Note { optional string s = 1; repeated int32 n = 2; }\n";
    for n in 0..1 + dice.below(3) {
        text += &message(dice, &format!("M{n}"), 2, two);
    }
    text += "message T { option (note) = { s: \"x\" n: [1, -2] }; optional google.protobuf.Timestamp at = 1; }\n";
    text + "service S { rpc A (T) returns (stream M0) { option deprecated = true; idempotency_level_is_not_here } }\n"
}

/// The descriptor of each file as protoc writes it, in base64, or a refusal.
const SCRIPT: &str = r#"
import base64, sys, os
from grpc_tools import protoc
import grpc_tools
from google.protobuf import descriptor_pb2
root = sys.argv[1]
include = os.path.join(os.path.dirname(grpc_tools.__file__), "_proto")
out = os.path.join(root, "out.bin")
for name in sorted(f for f in os.listdir(root) if f.endswith(".proto")):
    if os.path.exists(out): os.remove(out)
    code = protoc.main(["protoc", "-I" + root, "-I" + include, "--descriptor_set_out=" + out, os.path.join(root, name)])
    if code:
        print(name, "refused")
        continue
    found = descriptor_pb2.FileDescriptorSet.FromString(open(out, "rb").read()).file[0]
    found.ClearField("name")
    print(name, base64.b64encode(found.SerializeToString(deterministic=True)).decode())
"#;

#[test]
fn protoc_reads_what_we_print_as_it_reads_the_original() {
    let Some(python) = or_skip(protoc(), "protoc") else { return };
    let dir = downloads().join("generated");
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).unwrap();
    let mut dice = Dice(3);
    let mut ours = Vec::new();
    for n in 0..80 {
        let mut text = file(&mut dice).replace(" idempotency_level_is_not_here", "");
        if n % 10 == 9 {
            // Some files are broken on purpose: both must say so.
            text = text.replacen(dice.pick(&["message M0", "optional", "= 1;", "}", "ZERO"]), "", 1);
        }
        fs::write(dir.join(format!("f{n:03}_a.proto")), &text).unwrap();
        let schema = Schema::parse(&text, &[]);
        if let Ok(schema) = &schema {
            fs::write(dir.join(format!("f{n:03}_b.proto")), schema.canonical()).unwrap();
            fs::write(dir.join(format!("f{n:03}_c.proto")), schema.normalized()).unwrap();
        }
        ours.push((text, schema));
    }
    let answers = run(Command::new(&python).arg("-c").arg(SCRIPT).arg(&dir)).unwrap();
    let answers: std::collections::BTreeMap<&str, &str> = answers.lines().filter_map(|line| line.split_once(' ')).collect();
    let (mut same, mut refused) = (0, 0);
    for (n, (text, schema)) in ours.iter().enumerate() {
        let answer = |letter: &str| answers.get(format!("f{n:03}_{letter}.proto").as_str()).copied();
        let original = answer("a").unwrap();
        match schema {
            Err(flaw) => {
                assert_eq!(original, "refused", "we refuse what protoc reads: {flaw}\n{text}");
                refused += 1;
            }
            Ok(schema) => {
                assert_ne!(original, "refused", "we read what protoc refuses:\n{text}");
                assert_eq!(answer("b"), Some(original), "printed:\n{}\nof\n{text}", schema.canonical());
                let theirs = Schema::parse(original, &[]).unwrap();
                assert_eq!(theirs.normalized(), schema.normalized(), "protoc's descriptor says otherwise than the text:\n{text}");
                let normal = Schema::parse(answer("c").unwrap(), &[]).unwrap();
                assert_eq!(normal.normalized(), schema.normalized(), "{text}");
                assert!(normal.can_read(schema).is_empty());
                same += 1;
            }
        }
    }
    println!("{same} files mean the same to protoc and to us, printed or not; {refused} are refused by both");
    assert!(same > 60 && refused > 3, "{same} {refused}");
    let _ = fs::remove_dir_all(&dir);
}
