//! The system's ssh: one connection that asks its questions on a terminal of ours, and is then shared by every command. So the
//! user's own configuration, keys, agents, jump hosts and known hosts hold without a word about them here.

use std::{
    ffi::OsString,
    fs::{self, DirBuilder},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use super::terminal::{Heard, Question, Terminal};
use crate::{
    ask::{self, Secrets},
    failure::{Failure, Kind},
};

/// For everything up to the login, answers of people not counted.
const PATIENCE: Duration = Duration::from_secs(60);

/// An open connection.
pub(super) struct Ssh {
    target: String,
    options: Vec<OsString>,
    /// Where the others find it; in a directory of our own.
    socket: PathBuf,
    /// Holds the connection open.
    _terminal: Terminal,
}

impl Ssh {
    pub(super) fn connect(target: &str, options: &[String], secrets: &mut Secrets) -> Result<Self, Failure> {
        if target.starts_with('-') || target.contains(|c: char| c.is_whitespace() || c.is_control()) || target.is_empty() {
            return Err(Failure::usage(format!("{target:?} is not USER@HOST")));
        }
        let options: Vec<OsString> = options.iter().flat_map(|o| ["-o".into(), o.into()]).collect();
        let dir = private_directory()?;
        let socket = dir.join("c");
        let mut words: Vec<OsString> = ["ssh", "-M", "-N", "-S"].map(Into::into).to_vec();
        words.push(socket.clone().into());
        words.extend(options.iter().cloned());
        words.extend(
            ["-o", "ControlPersist=no", "-o", "ConnectTimeout=10", "-o", "ServerAliveInterval=15", "--"].map(OsString::from),
        );
        words.push(target.into());
        let opened = Terminal::start(&words).and_then(|mut terminal| {
            log_in(&mut terminal, &socket, target, secrets)?;
            Ok(terminal)
        });
        match opened {
            Ok(terminal) => Ok(Self { target: target.into(), options, socket, _terminal: terminal }),
            Err(failure) => {
                let _ = fs::remove_dir_all(&dir);
                Err(failure)
            }
        }
    }

    /// The words of a command over there, through the open connection and no other.
    pub(super) fn words(&self, remote: &str, with_terminal: bool) -> Vec<OsString> {
        let mut words: Vec<OsString> = ["ssh", "-S"].map(Into::into).to_vec();
        words.push(self.socket.clone().into());
        words.extend(self.options.iter().cloned());
        words.extend(["-o", "ControlMaster=no", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR"].map(OsString::from));
        let terminal = if with_terminal { "-tt" } else { "-T" };
        words.extend([terminal, "--", &self.target, remote].map(OsString::from));
        words
    }
}

impl Drop for Ssh {
    fn drop(&mut self) {
        let mut leave = Command::new("ssh");
        leave.arg("-S").arg(&self.socket).args(["-O", "exit", "--", &self.target]);
        let _ = leave.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        if let Some(dir) = self.socket.parent() {
            let _ = fs::remove_dir_all(dir);
        }
    }
}

/// A directory that nobody else may look into. The path of a socket is short, so it is not below a long `TMPDIR`.
fn private_directory() -> Result<PathBuf, Failure> {
    let id = uuid::Uuid::new_v4().simple().to_string();
    let dir = Path::new("/tmp").join(format!("milena-{}", &id[..12]));
    DirBuilder::new()
        .mode(0o700)
        .create(&dir)
        .map_err(|e| Failure::new(Kind::Failed, format!("the directory {} cannot be made", dir.display())).why(e))?;
    Ok(dir)
}

/// Relays ssh's questions until the connection stands. The socket appears when the login is done.
fn log_in(terminal: &mut Terminal, socket: &Path, target: &str, secrets: &mut Secrets) -> Result<(), Failure> {
    let (mut answered, mut begin) = (0, Instant::now());
    loop {
        if socket.exists() {
            return Ok(());
        }
        match terminal.hear()? {
            Heard::Nothing if begin.elapsed() > PATIENCE => {
                return Err(Failure::new(Kind::Unreachable, format!("{target}: no login within {PATIENCE:?}"))
                    .why(terminal.lines().next_back().unwrap_or("ssh said nothing")));
            }
            Heard::Nothing => {}
            Heard::Ended(status) => {
                let lines: Vec<&str> = terminal.lines().collect();
                return Err(refused(target, &lines, status.code()));
            }
            Heard::Question(question) => {
                let answer = answer(&question, target, terminal, secrets, answered)?;
                answered += usize::from(question.hidden);
                terminal.type_line(&answer)?;
                begin = Instant::now();
            }
        }
    }
}

fn answer(question: &Question, target: &str, terminal: &Terminal, secrets: &Secrets, answered: usize) -> Result<String, Failure> {
    if !question.hidden {
        // The host's key, in all the lines that ssh has printed about it.
        let before: Vec<&str> = terminal.lines().collect();
        if !secrets.is_person() && question.text.contains("yes/no") {
            return Err(unknown_host(target, &before));
        }
        return ask::shown(&format!("{}\n", before.join("\n")));
    }
    if answered > 0 && !secrets.is_person() {
        return Err(Failure::new(Kind::NotAllowed, format!("{target} does not take the password"))
            .why("ssh asked for it once more")
            .fix("look at the file that --password-file names, and at the user's name"));
    }
    Ok(secrets.answer(&question.text)?.expose().to_string())
}

fn unknown_host(target: &str, lines: &[&str]) -> Failure {
    let key = lines.iter().find(|l| l.contains("fingerprint")).copied().unwrap_or("ssh asks whether its key is the right one");
    Failure::new(Kind::NotAllowed, format!("the key of {target} is not known here, and nobody is there to look at it"))
        .why(key)
        .fix("ssh to it once by hand, or add its key to known_hosts")
}

/// Why ssh gave up, from its words.
fn refused(target: &str, lines: &[&str], code: Option<i32>) -> Failure {
    let has = |words: &str| lines.iter().find(|line| line.contains(words)).copied();
    let last = lines.last().copied().unwrap_or("ssh ended without a word");
    if let Some(line) = has("REMOTE HOST IDENTIFICATION HAS CHANGED").or(has("Host key verification failed")) {
        let fix = lines.iter().find(|l| l.contains("ssh-keygen")).map_or_else(
            || format!("if the machine is new: ssh-keygen -R {}", target.rsplit('@').next().unwrap_or(target)),
            |line| format!("if the machine is new: {line}"),
        );
        let why = if line.contains("CHANGED") {
            "it has another key than the one known here: another machine may answer"
        } else {
            line
        };
        return Failure::new(Kind::NotAllowed, format!("the key of {target} is not the right one, so nothing was sent"))
            .why(why)
            .fix(fix);
    }
    if let Some(line) = has("Permission denied").or(has("Too many authentication failures")) {
        return Failure::new(Kind::NotAllowed, format!("{target} does not let you in"))
            .why(line)
            .fix(format!("ssh {target}   (until that works, this cannot)"));
    }
    if let Some(line) = has("cannot be started") {
        return Failure::new(Kind::Failed, line.trim_start_matches("error: ").to_string()).fix("apt-get install openssh-client");
    }
    let kind = if code == Some(255) { Kind::Unreachable } else { Kind::Failed };
    Failure::new(kind, format!("{target} cannot be reached by ssh"))
        .why(last)
        .fix(format!("ssh {target}   (until that works, this cannot)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ssh_says_becomes_a_reason() {
        let kind = |lines: &[&str]| refused("u@h", lines, Some(255)).kind();
        assert_eq!(kind(&["ssh: connect to host h port 22: Connection refused"]), Kind::Unreachable);
        assert_eq!(kind(&["u@h: Permission denied (publickey,password)."]), Kind::NotAllowed);
        let changed = ["@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @", "Host key verification failed."];
        let failure = refused("u@h", &changed, Some(255)).to_string();
        assert!(failure.contains("another key") && failure.contains("ssh-keygen -R h"), "{failure}");
        assert!(Ssh::connect("-oProxyCommand=touch x", &[], &mut Secrets::of_person()).is_err());
    }
}
