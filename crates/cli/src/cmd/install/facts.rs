//! What a machine says of itself before anything is changed: one script that only looks, and what its answer means.

use sha2::{Digest, Sha256};

use super::{machine::Machine, unit::Wanted};
use crate::failure::{Failure, Kind};

/// A machine as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Facts {
    pub(super) system: String,
    pub(super) machine: String,
    pub(super) root: bool,
    pub(super) sudo: bool,
    /// systemd runs there.
    pub(super) systemd: bool,
    /// The program and the unit are there and are the wanted ones.
    pub(super) program: Thing,
    pub(super) unit: Thing,
    /// The line of the unit that is there.
    pub(super) exec: String,
    pub(super) user: bool,
    pub(super) directory: bool,
    pub(super) active: bool,
    pub(super) enabled: bool,
    /// Ports that somebody listens on.
    pub(super) ports: Vec<u16>,
    /// Bytes that are free where the program goes, where files are put first, and where the data go.
    pub(super) free: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Thing {
    #[default]
    Absent,
    Other,
    Same,
}

impl Facts {
    /// A machine that has nothing yet, and all that is needed.
    pub(super) fn bare(machine: &str) -> Self {
        Self { system: "Linux".into(), machine: machine.into(), sudo: true, systemd: true, ..Self::default() }
    }
}

/// Asks. Changes nothing, and needs no rights.
pub(super) fn look(machine: &Machine, wanted: &Wanted) -> Result<Facts, Failure> {
    let answer = machine.said("exec sh -s", Some(script(wanted).as_bytes()))?;
    if !answer.good || !answer.text.contains("end=yes") {
        let why = answer.text.lines().last().unwrap_or("no answer").to_string();
        return Err(Failure::new(Kind::Failed, "the machine could not be looked at").why(why).hint("it needs a POSIX shell"));
    }
    let program = std::fs::read(&wanted.binary)
        .map_err(|e| Failure::new(Kind::Failed, format!("the program {} cannot be read", wanted.binary.display())).why(e))?;
    Ok(parse(&answer.text, &sum(&program), &sum(super::unit::unit(wanted).as_bytes())))
}

fn sum(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

fn script(wanted: &Wanted) -> String {
    let Wanted { program, user, state, .. } = wanted;
    let (unit, folder) = (wanted.unit_file(), program.rsplit_once('/').map_or("/", |(folder, _)| folder));
    format!(
        r#"LC_ALL=C; export LC_ALL
PATH="$PATH:/usr/sbin:/sbin"
say() {{ printf '%s=%s\n' "$1" "$2"; }}
sum() {{ sha256sum "$1" 2>/dev/null | cut -d' ' -f1; }}
free() {{ d="$1"; while [ ! -d "$d" ]; do d=$(dirname "$d"); done; set -- $(df -Pk "$d" 2>/dev/null | tail -n 1); say free "${{4:-}}"; }}
say system "$(uname -s)"
say machine "$(uname -m)"
say uid "$(id -u)"
command -v sudo >/dev/null 2>&1 && say sudo yes
say systemd "$(systemctl is-system-running 2>/dev/null)"
[ -e '{program}' ] && say program "$(sum '{program}')"
[ -e '{unit}' ] && say unit "$(sum '{unit}')"
say exec "$(grep -s '^ExecStart=' '{unit}')"
id -u '{user}' >/dev/null 2>&1 && say user yes
[ -d '/var/lib/{state}' ] && say directory yes
say active "$(systemctl is-active '{state}.service' 2>/dev/null)"
say enabled "$(systemctl is-enabled '{state}.service' 2>/dev/null)"
for table in /proc/net/tcp /proc/net/tcp6; do
  [ -r "$table" ] && while read -r _ local _ state _; do
    [ "$state" = 0A ] && say listens "${{local##*:}}"
  done < "$table"
done
free '{folder}'; free "${{TMPDIR:-/tmp}}"; free '/var/lib/{state}'
say end yes
"#
    )
}

/// The lines `name=value` of an answer; what is not known is left aside.
fn parse(text: &str, program: &str, unit: &str) -> Facts {
    let thing = |found: &str, wanted: &str| if found == wanted { Thing::Same } else { Thing::Other };
    let mut facts = Facts::default();
    for (name, value) in text.lines().filter_map(|line| line.trim_end().split_once('=')) {
        match name {
            "system" => facts.system = value.into(),
            "machine" => facts.machine = value.into(),
            "uid" => facts.root = value == "0",
            "sudo" => facts.sudo = true,
            "systemd" => facts.systemd = !matches!(value, "" | "offline" | "unknown"),
            "program" => facts.program = thing(value, program),
            "unit" => facts.unit = thing(value, unit),
            "exec" => facts.exec = value.into(),
            "user" => facts.user = true,
            "directory" => facts.directory = true,
            "active" => facts.active = value == "active",
            "enabled" => facts.enabled = value == "enabled",
            "listens" => facts.ports.extend(u16::from_str_radix(value, 16)),
            "free" => {
                let bytes = value.parse::<u64>().ok().map(|kib| kib.saturating_mul(1024));
                facts.free = [facts.free, bytes].into_iter().flatten().min();
            }
            _ => {}
        }
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_and_noise_is_not() {
        let text = "Welcome to shop.lan!\nsystem=Linux\nmachine=x86_64\nuid=1000\nsudo=yes\nsystemd=degraded\nprogram=aa\nunit=bb\n\
            exec=ExecStart=/usr/local/bin/milena serve\nuser=yes\nactive=active\nenabled=disabled\nlistens=2384\nlistens=zz\n\
            free=2000\nfree=1000\nfree=\nend=yes\n";
        let facts = parse(text, "aa", "cc");
        let expected = Facts {
            system: "Linux".into(),
            machine: "x86_64".into(),
            sudo: true,
            systemd: true,
            program: Thing::Same,
            unit: Thing::Other,
            exec: "ExecStart=/usr/local/bin/milena serve".into(),
            user: true,
            active: true,
            ports: vec![9092],
            free: Some(1_024_000),
            ..Facts::default()
        };
        assert_eq!(facts, expected);
        assert!(!parse("systemd=offline\n", "", "").systemd, "there are its programs, and it does not run");
    }
}
