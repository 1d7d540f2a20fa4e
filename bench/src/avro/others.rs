//! The same record by other people's libraries, in the same run: what their fastest documented way is for a value that is built
//! at run time.

use std::{fs, hint::black_box, path::Path, process::Command};

use anyhow::{Context, Result, ensure};

use super::clock;

/// The crate `apache-avro`.
pub(super) fn apache_avro(schema: &str, bytes: &[u8], line: impl Fn(&str, f64)) -> Result<()> {
    let schema = apache_avro::Schema::parse_str(schema)?;
    let reader = apache_avro::reader::datum::GenericDatumReader::builder(&schema).build()?;
    let decode = || reader.read_value(&mut &*bytes);
    let value = decode()?;
    let writer = apache_avro::writer::datum::GenericDatumWriter::builder(&schema).build()?;
    let mut out = Vec::with_capacity(1_024);
    writer.write_value_ref(&mut out, &value)?;
    ensure!(out == bytes, "apache-avro writes another record");
    let encode = || {
        out.clear();
        black_box(writer.write_value_ref(&mut out, black_box(&value)).is_ok());
    };
    line("encode, apache-avro 0.22", clock(encode));
    line("decode, apache-avro 0.22", clock(|| drop(black_box(decode()))));
    Ok(())
}

pub(super) fn fastavro(python: &Path, schema: &str, bytes: &[u8]) -> Result<()> {
    const SCRIPT: &str = "import fastavro, io, json, sys, timeit
schema = fastavro.parse_schema(json.loads(sys.argv[1]))
data = bytes.fromhex(sys.argv[2])
record = fastavro.schemaless_reader(io.BytesIO(data), schema)
def encode():
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema, record)
def decode():
    fastavro.schemaless_reader(io.BytesIO(data), schema)
for name, work in (('encode', encode), ('decode', decode)):
    best = min(timeit.repeat(work, number=20000, repeat=5)) / 20000 * 1e9
    print(f'{name + \", fastavro \" + fastavro.__version__:<44} {best:>8.1f}')
";
    tell("fastavro", Command::new(python).args(["-c", SCRIPT, schema, &hex(bytes)]))
}

/// Apache Avro in Java, warm: generic records, with encoder, decoder and record used again.
pub(super) fn java(jar: &Path, schema: &str, bytes: &[u8]) -> Result<()> {
    const PROGRAM: &str = r#"
import java.io.ByteArrayOutputStream;
import java.util.HexFormat;
import org.apache.avro.Schema;
import org.apache.avro.generic.*;
import org.apache.avro.io.*;
public class Clock {
    interface Work { void run() throws Exception; }
    static void line(String what, Work work) throws Exception {
        double best = 1e18;
        for (int round = 0; round < 9; round++) {
            long begin = System.nanoTime();
            for (int i = 0; i < 300_000; i++) work.run();
            best = Math.min(best, (System.nanoTime() - begin) / 300_000.0);
        }
        System.out.printf(java.util.Locale.ROOT, "%-44s %8.1f%n", what + ", Apache Avro in Java 1.12.1", best);
    }
    public static void main(String[] args) throws Exception {
        Schema schema = new Schema.Parser().parse(args[0]);
        byte[] data = HexFormat.of().parseHex(args[1]);
        var reader = new GenericDatumReader<GenericRecord>(schema);
        var writer = new GenericDatumWriter<GenericRecord>(schema);
        var record = reader.read(null, DecoderFactory.get().binaryDecoder(data, null));
        var out = new ByteArrayOutputStream(1024);
        var encoder = new BinaryEncoder[1];
        var decoder = new BinaryDecoder[1];
        var last = new GenericRecord[] { null };
        line("encode", () -> {
            out.reset();
            encoder[0] = EncoderFactory.get().directBinaryEncoder(out, encoder[0]);
            writer.write(record, encoder[0]);
        });
        line("decode", () -> {
            decoder[0] = DecoderFactory.get().binaryDecoder(data, decoder[0]);
            last[0] = reader.read(last[0], decoder[0]);
        });
    }
}
"#;
    let file = std::env::temp_dir().join(format!("milena-bench-{}", std::process::id())).join("Clock.java");
    let dir = file.parent().context("it lies in a directory")?;
    fs::create_dir_all(dir)?;
    fs::write(&file, PROGRAM)?;
    let told = tell("java", Command::new("java").arg("-cp").arg(jar).arg(&file).args([schema, &hex(bytes)]));
    fs::remove_dir_all(dir)?;
    told
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn tell(name: &str, command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("cannot start {name}"))?;
    ensure!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    print!("{}", String::from_utf8_lossy(&output.stdout));
    Ok(())
}
