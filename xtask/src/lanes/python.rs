//! kafka-python's own integration tests, and programs on confluent-kafka (librdkafka) and aiokafka.

use std::{path::Path, process::Command};

use anyhow::{Context, Result, bail};

use super::{
    distance::Distance,
    expected::{self, Results},
    server,
};
use crate::{
    lane::{Ground, room, venv},
    run,
};

const KAFKA_PYTHON: &str = "3.0.12";
/// What our own programs stand on.
pub(super) const PROGRAMS: &[&str] = &["confluent-kafka==2.16.1", "aiokafka==0.14.0", "cramjam==2.11.0"];

/// kafka-python's integration tests, from its source distribution, against an external broker as they allow.
pub(crate) fn kafka_python(ground: &Ground) -> Result<String> {
    let pins = [
        "pytest==9.2.0",
        "pytest-timeout==2.4.0",
        "lz4==4.4.5",
        "python-snappy==0.7.3",
        "zstandard==0.25.0",
        "crc32c==2.9.post0",
        "setuptools==80.9.0",
    ];
    let venv = venv(ground, "kafka-python", &pins)?;
    let source = source(ground, &venv)?;
    let extra = ["--set", "node.id=0", "--set", "num.partitions=4", "--set", "group.min.session.timeout.ms=1000"];
    let distance = Distance::open()?;
    let address = distance.address()?.to_string();
    let server = server::fresh(ground, "kafka-python", &[&extra[..], &["--advertise", &address]].concat())?;
    distance.lead_to(server.kafka.parse()?);
    let file = ground.root.join("conformance/python/kafka_python.txt");
    let mut command = Command::new(venv.join("bin/python"));
    command.args(["-m", "pytest", "-q", "--tb=short", "--timeout", "60", "-rA", "-p", "no:cacheprovider", "test/integration"]);
    for skip in expected::skips(&file)? {
        command.args(["--deselect", &skip]);
    }
    command.current_dir(&source).env("PYTHONPATH", &source).env("KAFKA_VERSION", "4.3.1").env("KAFKA_ROOT", &source);
    let output = command.env("KAFKA_URI", format!("plaintext://{address}")).output().context("cannot start pytest")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let results = pytest(&text);
    if results.values().any(|passed| !passed) || results.is_empty() {
        println!("{text}");
    }
    expected::judge(&file, &results)
}

/// Unpacks the source distribution. Its tests import a module that the distribution leaves out: ours stands in for its two names.
fn source(ground: &Ground, venv: &Path) -> Result<std::path::PathBuf> {
    let room = room(ground, "kafka-python")?;
    let source = room.join(format!("kafka_python-{KAFKA_PYTHON}"));
    if !source.exists() {
        let pin = format!("kafka-python=={KAFKA_PYTHON}");
        let pip = ["download", "--quiet", "--no-deps", "--no-build-isolation", "--no-binary", ":all:", &pin, "-d", "."];
        run::quiet(Command::new(venv.join("bin/pip")).args(pip).current_dir(&room))?;
        run::quiet(Command::new("tar").arg("xzf").arg(format!("kafka_python-{KAFKA_PYTHON}.tar.gz")).current_dir(&room))?;
    }
    std::fs::write(source.join("test/__init__.py"), "")?;
    std::fs::copy(ground.root.join("conformance/python/service.py"), source.join("test/service.py"))?;
    Ok(source)
}

/// `PASSED path::name`, `FAILED path::name - why`, `ERROR path::name`.
fn pytest(text: &str) -> Results {
    let mut results = Results::new();
    for line in text.lines() {
        let mut words = line.splitn(2, ' ');
        let (word, Some(rest)) = (words.next().unwrap_or_default(), words.next()) else { continue };
        let name = rest.split(" - ").next().unwrap_or(rest).trim().to_string();
        match word {
            "PASSED" => results.insert(name, true),
            "FAILED" | "ERROR" if name.contains("::") => results.insert(name, false),
            _ => None,
        };
    }
    results
}

/// Our programs on librdkafka's Python binding and on aiokafka.
pub(crate) fn programs(ground: &Ground) -> Result<String> {
    let venv = venv(ground, "python", PROGRAMS)?;
    let server = server::fresh(ground, "python", &[])?;
    let mut lines = Vec::new();
    for program in ["librdkafka.py", "aio.py"] {
        let path = ground.root.join("conformance/python").join(program);
        let text = run::quiet(Command::new(venv.join("bin/python")).arg(path).arg(&server.kafka))?;
        print!("{text}");
        lines.push(text.lines().last().unwrap_or_default().to_string());
    }
    if lines.iter().any(|l| !l.ends_with(" 0 failed")) {
        bail!("{}", lines.join("; "));
    }
    Ok(lines.join("; "))
}
