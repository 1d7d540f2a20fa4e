//! From what is there to what shall be there: the steps that differ, each with its undoing, or the reason why not. Pure.

use std::fmt::Write;

use super::{
    facts::{Facts, Thing},
    unit::Wanted,
};
use crate::failure::{Failure, Kind};

/// What is left free beside the program, so that a server has where to begin.
const SPARE: u64 = 64 << 20;

/// One step, done as root.
pub(super) struct Step {
    /// In words, when it is done.
    pub(super) words: String,
    /// Shell commands. `$here` is the directory that files were put into first.
    pub(super) commands: String,
    /// Shell commands that take it back when a later step fails.
    pub(super) undo: String,
}

pub(super) struct Plan {
    pub(super) steps: Vec<Step>,
    /// When the last step was taken back: starts the server again that ran before.
    pub(super) again: Option<String>,
    /// When all is done: takes away what undoing would have needed.
    pub(super) after: String,
    /// Whether the program has to be sent.
    pub(super) sends: bool,
    /// Whether the rights of root are there already.
    pub(super) root: bool,
}

/// The port of an address, if it has one.
pub(super) fn port(address: &str) -> Option<u16> {
    address.parse::<std::net::SocketAddr>().ok().map(|a| a.port())
}

/// Where a server that listens on `address` is dialled on its own machine.
pub(super) fn dialled(address: &str) -> String {
    match address.parse::<std::net::SocketAddr>() {
        Ok(a) if a.ip().is_unspecified() && a.is_ipv4() => format!("127.0.0.1:{}", a.port()),
        Ok(a) if a.ip().is_unspecified() => format!("[::1]:{}", a.port()),
        _ => address.into(),
    }
}

pub(super) fn install(facts: &Facts, wanted: &Wanted, name: &str, service: bool) -> Result<Plan, Failure> {
    fits(facts, wanted, name, service)?;
    let mut steps = Vec::new();
    let Wanted { program, user, state, .. } = wanted;
    if !facts.user {
        steps.push(Step {
            words: format!("made the user {user}"),
            commands: format!(
                "useradd --system --user-group --no-create-home --home-dir /var/lib/{state} --shell /usr/sbin/nologin {user}"
            ),
            undo: format!("userdel {user}"),
        });
    }
    if !facts.directory {
        steps.push(Step {
            words: format!("made the directory /var/lib/{state}"),
            commands: format!("install -d -m 0750 -o {user} -g \"$(id -gn {user})\" /var/lib/{state}"),
            undo: format!("rmdir /var/lib/{state}"),
        });
    }
    let sends = facts.program != Thing::Same;
    if sends {
        steps.push(placed("milena", program, "0755", &format!("put the program at {program}")));
    }
    if service {
        serve(&mut steps, facts, wanted);
    }
    let before = [program.clone(), wanted.unit_file()].map(|f| format!("rm -f {f}.before")).join("\n");
    let again = (service && facts.active).then(|| format!("systemctl restart {state}.service"));
    Ok(Plan { steps, again, after: before, sends, root: facts.root })
}

/// The unit, and the server that it describes.
fn serve(steps: &mut Vec<Step>, facts: &Facts, wanted: &Wanted) {
    let (unit, state) = (wanted.unit_file(), &wanted.state);
    let changes = facts.unit != Thing::Same || facts.program != Thing::Same;
    if facts.unit != Thing::Same {
        let mut step = placed("unit", &unit, "0644", &format!("wrote {unit}"));
        let check = format!(
            "cp $here/unit $here/{state}.service\nif command -v systemd-analyze >/dev/null 2>&1; then systemd-analyze verify $here/{state}.service; fi"
        );
        step.commands = format!("{check}\n{}\nsystemctl daemon-reload", step.commands);
        step.undo = format!("{}\nsystemctl daemon-reload", step.undo);
        steps.push(step);
    }
    if !facts.enabled {
        steps.push(Step {
            words: "had it start with the machine".into(),
            commands: format!("systemctl enable {state}.service"),
            undo: format!("systemctl disable {state}.service"),
        });
    }
    if changes || !facts.active {
        let words = if facts.active { "started it anew" } else { "started it" };
        let log = format!("{{ journalctl -u {state}.service -n 8 --no-pager -o cat 2>/dev/null || true; false; }}");
        steps.push(Step {
            words: words.into(),
            commands: format!("systemctl restart {state}.service || {log}"),
            undo: format!("systemctl stop {state}.service"),
        });
    }
}

/// A file goes to its place in one rename, and the one that was there is kept until all is done.
fn placed(from: &str, to: &str, mode: &str, words: &str) -> Step {
    Step {
        words: words.into(),
        commands: format!(
            "rm -f {to}.new {to}.before\ninstall -m {mode} -o root -g root $here/{from} {to}.new\nsync {to}.new\n\
             if [ -e {to} ]; then ln {to} {to}.before; else : > $here/{from}.first; fi\nmv -f {to}.new {to}"
        ),
        undo: format!(
            "rm -f {to}.new\nif [ -e {to}.before ]; then mv -f {to}.before {to}; elif [ -e $here/{from}.first ]; then rm -f {to}; fi"
        ),
    }
}

/// Everything that can be known to be in the way before anything is done.
fn fits(facts: &Facts, wanted: &Wanted, name: &str, service: bool) -> Result<(), Failure> {
    if facts.system != "Linux" {
        return Err(Failure::new(Kind::Failed, format!("{name} runs {}, and this program is for Linux", facts.system)));
    }
    if facts.machine != wanted.machine {
        let what = format!("{name} is {}, and this program is for {}", facts.machine, wanted.machine);
        return Err(Failure::new(Kind::Failed, what).fix("--binary FILE with a milena that was built for it"));
    }
    may_be_root(facts, name)?;
    if service && !facts.systemd {
        return Err(Failure::new(Kind::Failed, format!("no systemd runs on {name}, so nothing there would start the server"))
            .fix("add --no-service: program, user and directory are put in place, and it says how to start it"));
    }
    let size = std::fs::metadata(&wanted.binary).map_or(0, |m| m.len());
    // The program lies there twice for a moment.
    let needed = if facts.program == Thing::Same { 0 } else { 2 * size + SPARE };
    if let Some(free) = facts.free.filter(|free| *free < needed) {
        return Err(Failure::new(Kind::Failed, format!("the disk of {name} is too full"))
            .why(format!("{} MiB are free, {} MiB are needed", free >> 20, needed >> 20))
            .fix(format!("on {name}: df -h /usr/local /tmp /var/lib")));
    }
    let doors = [("--kafka", &wanted.kafka), ("--http", &wanted.http)];
    let doors = doors.into_iter().filter_map(|(flag, address)| Some((flag, port(address)?)));
    for (flag, port) in doors.filter(|_| service) {
        // One that the server itself has now is no obstacle.
        let own = facts.active && facts.exec.split_whitespace().any(|word| word.ends_with(&format!(":{port}")));
        if !own && facts.ports.contains(&port) {
            return Err(Failure::new(Kind::Failed, format!("something else listens on port {port} of {name}"))
                .hint(format!("to see who:  sudo ss -ltnp sport = :{port}"))
                .fix(format!(
                    "stop it there, or choose another port:  {flag} 127.0.0.1:{}",
                    port.wrapping_add(10_000).max(1024)
                )));
        }
    }
    Ok(())
}

fn may_be_root(facts: &Facts, name: &str) -> Result<(), Failure> {
    if facts.root || facts.sudo {
        return Ok(());
    }
    Err(Failure::new(Kind::NotAllowed, format!("there is no sudo on {name}, and you are not root there"))
        .fix(format!("install sudo there, or log in as root:  milena install root@{}", name.rsplit('@').next().unwrap_or(name))))
}

pub(super) fn remove(facts: &Facts, wanted: &Wanted, name: &str, purge: bool) -> Result<Plan, Failure> {
    may_be_root(facts, name)?;
    let (unit, state) = (wanted.unit_file(), &wanted.state);
    let Wanted { program, user, .. } = wanted;
    let mut steps = Vec::new();
    let mut step = |there: bool, words: String, commands: String| {
        if there {
            steps.push(Step { words, commands, undo: String::new() });
        }
    };
    let serves = facts.unit != Thing::Absent;
    step(facts.active, "stopped it".into(), format!("systemctl stop {state}.service"));
    step(facts.enabled, "it does not start with the machine any more".into(), format!("systemctl disable {state}.service"));
    step(serves, format!("took {unit} away"), format!("rm -f {unit}\nsystemctl daemon-reload"));
    // Another server may run the same program.
    let shared = format!("if ! grep -qs '^ExecStart={program} ' /etc/systemd/system/*.service; then rm -f {program}; fi");
    step(facts.program != Thing::Absent, format!("took {program} away, unless another unit runs it"), shared);
    step(purge && facts.directory, format!("deleted /var/lib/{state}"), format!("rm -rf /var/lib/{state}"));
    step(purge && facts.user, format!("took the user {user} away"), format!("userdel {user}"));
    Ok(Plan { steps, again: None, after: String::new(), sends: false, root: facts.root })
}

impl Plan {
    /// For `--dry-run`.
    pub(super) fn written(&self, name: &str) -> String {
        if self.steps.is_empty() {
            return format!("{name}: nothing to do, everything is as it should be\n");
        }
        let whom = if self.root { "" } else { ", with sudo" };
        let mut out = format!("# on {name}{whom}; $here is a new directory that is taken away again\n");
        if self.sends {
            out.push_str("# send the program to $here/milena and see that it runs there\n$here/milena version\n");
        }
        for step in &self.steps {
            let _ = write!(out, "\n# {}\n{}\n", step.words, step.commands);
        }
        if !self.after.is_empty() {
            let _ = write!(out, "\n# all is done\n{}\n", self.after);
        }
        out
    }

    /// One script: at the first failure it takes back what it did, the last first, and says what failed.
    pub(super) fn script(&self, here: &str) -> String {
        let mut out = format!(
            "set -eu\numask 022\nPATH=\"$PATH:/usr/local/sbin:/usr/sbin:/sbin\"\nLC_ALL=C; export LC_ALL\nhere={here}\ndone=0\ndoing=begin\n\
             echo began: root\nback() {{\n  code=$?\n  trap - EXIT HUP INT TERM\n  [ \"$code\" -eq 0 ] && exit 0\n  \
             echo \"failed: $doing\"\n  set +e\n"
        );
        for (n, step) in self.steps.iter().enumerate().rev().filter(|(_, s)| !s.undo.is_empty()) {
            let undo = step.undo.replace('\n', "\n    ");
            let _ = write!(out, "  if [ \"$done\" -ge {n} ]; then\n    {undo}\n  fi >/dev/null 2>&1\n");
        }
        if let Some(again) = &self.again {
            let last = self.steps.len().saturating_sub(1);
            let _ = writeln!(out, "  if [ \"$done\" -ge {last} ]; then {again}; fi >/dev/null 2>&1");
        }
        out.push_str("  exit \"$code\"\n}\ntrap back EXIT\ntrap 'exit 129' HUP\ntrap 'exit 130' INT\ntrap 'exit 143' TERM\n");
        for (n, step) in self.steps.iter().enumerate() {
            let _ = write!(out, "doing='{}'\ndone={n}\n{}\necho 'did: {}'\n", step.words, step.commands, step.words);
        }
        let _ = write!(out, "{}\necho all: done\n", self.after);
        out
    }
}

#[cfg(test)]
mod tests;
