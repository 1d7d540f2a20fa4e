//! Asking a person, and keeping what must not be seen: questions go to the terminal, never to stdin or stdout, and a secret has
//! no way to be printed.

use std::{
    fmt,
    fs::{File, OpenOptions},
    io::{BufRead, BufReader, Read, Write},
    path::Path,
};

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

use crate::failure::{Failure, Kind};

/// Longest password that is taken from a file or a person.
const LONGEST: u64 = 4096;

/// A password.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

impl Secret {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
    /// For whoever must send it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// Where passwords come from: a file's first line, or a person who is asked.
pub(crate) enum Secrets {
    File(Secret),
    Person,
}

impl Secrets {
    pub(crate) fn of_file(file: &Path) -> Result<Self, Failure> {
        Ok(Self::File(first_line(file)?))
    }

    pub(crate) fn of_person() -> Self {
        Self::Person
    }

    /// The answer to a question whose answer must not be seen.
    pub(crate) fn answer(&self, question: &str) -> Result<Secret, Failure> {
        match self {
            Self::File(secret) => Ok(secret.clone()),
            Self::Person => hidden(question),
        }
    }

    /// Whether asking once more can bring another answer.
    pub(crate) fn is_person(&self) -> bool {
        matches!(self, Self::Person)
    }
}

/// The first line of a file, without its end.
pub(crate) fn first_line(file: &Path) -> Result<Secret, Failure> {
    let failed = |why: String| Failure::new(Kind::Usage, format!("no password can be read from {}", file.display())).why(why);
    let open = File::open(file).map_err(|e| failed(e.to_string()))?;
    let mut line = String::new();
    BufReader::new(open.take(LONGEST)).read_line(&mut line).map_err(|e| failed(e.to_string()))?;
    let line = line.trim_end_matches(['\r', '\n']);
    match line.is_empty() {
        true => Err(failed("its first line is empty".into())),
        false => Ok(Secret::new(line)),
    }
}

fn terminal(question: &str) -> Result<File, Failure> {
    OpenOptions::new().read(true).write(true).open("/dev/tty").map_err(|_| {
        Failure::new(Kind::NotAllowed, format!("nobody is there to answer: {}", question.trim()))
            .why("there is no terminal to ask at")
            .fix("--password-file FILE")
    })
}

/// Asks at the terminal with what is typed not shown.
pub(crate) fn hidden(question: &str) -> Result<Secret, Failure> {
    let mut terminal = terminal(question)?;
    let before = tcgetattr(&terminal).map_err(std::io::Error::from)?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&terminal, OptionalActions::Flush, &silent).map_err(std::io::Error::from)?;
    let line = asked(&mut terminal, question);
    let restored = tcsetattr(&terminal, OptionalActions::Flush, &before).map_err(std::io::Error::from);
    writeln!(terminal)?;
    restored?;
    Ok(Secret(line?))
}

/// Asks with what is typed shown.
pub(crate) fn shown(question: &str) -> Result<String, Failure> {
    let mut terminal = terminal(question)?;
    asked(&mut terminal, question)
}

fn asked(terminal: &mut File, question: &str) -> Result<String, Failure> {
    write!(terminal, "{question}")?;
    terminal.flush()?;
    let mut line = String::new();
    BufReader::new(terminal.try_clone()?.take(LONGEST)).read_line(&mut line)?;
    match line.is_empty() {
        true => Err(Failure::interrupted()),
        false => Ok(line.trim_end_matches(['\r', '\n']).to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_the_first_line_and_does_not_print_itself() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("password");
        std::fs::write(&file, "a b \r\nnot this").unwrap();
        let secret = first_line(&file).unwrap();
        assert_eq!(secret.expose(), "a b ");
        assert!(!format!("{secret:?} {:?}", Some(&secret)).contains("a b"));
        std::fs::write(&file, "\nlater").unwrap();
        assert!(first_line(&file).is_err());
        assert!(first_line(&dir.path().join("absent")).is_err());
    }
}
