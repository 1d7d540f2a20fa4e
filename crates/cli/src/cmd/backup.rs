//! `milena backup` and `milena restore`: the files of a stopped server, copied with a checksum each, and put back only when
//! every one of them holds. Neither ever writes over anything.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::data;
use crate::{
    failure::{Failure, Kind},
    told::Told,
    when,
};

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// The directory that `serve --data` was given; its server must be stopped
    dir: PathBuf,
    /// The directory to be made; it must not be there
    to: PathBuf,
    /// Also when data check finds damage, which is copied as it is
    #[arg(long)]
    even_damaged: bool,
    #[command(flatten)]
    told: Told,
}

#[derive(Args, Debug)]
pub(crate) struct RestoreOptions {
    /// What `milena backup` made
    from: PathBuf,
    /// The data directory to be made; it must not be there
    dir: PathBuf,
    #[command(flatten)]
    told: Told,
}

/// The list of a backup's files. Its form is the backup's.
#[derive(Serialize, Deserialize)]
struct List {
    format: u32,
    version: String,
    made_at: String,
    source: String,
    files: Vec<Listed>,
}

#[derive(Serialize, Deserialize)]
struct Listed {
    name: String,
    bytes: u64,
    sha256: String,
}

const FORMAT: u32 = 1;
const LIST: &str = "milena-backup.json";
/// Where the files lie in a backup.
const DATA: &str = "data";
/// Files of a data directory that hold nothing.
const EMPTY: [&str; 3] = ["LOCK", "reserve", "manifest.new"];
const BLOCK: usize = 1 << 20;
/// A list has a hundred bytes a file, and a directory some thousands of files.
const MOST_LIST: u64 = 64 << 20;

pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    absent(&options.to)?;
    let checked = data::look(&options.dir)?;
    if !checked.is_sound() && !options.even_damaged {
        return Err(Failure::new(Kind::No, format!("{} is damaged, so nothing was copied", options.dir.display()))
            .why(format!("milena data check {}   shows what, and what to do", options.dir.display()))
            .fix("milena backup --even-damaged …   copies it as it is"));
    }
    let (_disk, _lock) = data::hold(&options.dir)?;
    let names = files(&options.dir).map_err(|e| cannot("read", &options.dir, &e))?;
    let work = Work::begin(&options.to)?;
    let target = work.path().join(DATA);
    fs::create_dir(&target).map_err(|e| cannot("make", &target, &e))?;
    let mut list = List {
        format: FORMAT,
        version: env!("CARGO_PKG_VERSION").into(),
        made_at: when::rfc3339(when::now(), false).unwrap_or_default(),
        source: std::path::absolute(&options.dir).unwrap_or_else(|_| options.dir.clone()).display().to_string(),
        files: Vec::new(),
    };
    for name in names {
        let (bytes, sha256) = copy(&options.dir.join(&name), &target.join(&name))?;
        list.files.push(Listed { name, bytes, sha256 });
    }
    let text = serde_json::to_string_pretty(&list).unwrap_or_default();
    write_durably(&work.path().join(LIST), text.as_bytes())?;
    sync_dir(&target)?;
    verify(&list, &target)?;
    work.finish(&options.to)?;
    let (dir, to) = (options.dir.display().to_string(), options.to.display().to_string());
    let words = format!("{dir} → {to}   {} files, {} bytes, every byte read back and verified", list.files.len(), list.bytes());
    let facts = json!({
        "from": dir, "to": to, "files": list.files.len(), "bytes": list.bytes(), "made_at": list.made_at,
        "sound": checked.is_sound(),
    });
    options.told.tell(facts, words)
}

pub(crate) fn restore(options: &RestoreOptions) -> Result<(), Failure> {
    absent(&options.dir)?;
    let list = read_list(&options.from)?;
    let source = options.from.join(DATA);
    verify(&list, &source)?;
    let work = Work::begin(&options.dir)?;
    for Listed { name, sha256, .. } in &list.files {
        let (_, copied) = copy(&source.join(name), &work.path().join(name))?;
        if copied != *sha256 {
            return Err(Failure::new(Kind::Failed, format!("{} changed while it was read", source.join(name).display())));
        }
    }
    sync_dir(work.path())?;
    verify(&list, work.path())?;
    let checked = data::look(work.path())?;
    work.finish(&options.dir)?;
    let (from, dir) = (options.from.display().to_string(), options.dir.display().to_string());
    let state = match checked.is_sound() {
        true => format!("nothing is damaged: {}", checked.summary()),
        false => format!("it was backed up with damage, and has it still: milena data check {dir}"),
    };
    let made_at = &list.made_at;
    let words = format!("{from} → {dir}   {} files, {} bytes, made at {made_at}\n{state}", list.files.len(), list.bytes());
    let facts = json!({
        "from": from, "to": dir, "files": list.files.len(), "bytes": list.bytes(), "made_at": made_at,
        "sound": checked.is_sound(),
    });
    options.told.tell(facts, words)
}

impl List {
    fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

fn absent(path: &Path) -> Result<(), Failure> {
    match fs::symlink_metadata(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(cannot("look at", path, &e)),
        Ok(_) => Err(Failure::new(Kind::Exists, format!("{} is there already", path.display()))
            .why("nothing is ever written over")
            .fix("name a directory that is not there yet")),
    }
}

/// A directory under a name of its own, which becomes the wanted one at the end, or goes.
struct Work {
    path: PathBuf,
    done: bool,
}

impl Work {
    fn begin(wanted: &Path) -> Result<Self, Failure> {
        let name = wanted.file_name().ok_or_else(|| Failure::usage(format!("{} is no name of a directory", wanted.display())))?;
        let path = wanted.with_file_name(format!(".{}.{}.partial", name.to_string_lossy(), std::process::id()));
        let parent = parent(wanted);
        fs::create_dir_all(&parent).map_err(|e| cannot("make", &parent, &e))?;
        fs::create_dir(&path).map_err(|e| cannot("make", &path, &e))?;
        Ok(Self { path, done: false })
    }

    fn path(&self) -> &Path {
        &self.path
    }

    fn finish(mut self, wanted: &Path) -> Result<(), Failure> {
        sync_dir(&self.path)?;
        // A rename takes the place of an empty directory without a word; whoever made one meanwhile is told.
        absent(wanted)?;
        fs::rename(&self.path, wanted).map_err(|e| cannot("make", wanted, &e))?;
        self.done = true;
        sync_dir(&parent(wanted))
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        if !self.done {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

fn parent(path: &Path) -> PathBuf {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")).into()
}

/// Names of the files that hold something, in order.
fn files(dir: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type()?.is_file() && !EMPTY.contains(&name.as_str()) {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Copies a file durably; answers its length and checksum.
fn copy(from: &Path, to: &Path) -> Result<(u64, String), Failure> {
    let mut source = File::open(from).map_err(|e| cannot("read", from, &e))?;
    let mut target = File::create_new(to).map_err(|e| cannot("write", to, &e))?;
    let result = pass(&mut source, |block| target.write_all(block).map_err(|e| cannot("write", to, &e)), from)?;
    target.sync_all().map_err(|e| cannot("write", to, &e))?;
    Ok(result)
}

/// Reads to the end; answers length and checksum.
fn pass(source: &mut File, mut see: impl FnMut(&[u8]) -> Result<(), Failure>, path: &Path) -> Result<(u64, String), Failure> {
    let (mut hasher, mut len, mut block) = (Sha256::new(), 0, vec![0; BLOCK]);
    loop {
        let n = source.read(&mut block).map_err(|e| cannot("read", path, &e))?;
        if n == 0 {
            let hex = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
            return Ok((len, hex));
        }
        see(&block[..n])?;
        hasher.update(&block[..n]);
        len += n as u64;
    }
}

fn read_list(from: &Path) -> Result<List, Failure> {
    let path = from.join(LIST);
    let wrong =
        |why: String| Failure::new(Kind::Failed, format!("{} is no backup that can be restored", from.display())).why(why);
    let file = File::open(&path).map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => wrong(format!("there is no {LIST} in it")),
        _ => cannot("read", &path, &e),
    })?;
    let mut text = String::new();
    file.take(MOST_LIST).read_to_string(&mut text).map_err(|e| cannot("read", &path, &e))?;
    let list: List = serde_json::from_str(&text).map_err(|e| wrong(format!("{LIST} is not what was written: {e}")))?;
    if list.format > FORMAT {
        return Err(wrong(format!("it is of format {}, and this release knows {FORMAT}", list.format)));
    }
    // Names from outside: one of them must not lead out of the directory.
    let plain = |name: &str| !name.is_empty() && !name.contains(['/', '\0']) && name != "." && name != "..";
    match list.files.iter().find(|file| !plain(&file.name)) {
        Some(file) => Err(wrong(format!("{:?} is no name of a file", file.name))),
        None => Ok(list),
    }
}

/// Compares every byte with the list, and the list with what is there.
fn verify(list: &List, dir: &Path) -> Result<(), Failure> {
    for Listed { name, bytes, sha256 } in &list.files {
        let path = dir.join(name);
        let broken = |why: &str| {
            Failure::new(Kind::No, format!("{} is not what was backed up", path.display())).why(why).fix("use another backup")
        };
        let mut file = File::open(&path).map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => broken("the file is missing"),
            _ => cannot("read", &path, &e),
        })?;
        let (len, found) = pass(&mut file, |_| Ok(()), &path)?;
        if len != *bytes {
            return Err(broken(&format!("it has {len} bytes, and had {bytes}")));
        }
        if found != *sha256 {
            return Err(broken("its checksum is another"));
        }
    }
    Ok(())
}

fn write_durably(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let write = || -> io::Result<()> {
        let mut file = File::create_new(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(|e| cannot("write", path, &e))
}

fn sync_dir(path: &Path) -> Result<(), Failure> {
    File::open(path).and_then(|dir| dir.sync_all()).map_err(|e| cannot("sync", path, &e))
}

fn cannot(what: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::new(Kind::Failed, format!("cannot {what} {}", path.display())).why(error)
}
