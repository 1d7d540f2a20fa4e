//! One message and one run of the command: its input, its environment, the lease that is renewed, and what its end means.

use std::{
    io::{Error, ErrorKind},
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use serde_json::{Value, json};
use tokio::{
    io::AsyncWriteExt,
    process::{Child, Command},
    sync::watch,
    time::Instant,
};

use super::{Options, Stage, until};
use crate::{
    cmd::{
        settle::{self, Verb},
        take::Message,
    },
    failure::{Failure, Kind},
    web::Web,
};

/// `EX_DATAERR` of `sysexits.h`: the input is wrong, and it would be wrong again.
const NEVER: i32 = 65;
/// A longer key would keep the command from being started: no system takes a variable of any length.
const KEY_MAX: usize = 64 << 10;
/// Time that a command has to end when it is told to.
const GRACE: Duration = Duration::from_secs(5);

/// What the end of a command means for its message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    Done,
    Never(String),
    NotNow(String),
    /// Somebody else has it now; there is nothing to say of it.
    Lost,
}

impl Verdict {
    fn of(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(0), _) => Self::Done,
            (Some(NEVER), _) => Self::Never(format!("exit code {NEVER}")),
            (Some(code), _) => Self::NotNow(format!("exit code {code}")),
            (None, Some(signal)) => Self::NotNow(format!("ended by signal {signal}")),
            (None, None) => Self::NotNow("ended without an exit code".to_owned()),
        }
    }

    /// For the next call, or a last one.
    pub(super) fn settling(&self, lease: &str, delay: Option<i64>) -> Option<Value> {
        match self {
            Self::Done => Some(json!({ "ack": [lease] })),
            Self::Never(why) => Some(json!({ "reject": [{ "lease": lease, "reason": why }] })),
            Self::NotNow(_) => Some(match delay {
                Some(ms) => json!({ "release": [{ "lease": lease, "delay_ms": ms }] }),
                None => json!({ "release": [lease] }),
            }),
            Self::Lost => None,
        }
    }
}

/// A command that cannot be started never runs, and no message is at fault for that.
pub(super) fn unstartable(program: &str, error: &Error) -> Failure {
    let kind = match error.kind() {
        ErrorKind::NotFound => Kind::NotFound,
        ErrorKind::PermissionDenied => Kind::NotAllowed,
        _ => Kind::Failed,
    };
    let hint = match error.kind() {
        ErrorKind::NotFound if program.contains('/') => {
            "look at its path, and at the first line of a script, which names what reads it"
        }
        ErrorKind::NotFound => "look at its name; without a / in it, it is looked for in PATH",
        ErrorKind::PermissionDenied => "chmod +x makes a file one that can be run",
        _ => "run it without milena first",
    };
    Failure::new(kind, format!("{program} cannot be started")).why(error).hint(hint)
}

/// Whether there is such a command, as the system will look for it. Asked before the first message is taken; what is wrong
/// inside of the file shows only when it is started.
pub(super) fn look_up(program: &str) -> Result<(), Failure> {
    let runs = |path: &Path| match path.metadata() {
        Ok(found) if found.is_file() => Ok(rustix::fs::access(path, rustix::fs::Access::EXEC_OK)?),
        Ok(_) => Err(ErrorKind::PermissionDenied.into()),
        Err(error) => Err(error),
    };
    let found = if program.contains('/') {
        runs(Path::new(program))
    } else {
        let path = std::env::var_os("PATH").unwrap_or_else(|| "/bin:/usr/bin".into());
        let mut outcome = Err(Error::from(ErrorKind::NotFound));
        for place in std::env::split_paths(&path) {
            match runs(&place.join(program)) {
                Ok(()) => return Ok(()),
                Err(error) if error.kind() == ErrorKind::PermissionDenied => outcome = Err(error),
                Err(_) => {}
            }
        }
        outcome
    };
    found.map_err(|error| unstartable(program, &error))
}

/// Runs the command to its end. Answers the lease as it is then, and what became of the message.
pub(super) async fn run(
    web: &Web,
    options: &Options,
    message: &Message,
    mut stage: watch::Receiver<Stage>,
) -> Result<(String, Verdict), Error> {
    let mut lease = message.lease.clone();
    let mut child = start(options, message)?;
    if let Some(mut stdin) = child.stdin.take() {
        let input = input(message);
        // A command that does not read its input has closed it, and may be right.
        tokio::spawn(async move {
            let _ = stdin.write_all(&input).await;
        });
    }
    let mut keeper = Keeper::new(options.lease);
    loop {
        tokio::select! {
            ended = child.wait() => {
                let verdict = ended.map_or_else(|error| Verdict::NotNow(error.to_string()), Verdict::of);
                return Ok((lease, verdict));
            }
            () = tokio::time::sleep_until(keeper.next) => {
                if !keeper.keep(web, &mut lease).await {
                    end(&mut child).await;
                    return Ok((lease, Verdict::Lost));
                }
            }
            () = until(&mut stage, Stage::Now) => {
                end(&mut child).await;
                return Ok((lease, Verdict::NotNow("it was ended from outside".to_owned())));
            }
        }
    }
}

/// Renews a lease while somebody works.
struct Keeper {
    length: i64,
    next: Instant,
    /// When the lease ends, if it is not renewed.
    ends: Instant,
}

impl Keeper {
    fn new(length: i64) -> Self {
        let now = Instant::now();
        let length_of = Duration::from_millis(length as u64);
        Self { length, next: now + length_of / 3, ends: now + length_of }
    }

    /// `false`: the lease is lost for good.
    async fn keep(&mut self, web: &Web, lease: &mut String) -> bool {
        let words = json!({ "lease_ms": self.length });
        match settle::say(web, lease, Verb::Extend, &words).await {
            Ok(outcome) => {
                if let Some(new) = outcome["new_lease"].as_str() {
                    new.clone_into(lease);
                }
                *self = Self::new(self.length);
                true
            }
            // The server may be back before the lease is over, and it knows the lease then.
            Err(failure) if is_passing(&failure) && Instant::now() < self.ends => {
                self.next = Instant::now() + Duration::from_millis(500);
                true
            }
            Err(_) => false,
        }
    }
}

fn is_passing(failure: &Failure) -> bool {
    failure.kind() == Kind::Unreachable
}

fn start(options: &Options, message: &Message) -> std::io::Result<Child> {
    let (program, arguments) = options.command.split_first().ok_or(ErrorKind::InvalidInput)?;
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).kill_on_drop(true);
    // Ctrl-C at the terminal is for us; the command is let come to its end.
    command.process_group(0);
    for (name, value) in environment(message) {
        command.env(name, value);
    }
    command.spawn()
}

fn environment(message: &Message) -> Vec<(&'static str, String)> {
    let mut place = message.id.rsplitn(3, '/');
    let (offset, partition, topic) = (place.next(), place.next(), place.next());
    let text = |part: Option<&str>| part.unwrap_or_default().to_owned();
    let mut variables = vec![
        ("MILENA_ID", message.id.clone()),
        ("MILENA_TOPIC", text(topic)),
        ("MILENA_PARTITION", text(partition)),
        ("MILENA_OFFSET", text(offset)),
        ("MILENA_DELIVERY", message.delivery_count.to_string()),
        ("MILENA_TIMESTAMP", message.rest.get("timestamp").map(Value::to_string).unwrap_or_default()),
        ("MILENA_LEASE", message.lease.clone()),
    ];
    match &message.key {
        Value::String(key) if key.len() > KEY_MAX => {}
        // No system lets a variable have a zero in it.
        Value::String(key) if !key.contains('\0') => variables.push(("MILENA_KEY", key.clone())),
        Value::String(key) => variables.push(("MILENA_KEY_BASE64", BASE64.encode(key))),
        Value::Object(key) => {
            let bytes = key.get("base64").and_then(Value::as_str).unwrap_or_default();
            if bytes.len() > KEY_MAX / 3 * 4 {
                return variables;
            }
            variables.push(("MILENA_KEY_BASE64", bytes.to_owned()));
        }
        _ => {}
    }
    variables
}

/// The message's bytes; or its JSON, when that was asked for. A tombstone is no bytes.
fn input(message: &Message) -> Vec<u8> {
    let encoding = message.rest.get("value_encoding").and_then(Value::as_str);
    let value: Value = serde_json::from_str(message.value.get()).unwrap_or_default();
    match (encoding, &value) {
        (_, Value::Null) => Vec::new(),
        (Some("base64"), Value::Object(bytes)) => {
            BASE64.decode(bytes.get("base64").and_then(Value::as_str).unwrap_or_default()).unwrap_or_default()
        }
        (Some("plain"), Value::String(text)) => text.clone().into_bytes(),
        _ => message.value.get().as_bytes().to_vec(),
    }
}

/// Tells a command and its children to end, and makes them after a while.
async fn end(child: &mut Child) {
    let group = child.id().and_then(|id| rustix::process::Pid::from_raw(id.cast_signed()));
    if let Some(group) = group {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::TERM);
    }
    if tokio::time::timeout(GRACE, child.wait()).await.is_err() {
        if let Some(group) = group {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = child.wait().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(key: &str, value: &str, encoding: &str) -> Message {
        let text = format!(
            r#"{{"id":"a.b/3/17","lease":"L","lease_expires_at":9,"delivery_count":2,"key":{key},"value":{value},"value_encoding":"{encoding}","timestamp":5}}"#
        );
        serde_json::from_str(&text).expect("a message")
    }

    #[test]
    fn an_exit_code_settles_its_message() {
        let of = |raw| Verdict::of(ExitStatus::from_raw(raw));
        assert_eq!(of(0), Verdict::Done);
        assert_eq!(of(65 << 8), Verdict::Never("exit code 65".into()));
        assert_eq!(of(1 << 8), Verdict::NotNow("exit code 1".into()));
        assert_eq!(of(9), Verdict::NotNow("ended by signal 9".into()));
        assert_eq!(Verdict::Done.settling("L", None), Some(json!({"ack": ["L"]})));
        let later = of(1 << 8).settling("L", Some(5));
        assert_eq!(later, Some(json!({"release": [{"lease": "L", "delay_ms": 5}]})));
        assert_eq!(Verdict::Lost.settling("L", None), None);
    }

    #[test]
    fn a_command_is_looked_for_as_the_system_does_it() {
        let words = |program: &str| look_up(program).map_err(|failure| failure.to_string());
        assert_eq!(words("sh"), Ok(()));
        assert_eq!(words("/bin/sh"), Ok(()));
        let missing = words("./typo.sh").expect_err("it is not there");
        assert!(missing.starts_with("error: ./typo.sh cannot be started\n  why:  No such file"), "{missing}");
        assert!(words("no-such-command-anywhere").expect_err("it is nowhere").contains("PATH"));
        assert!(words("/etc/passwd").expect_err("it cannot be run").contains("chmod"));
        assert!(words("/").expect_err("a directory is no command").contains("cannot be started"));
    }

    #[test]
    fn a_key_that_no_system_takes_is_left_out() {
        let long = "k".repeat(KEY_MAX + 1);
        for key in [format!("{long:?}"), format!(r#"{{"base64":"{}"}}"#, BASE64.encode(&long))] {
            let variables = environment(&message(&key, "1", "json"));
            assert!(variables.iter().all(|(name, _)| !name.starts_with("MILENA_KEY")), "{}", key.len());
        }
    }

    #[test]
    fn a_command_gets_the_bytes_and_knows_the_place() {
        assert_eq!(input(&message("null", r#"{"base64":"/wA="}"#, "base64")), [0xff, 0]);
        assert_eq!(input(&message("null", r#"{"n":1.50}"#, "json")), br#"{"n":1.50}"#);
        assert_eq!(input(&message("null", "null", "json")), b"");
        let variables = environment(&message(r#""k""#, "1", "json"));
        let value = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str());
        assert_eq!(
            (value("MILENA_TOPIC"), value("MILENA_PARTITION"), value("MILENA_OFFSET")),
            (Some("a.b"), Some("3"), Some("17"))
        );
        assert_eq!((value("MILENA_KEY"), value("MILENA_DELIVERY"), value("MILENA_TIMESTAMP")), (Some("k"), Some("2"), Some("5")));
        let variables = environment(&message(r#"{"base64":"/w=="}"#, "1", "json"));
        assert!(variables.contains(&("MILENA_KEY_BASE64", "/w==".to_owned())));
    }
}
