//! Gathers, while the binary is built, the notices of everything that is linked into it: what `milena version --licences` prints.
//! Made from the lock file at each build, so that it cannot be out of date.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

fn main() {
    println!("cargo:rerun-if-changed=../../Cargo.lock");
    println!("cargo:rerun-if-changed=build.rs");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo names a directory for what is built")).join("notices.txt");
    // A build without cargo beside it, or without its sources, is a build all the same, and says so when asked.
    let text = gathered().unwrap_or_else(|why| {
        println!("cargo:warning=the notices of dependencies could not be gathered: {why}");
        format!("The notices of what this program is made of could not be gathered when it was built: {why}\n")
    });
    fs::write(out, text).expect("the build directory can be written");
}

fn gathered() -> Result<String, String> {
    // A build fetches only what it links, and the graph is that of the whole house: what is missing may be fetched for it.
    let metadata = metadata(&["--offline"]).or_else(|_| metadata(&[]))?;
    let packages: BTreeMap<&str, &Value> =
        list(&metadata["packages"]).iter().filter_map(|p| Some((p["id"].as_str()?, p))).collect();
    let nodes: BTreeMap<&str, &Value> =
        list(&metadata["resolve"]["nodes"]).iter().filter_map(|n| Some((n["id"].as_str()?, n))).collect();
    let own = packages.iter().find(|(_, p)| p["name"] == "milena").map(|(id, _)| *id).ok_or("there is no package milena")?;
    let mut linked = BTreeSet::new();
    follow(own, &nodes, &mut linked);
    let mut guests: Vec<&Value> =
        linked.iter().filter_map(|id| packages.get(id)).copied().filter(|p| !p["source"].is_null()).collect();
    guests.sort_by_key(|p| (p["name"].to_string(), p["version"].to_string()));
    Ok(written(&guests))
}

fn metadata(more: &[&str]) -> Result<Value, String> {
    let target = env::var("TARGET").map_err(|e| e.to_string())?;
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked", "--filter-platform", &target])
        .args(more)
        .output()
        .map_err(|e| e.to_string())?;
    match output.status.success() {
        true => serde_json::from_slice(&output.stdout).map_err(|e| e.to_string()),
        false => Err(String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or("cargo metadata failed").to_string()),
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// What a package is linked with: its normal dependencies, and theirs.
fn follow<'a>(id: &'a str, nodes: &BTreeMap<&'a str, &'a Value>, seen: &mut BTreeSet<&'a str>) {
    let Some(node) = nodes.get(id).filter(|_| seen.insert(id)) else { return };
    for dependency in list(&node["deps"]) {
        let normal = list(&dependency["dep_kinds"]).iter().any(|kind| kind["kind"].is_null());
        if let Some(id) = dependency["pkg"].as_str().filter(|_| normal) {
            follow(id, nodes, seen);
        }
    }
}

/// Each guest with its licence, then every text once, with those that it came with.
fn written(guests: &[&Value]) -> String {
    let mut out = String::from(
        "Milena is Apache-2.0. It carries the work of others: each is listed with its licence, and below the texts that came with them.\n\n",
    );
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for guest in guests {
        let word = |name: &str| guest[name].as_str().unwrap_or_default();
        let name = format!("{} {}", word("name"), word("version"));
        let authors: Vec<&str> = list(&guest["authors"]).iter().filter_map(Value::as_str).collect();
        let by = if authors.is_empty() { String::new() } else { format!("   by {}", authors.join(", ")) };
        // As SPDX writes it today; a slash is how it was written once.
        let licence = guest["license"].as_str().unwrap_or("NOASSERTION").replace('/', " OR ");
        out += &format!("{name}   {licence}{by}\n");
        for text in notices(Path::new(word("manifest_path"))) {
            texts.entry(text).or_default().push(name.clone());
        }
    }
    for (text, of) in &texts {
        out += &format!("\n{}\n{}\n\n{text}\n", "=".repeat(80), of.join(", "));
    }
    out
}

/// The files of a package that its licence asks to be passed on.
fn notices(manifest: &Path) -> Vec<String> {
    const WORDS: [&str; 6] = ["LICENSE", "LICENCE", "COPYING", "NOTICE", "COPYRIGHT", "UNLICENSE"];
    let entries = manifest.parent().and_then(|dir| fs::read_dir(dir).ok());
    let mut paths: Vec<PathBuf> = entries.into_iter().flatten().filter_map(|e| Some(e.ok()?.path())).collect();
    paths.sort();
    let is_one = |path: &&PathBuf| {
        let name = path.file_name().map(|n| n.to_string_lossy().to_uppercase()).unwrap_or_default();
        path.is_file() && WORDS.iter().any(|word| name.starts_with(word))
    };
    let read = |path: &PathBuf| fs::read(path).ok().map(|b| String::from_utf8_lossy(&b).replace("\r\n", "\n").trim().to_string());
    paths.iter().filter(is_one).filter_map(read).collect()
}
