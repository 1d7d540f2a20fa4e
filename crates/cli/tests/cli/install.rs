//! `milena install` with a stand-in for ssh, which asks its questions on the terminal that it is given, as ssh does. The lane
//! `install` does the same with a real sshd, and carries it out.

use std::{os::unix::fs::PermissionsExt, path::Path, process::Output};

use crate::server::bare;

/// Asks for a password with the echo off, opens the "connection", and runs commands on this machine.
const SSH: &str = r#"#!/bin/sh
case " $* " in
  *" -M "*)
    while [ "$1" != -S ]; do shift; done
    socket=$2
    case "$*" in *host.unknown*)
      printf 'The fingerprint is SHA256:abc.\nAre you sure (yes/no/[fingerprint])? '
      read -r answer ;;
    esac
    stty -echo
    printf 'jane@host password: '
    read -r password
    stty echo
    echo
    if [ "$password" != 'open sesame' ]; then
      echo 'jane@host: Permission denied (publickey,password).'
      exit 255
    fi
    : > "$socket"
    exec sleep 60 ;;
  *" -O exit "*) exit 0 ;;
  *)
    while [ "$1" != -- ]; do shift; done
    exec sh -c "$3" ;;
esac
"#;

struct Ground {
    dir: tempfile::TempDir,
}

impl Ground {
    fn new(password: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let ssh = dir.path().join("ssh");
        std::fs::write(&ssh, SSH).unwrap();
        std::fs::set_permissions(&ssh, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::write(dir.path().join("password"), format!("{password}\n")).unwrap();
        Self { dir }
    }

    fn install(&self, words: &[&str]) -> Output {
        let path = format!("{}:{}", self.dir.path().display(), std::env::var("PATH").unwrap());
        let mut command = bare(&["install"]);
        command.args(words).arg("--password-file").arg(self.dir.path().join("password")).env("PATH", path);
        command.output().unwrap()
    }
}

/// Names that no machine has.
const NOWHERE: [&str; 7] =
    ["--no-service", "--user", "milena-test-u", "--state", "milena-test-s", "--program", "/usr/local/bin/milena-test-p"];

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), output.stderr.as_slice()].concat()).into_owned()
}

#[test]
fn a_dry_run_logs_in_looks_and_prints_every_command() {
    let ground = Ground::new("open sesame");
    let output = ground.install(&[&["jane@host", "--dry-run"], &NOWHERE[..]].concat());
    let words = text(&output);
    assert_eq!(output.status.code(), Some(0), "{words}");
    assert!(!words.contains("could not be looked at"), "{words}");
    for command in [
        "useradd --system",
        "install -d -m 0750",
        "/usr/local/bin/milena-test-p.new",
        "rm -f /usr/local/bin/milena-test-p.before",
    ] {
        assert!(words.contains(command), "{command}: {words}");
    }
    assert!(!words.contains("sesame") && !words.contains("systemctl"), "{words}");
    assert!(!Path::new("/usr/local/bin/milena-test-p").exists());
    let left = std::fs::read_dir("/tmp")
        .unwrap()
        .flatten()
        .filter(|e| e.file_name().to_string_lossy().starts_with("milena-") && e.path().join("c").exists());
    assert_eq!(left.count(), 0, "the connection's directory is taken away");
}

#[test]
fn who_is_not_let_in_hears_why() {
    let refused = Ground::new("a guess").install(&[&["jane@host"], &NOWHERE[..]].concat());
    assert_eq!(refused.status.code(), Some(4), "{}", text(&refused));
    assert!(text(&refused).contains("does not let you in") && text(&refused).contains("Permission denied"), "{}", text(&refused));
    assert!(!text(&refused).contains("guess"));
    // A key that nobody has looked at is not accepted for want of a person.
    let unknown = Ground::new("open sesame").install(&[&["jane@host.unknown"], &NOWHERE[..]].concat());
    assert_eq!(unknown.status.code(), Some(4), "{}", text(&unknown));
    assert!(
        text(&unknown).contains("nobody is there to look at it") && text(&unknown).contains("SHA256:abc"),
        "{}",
        text(&unknown)
    );
}

#[test]
fn what_cannot_be_reached_is_still_planned_and_slips_are_refused() {
    let ground = Ground::new("x");
    let blind = ground.install(&["jane@host", "--dry-run"]);
    assert_eq!(blind.status.code(), Some(0), "{}", text(&blind));
    let words = text(&blind);
    assert!(words.contains("could not be looked at") && words.contains("systemctl enable milena.service"), "{words}");
    for words in [
        &["jane@host", "--user", "a b"][..],
        &["jane@host", "--state", "../etc"],
        &["jane@host", "--kafka", "nonsense"],
        &["jane@host", "--program", "relative"],
        &["jane@host", "--local"],
        &["jane@host", "--purge-data"],
        &["-oProxyCommand=x"],
        &[],
    ] {
        assert_eq!(ground.install(words).status.code(), Some(64), "{words:?}");
    }
}
