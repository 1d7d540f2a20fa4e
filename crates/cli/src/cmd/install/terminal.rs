//! A terminal of our own, for programs that insist on one: `ssh` and `sudo` ask their questions there, and get their answers.
//!
//! A child gets the terminal by way of this same binary (`milena on-terminal -- WORDS`, hidden), which takes it as its controlling
//! terminal and then becomes the program: that way no code runs between fork and exec.

use std::{
    ffi::{OsStr, OsString},
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    os::{
        fd::{AsFd, OwnedFd},
        unix::{
            ffi::OsStrExt,
            fs::OpenOptionsExt,
            process::{CommandExt, ExitStatusExt},
        },
    },
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::OFlags,
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{LocalModes, tcgetattr},
};

use crate::failure::{Failure, Kind};

/// What is kept of everything that was printed, for the reason of a failure.
const KEPT: usize = 64 << 10;
/// A program that prints no line's end and then nothing for so long has asked something.
const QUIET: Duration = Duration::from_millis(200);

/// A program on a terminal of its own.
pub(super) struct Terminal {
    master: File,
    child: Child,
    /// Everything that was printed, lately.
    printed: String,
    /// Up to where it was looked at for questions.
    looked: usize,
}

/// What a program waits for.
pub(super) struct Question {
    pub(super) text: String,
    /// Its answer is not shown.
    pub(super) hidden: bool,
}

/// What came of waiting for a moment.
pub(super) enum Heard {
    Nothing,
    Question(Question),
    Ended(ExitStatus),
}

impl Terminal {
    pub(super) fn start(words: &[OsString]) -> Result<Self, Failure> {
        let failed = |e: io::Error| Failure::new(Kind::Failed, "a terminal for ssh or sudo cannot be opened").why(e);
        let (master, near) = pair().map_err(failed)?;
        let near = || near.try_clone().map(Stdio::from);
        let child = Command::new(std::env::current_exe()?)
            .args([OsStr::new("on-terminal"), OsStr::new("--")])
            .args(words)
            .stdin(near().map_err(failed)?)
            .stdout(near().map_err(failed)?)
            .stderr(near().map_err(failed)?)
            .spawn()
            .map_err(failed)?;
        Ok(Self { master, child, printed: String::new(), looked: 0 })
    }

    /// Waits a moment for something to happen.
    pub(super) fn hear(&mut self) -> io::Result<Heard> {
        if self.fill(QUIET)? {
            return Ok(Heard::Nothing);
        }
        if let Some(status) = self.child.try_wait()? {
            while self.fill(Duration::ZERO)? {}
            return Ok(Heard::Ended(status));
        }
        let open = &self.printed[self.looked..];
        let last = open.rsplit('\n').next().unwrap_or_default();
        if last.trim().is_empty() {
            return Ok(Heard::Nothing);
        }
        let question = Question { text: last.trim_start_matches('\r').to_string(), hidden: self.is_silent() };
        self.looked = self.printed.len();
        Ok(Heard::Question(question))
    }

    /// Types a line.
    pub(super) fn type_line(&mut self, line: &str) -> io::Result<()> {
        self.master.write_all(line.as_bytes())?;
        self.master.write_all(b"\n")
    }

    /// What it printed, without carriage returns and empty lines.
    pub(super) fn lines(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.printed.lines().map(|line| line.trim_matches(['\r', ' ', '\t'])).filter(|line| !line.is_empty())
    }

    /// Reads what is there within a time; whether there was something.
    fn fill(&mut self, within: Duration) -> io::Result<bool> {
        let time = Timespec { tv_sec: 0, tv_nsec: within.as_nanos() as i64 };
        let begin = Instant::now();
        let ready = {
            let mut fds = [PollFd::new(&self.master, PollFlags::IN)];
            poll(&mut fds, Some(&time)).map_err(io::Error::from)?
        };
        if ready == 0 {
            return Ok(false);
        }
        let mut bytes = [0; 4096];
        match self.master.read(&mut bytes) {
            Ok(n) if n > 0 => {
                self.keep(&String::from_utf8_lossy(&bytes[..n]));
                Ok(true)
            }
            Err(e) if matches!(e.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) => Ok(false),
            // Nobody holds the other end: the program is about to be gone.
            _ => {
                std::thread::sleep(Duration::from_millis(20).saturating_sub(begin.elapsed()));
                Ok(false)
            }
        }
    }

    fn keep(&mut self, text: &str) {
        self.printed.push_str(text);
        if self.printed.len() > KEPT {
            let cut = self.printed.floor_char_boundary(self.printed.len() - KEPT / 2);
            self.printed.drain(..cut);
            self.looked = self.looked.saturating_sub(cut);
        }
    }

    /// Whether the program has switched off that what is typed is shown.
    fn is_silent(&self) -> bool {
        tcgetattr(self.master.as_fd()).is_ok_and(|modes| !modes.local_modes.contains(LocalModes::ECHO))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Both ends of a new terminal. Neither becomes ours.
fn pair() -> io::Result<(File, OwnedFd)> {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    grantpt(&master)?;
    unlockpt(&master)?;
    let name = ptsname(&master, Vec::new())?;
    let path = OsStr::from_bytes(name.to_bytes());
    let near = OpenOptions::new().read(true).write(true).custom_flags(OFlags::NOCTTY.bits().cast_signed()).open(path)?;
    Ok((File::from(master), near.into()))
}

/// The other half: in the child, stdin is the terminal. Does not come back.
pub(super) fn become_program(words: &[OsString]) -> Result<(), Failure> {
    let failed = |e: io::Error| Failure::new(Kind::Failed, "the terminal cannot be taken").why(e);
    rustix::process::setsid().map_err(|e| failed(e.into()))?;
    rustix::process::ioctl_tiocsctty(io::stdin()).map_err(|e| failed(e.into()))?;
    let (program, rest) = words.split_first().ok_or_else(|| Failure::usage("no program is named"))?;
    let error = Command::new(program).args(rest).exec();
    let hint = format!("is {} installed on this machine?", program.display());
    Err(Failure::new(Kind::Failed, format!("{} cannot be started", program.display())).why(error).hint(hint))
}

/// In words, how a program ended.
pub(super) fn ended(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("it ended with exit code {code}"),
        (None, Some(signal)) => format!("signal {signal} ended it"),
        (None, None) => "it ended".into(),
    }
}
