//! A machine that commands are run on: this one, or one that ssh reaches. Sends files into a directory of its own, and becomes
//! root by sudo, whose question is known by a word that nobody else prints.

use std::{
    ffi::OsString,
    fs::File,
    io::{Read, Write},
    process::{Command, Stdio},
};

use super::{
    plan::Plan,
    ssh::Ssh,
    terminal::{self, Heard, Terminal},
    unit::{self, Wanted},
};
use crate::{
    ask::Secrets,
    failure::{Failure, Kind},
};

/// What is taken of a command's words.
const MOST: u64 = 1 << 20;

pub(super) struct Machine {
    name: String,
    ssh: Option<Ssh>,
}

/// What a command printed, and whether it ended well.
pub(super) struct Said {
    pub(super) text: String,
    pub(super) good: bool,
}

impl Machine {
    pub(super) fn here() -> Self {
        Self { name: "this machine".into(), ssh: None }
    }

    pub(super) fn far(target: &str, options: &[String], secrets: &mut Secrets) -> Result<Self, Failure> {
        Ok(Self { name: target.into(), ssh: Some(Ssh::connect(target, options, secrets)?) })
    }

    fn command(&self, line: &str) -> Command {
        let words = match &self.ssh {
            Some(ssh) => ssh.words(line, false),
            None => ["sh".into(), "-c".into(), line.into()].to_vec(),
        };
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
        command
    }

    /// Runs a line of shell as whoever logged in, with something on its stdin.
    pub(super) fn said(&self, line: &str, input: Option<&[u8]>) -> Result<Said, Failure> {
        let mut input = input.unwrap_or_default();
        self.fed(line, &mut input)
    }

    fn fed(&self, line: &str, input: &mut (dyn Read + Send)) -> Result<Said, Failure> {
        let failed = |e: std::io::Error| Failure::new(Kind::Failed, format!("nothing can be run on {}", self.name)).why(e);
        let mut command = self.command(line);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(failed)?;
        let (stdin, out, error) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (out, error) = std::thread::scope(|scope| {
            let error = scope.spawn(move || capped(error));
            // Whoever does not read to the end says why in its words.
            scope.spawn(move || stdin.map(|mut stdin| std::io::copy(input, &mut stdin).and_then(|_| stdin.flush())));
            (capped(out), error.join().unwrap_or_default())
        });
        let good = child.wait().map_err(failed)?.success();
        Ok(Said { text: if good { out } else { format!("{out}{error}") }, good })
    }

    /// Does the steps of a plan as root, all of them or none. Gives what was done, in words.
    pub(super) fn carry_out(&self, plan: &Plan, wanted: &Wanted, secrets: &mut Secrets) -> Result<Vec<String>, Failure> {
        let here = self.directory()?;
        let outcome = self.sent(plan, wanted, &here).and_then(|()| self.as_root(plan, &here, secrets));
        // What root has put there is root's, but the directory is ours.
        let _ = self.said(&format!("rm -rf {here}"), None);
        outcome
    }

    /// A new directory over there for what is sent.
    fn directory(&self) -> Result<String, Failure> {
        let made = self.said("exec sh -c 'umask 077; mktemp -d \"${TMPDIR:-/tmp}/milena-install.XXXXXX\"'", None)?;
        let path = made.text.lines().next_back().unwrap_or_default().trim().to_string();
        let plain = path.starts_with('/') && path.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
        match made.good && plain {
            true => Ok(path),
            false => Err(Failure::new(Kind::Failed, format!("no directory can be made on {}", self.name)).why(made.text)),
        }
    }

    fn sent(&self, plan: &Plan, wanted: &Wanted, here: &str) -> Result<(), Failure> {
        self.send(&format!("{here}/run"), &mut plan.script(here).as_bytes())?;
        self.send(&format!("{here}/unit"), &mut unit::unit(wanted).as_bytes())?;
        if !plan.sends {
            return Ok(());
        }
        let mut file = File::open(&wanted.binary)
            .map_err(|e| Failure::new(Kind::Failed, format!("the program {} cannot be read", wanted.binary.display())).why(e))?;
        self.send(&format!("{here}/milena"), &mut file)?;
        let ran = self.said(&format!("chmod 755 {here}/milena && {here}/milena version"), None)?;
        if !ran.good || !ran.text.starts_with("milena ") {
            return Err(Failure::new(Kind::Failed, format!("the program does not run on {}", self.name))
                .why(ran.text)
                .fix("--binary FILE with a milena that was built for it, such as the static one of a release"));
        }
        Ok(())
    }

    fn send(&self, to: &str, from: &mut (dyn Read + Send)) -> Result<(), Failure> {
        let said = self.fed(&format!("cat > {to}"), from)?;
        match said.good {
            true => Ok(()),
            false => Err(Failure::new(Kind::Failed, format!("{to} cannot be written on {}", self.name)).why(said.text)),
        }
    }

    fn as_root(&self, plan: &Plan, here: &str, secrets: &mut Secrets) -> Result<Vec<String>, Failure> {
        let text = match plan.root {
            true => self.said(&format!("exec sh {here}/run 2>&1"), None)?.text,
            false => self.by_sudo(here, secrets)?,
        };
        judge(&text, &self.name)
    }

    /// On a terminal, since sudo may insist on one; the password goes there and nowhere else.
    fn by_sudo(&self, here: &str, secrets: &mut Secrets) -> Result<String, Failure> {
        let prompt = format!("milena-{}:", uuid::Uuid::new_v4().simple());
        let line = format!("exec env LC_ALL=C sudo -p {prompt} -- sh {here}/run");
        let words: Vec<OsString> = match &self.ssh {
            Some(ssh) => ssh.words(&line, true),
            None => ["sh".into(), "-c".into(), line.into()].to_vec(),
        };
        let mut terminal = Terminal::start(&words)?;
        let mut asked = 0;
        loop {
            match terminal.hear()? {
                Heard::Nothing => {}
                Heard::Ended(status) => {
                    let lines: Vec<&str> = terminal.lines().filter(|line| !line.contains(&prompt)).collect();
                    let ended = if status.success() { String::new() } else { format!("\n{}", terminal::ended(status)) };
                    return Ok(format!("{}{ended}", lines.join("\n")));
                }
                Heard::Question(question) if question.text.contains(&prompt) => {
                    if asked > 0 && !secrets.is_person() {
                        return Err(wrong_password(&self.name));
                    }
                    asked += 1;
                    let again = if asked > 1 { ", which was not right" } else { "" };
                    let secret = secrets.answer(&format!("password for sudo on {}{again}: ", self.name))?;
                    terminal.type_line(secret.expose())?;
                }
                Heard::Question(question) if !secrets.is_person() => {
                    return Err(Failure::new(
                        Kind::NotAllowed,
                        format!("sudo on {} asks what only a person can answer", self.name),
                    )
                    .why(question.text));
                }
                Heard::Question(question) => {
                    // A second factor perhaps; whatever it is, it is hidden.
                    let secret = secrets.answer(&format!("{} ", question.text.trim()))?;
                    terminal.type_line(secret.expose())?;
                }
            }
        }
    }
}

fn capped(from: Option<impl Read>) -> String {
    let mut bytes = Vec::new();
    if let Some(from) = from {
        // What is more than anybody reads is left unread; the pipe closes.
        let _ = from.take(MOST).read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn wrong_password(name: &str) -> Failure {
    Failure::new(Kind::NotAllowed, format!("sudo on {name} does not take the password")).hint("nothing was changed there")
}

/// What the script of a plan, or sudo instead of it, said.
fn judge(text: &str, name: &str) -> Result<Vec<String>, Failure> {
    let mut did = Vec::new();
    let mut other = Vec::new();
    let (mut began, mut failed, mut all) = (false, None, false);
    for line in text.lines().map(|line| line.trim_matches(['\r', ' '])).filter(|line| !line.is_empty()) {
        match line.split_once(": ") {
            Some(("did", words)) => did.push(words.to_string()),
            Some(("failed", words)) => failed = Some(words.to_string()),
            Some(("began", "root")) => began = true,
            Some(("all", "done")) => all = true,
            _ => other.push(line),
        }
    }
    if all {
        return Ok(did);
    }
    let why = other.join("\n");
    if began {
        let at = failed
            .map_or_else(|| "the connection was lost".to_string(), |step| format!("it failed where it should have \"{step}\""));
        return Err(Failure::new(Kind::Failed, format!("{name}: {at}; what was done before was taken back")).why(why));
    }
    let has = |words: &str| why.contains(words);
    if has("not in the sudoers") || has("not allowed to execute") || has("may not run sudo") {
        return Err(Failure::new(Kind::NotAllowed, format!("you have no rights to use sudo on {name}"))
            .why(other.last().unwrap_or(&""))
            .hint("nothing was changed there"));
    }
    if has("Sorry, try again") || has("incorrect password") || has("no password was provided") {
        return Err(wrong_password(name));
    }
    Err(Failure::new(Kind::Failed, format!("sudo on {name} did not do it")).why(why).hint("nothing was changed there"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_of_it_is_told_apart() {
        assert_eq!(judge("began: root\r\ndid: made the user milena\r\nall: done\r\n", "h").unwrap(), ["made the user milena"]);
        let failed = judge("began: root\ndid: x\ncp: No space left on device\nfailed: put the program\n", "h").unwrap_err();
        assert!(failed.to_string().contains("No space left") && failed.what().contains("taken back"), "{failed}");
        let cut = judge("began: root\ndid: x\n", "h").unwrap_err();
        assert!(cut.what().contains("connection was lost"), "{cut}");
        let rights = judge("jane is not in the sudoers file.\nit ended with exit code 1\n", "h").unwrap_err();
        assert_eq!(rights.kind(), Kind::NotAllowed);
        assert!(judge("Sorry, try again.\nsudo: 3 incorrect password attempts", "h").unwrap_err().what().contains("password"));
    }
}
