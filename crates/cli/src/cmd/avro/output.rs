//! Where Avro goes to. A file takes its name only when all of it is written: what was there before outlives a failure.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Stdout, Write},
    path::{Path, PathBuf},
};

use milena_schema::avro::container;

use super::input;
use crate::failure::{Failure, Kind};

pub(in crate::cmd) enum Out {
    Stdout(BufWriter<Stdout>),
    /// Something that is no file, such as a pipe: it is written as it comes.
    Straight(BufWriter<File>),
    Beside(Beside),
}

/// A new file that will take the place of another, or of none.
pub(in crate::cmd) struct Beside {
    file: BufWriter<File>,
    new: PathBuf,
    target: PathBuf,
    kept: bool,
}

/// What is gathered before it is written. Whole blocks are larger, and go straight through.
const GATHER: usize = 32 << 10;

impl Out {
    /// `-` and nothing are stdout.
    pub(in crate::cmd) fn create(path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path.filter(|path| path.as_os_str() != "-") else { return Ok(Self::stdout()) };
        let failed = |error| Failure::new(Kind::Failed, format!("{} cannot be written", path.display())).why(error);
        let buffered = |file| BufWriter::with_capacity(GATHER, file);
        // A link is followed: it stays, and what it names is replaced.
        let target = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        let before = fs::metadata(&target).ok();
        if before.as_ref().is_some_and(|before| !before.is_file()) {
            return File::create(&target).map(|file| Self::Straight(buffered(file))).map_err(failed);
        }
        let name = target.file_name().ok_or_else(|| failed(io::ErrorKind::InvalidFilename.into()))?;
        let new = target.with_file_name(format!(".{}.{}.new", name.to_string_lossy(), std::process::id()));
        // A file that may not be written is not replaced either.
        if before.is_some() {
            File::options().append(true).open(&target).map_err(failed)?;
        }
        let file = File::create(&new).map_err(failed)?;
        if let Some(before) = before {
            file.set_permissions(before.permissions()).map_err(failed)?;
        }
        Ok(Self::Beside(Beside { file: buffered(file), new, target, kept: false }))
    }

    /// A file on a disk, which takes what it is given; a pipe may let its writer wait.
    pub(in crate::cmd) fn is_disk(&self) -> bool {
        matches!(self, Self::Beside(_))
    }

    pub(super) fn stdout() -> Self {
        Self::Stdout(BufWriter::with_capacity(GATHER, io::stdout()))
    }

    /// All of it is written: a file takes its name now.
    pub(in crate::cmd) fn keep(mut self) -> Result<(), Failure> {
        self.flush()?;
        if let Self::Beside(beside) = &mut self {
            fs::rename(&beside.new, &beside.target).map_err(|error| {
                Failure::new(Kind::Failed, format!("{} cannot be replaced", beside.target.display())).why(error)
            })?;
            beside.kept = true;
        }
        Ok(())
    }

    /// [`Self::keep`] of what a container's writer is done with.
    pub(in crate::cmd) fn keep_finished(finished: Result<Self, container::Error>) -> Result<(), Failure> {
        finished.map_err(input::unwritten)?.keep()
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(out) => out.write(bytes),
            Self::Straight(out) => out.write(bytes),
            Self::Beside(out) => out.file.write(bytes),
        }
    }
    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(out) => out.flush(),
            Self::Straight(out) => out.flush(),
            Self::Beside(out) => out.file.flush(),
        }
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        if !self.kept {
            let _ = fs::remove_file(&self.new);
        }
    }
}
