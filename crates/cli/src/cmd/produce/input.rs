//! Where the values come from: arguments, lines of stdin or of files, whole files.

use std::{collections::VecDeque, io::IsTerminal, path::PathBuf, pin::Pin};

use bytes::Bytes;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, BufReader};

use super::{Options, random::Random};
use crate::failure::{Failure, Kind};

/// The largest line or file that is taken as one message.
const LARGEST: u64 = 64 << 20;

pub(super) struct Input {
    values: VecDeque<Bytes>,
    files: VecDeque<PathBuf>,
    open: Option<Open>,
    whole: bool,
    random: Option<Random>,
    /// Values handed out so far.
    pub(super) taken: u64,
}

struct Open {
    name: String,
    lines: u64,
    /// What of a message was read before the wait for the rest was broken off.
    partial: Vec<u8>,
    reader: Pin<Box<dyn AsyncBufRead>>,
}

impl Input {
    pub(super) fn new(options: &Options) -> Result<Self, Failure> {
        let mut input = Self {
            values: options.value.iter().map(|v| Bytes::from(v.clone())).collect(),
            files: options.file.iter().cloned().collect(),
            open: None,
            whole: options.whole,
            random: None,
            taken: 0,
        };
        if options.tombstone {
            input.values.push_back(Bytes::new());
        } else if input.values.is_empty() && input.files.is_empty() && options.random.is_none() {
            input.open = Some(Open {
                name: "stdin".into(),
                lines: 0,
                partial: Vec::new(),
                reader: Box::pin(BufReader::new(tokio::io::stdin())),
            });
            if input.is_person() {
                options.connect.say("one message a line; Ctrl-D ends");
            }
        }
        Ok(input)
    }

    /// Values that nobody wrote.
    pub(super) fn invent(&mut self, random: Random) {
        self.random = Some(random);
    }

    /// Whether somebody is typing.
    pub(super) fn is_person(&self) -> bool {
        self.open.is_some() && std::io::stdin().is_terminal()
    }

    /// Where the last value came from, for messages.
    pub(super) fn place(&self) -> String {
        self.open.as_ref().map_or_else(|| format!("value {}", self.taken), |open| format!("line {} of {}", open.lines, open.name))
    }

    /// May be dropped at any await: what was read of a message is kept for the next call.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        if let Some(value) = self.values.pop_front() {
            self.taken += 1;
            return Ok(Some(value));
        }
        if let Some(random) = &mut self.random {
            let value = random.next()?;
            self.taken += u64::from(value.is_some());
            return Ok(value);
        }
        loop {
            if self.open.is_none() && !self.open_next().await? {
                return Ok(None);
            }
            let whole = self.whole;
            let Some(open) = &mut self.open else { return Ok(None) };
            let value = if whole { open.rest().await? } else { open.line().await? };
            match value {
                Some(value) => {
                    self.taken += 1;
                    return Ok(Some(value));
                }
                None => self.open = None,
            }
        }
    }

    async fn open_next(&mut self) -> Result<bool, Failure> {
        let Some(path) = self.files.pop_front() else { return Ok(false) };
        let name = path.display().to_string();
        let file = tokio::fs::File::open(&path)
            .await
            .map_err(|e| Failure::new(Kind::NotFound, format!("{name} cannot be read")).why(e))?;
        self.open = Some(Open { name, lines: 0, partial: Vec::new(), reader: Box::pin(BufReader::with_capacity(1 << 18, file)) });
        Ok(true)
    }
}

impl Open {
    async fn line(&mut self) -> Result<Option<Bytes>, Failure> {
        let read = (&mut self.reader).take(LARGEST + 1).read_until(b'\n', &mut self.partial).await;
        self.check(read)?;
        let mut line = std::mem::take(&mut self.partial);
        if line.is_empty() {
            return Ok(None);
        }
        if line.last() == Some(&b'\n') {
            line.pop();
            if line.last() == Some(&b'\r') {
                line.pop();
            }
        }
        self.lines += 1;
        Ok(Some(line.into()))
    }

    /// Everything, once.
    async fn rest(&mut self) -> Result<Option<Bytes>, Failure> {
        if self.lines > 0 {
            return Ok(None);
        }
        let read = (&mut self.reader).take(LARGEST + 1).read_to_end(&mut self.partial).await;
        self.check(read)?;
        self.lines = 1;
        Ok(Some(std::mem::take(&mut self.partial).into()))
    }

    fn check(&self, read: std::io::Result<usize>) -> Result<(), Failure> {
        match read {
            Ok(_) if self.partial.len() as u64 <= LARGEST => Ok(()),
            Ok(_) => Err(Failure::new(Kind::Failed, format!("{} has a message of more than {} MiB", self.name, LARGEST >> 20))),
            Err(e) => Err(Failure::new(Kind::Failed, format!("{} cannot be read", self.name)).why(e)),
        }
    }
}
