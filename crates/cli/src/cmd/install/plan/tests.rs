//! What an installation does, and in what order, for machines that were looked at. Runs nothing.

use super::*;

fn wanted() -> Wanted {
    Wanted {
        program: "/usr/local/bin/milena".into(),
        binary: "/proc/self/exe".into(),
        machine: "x86_64".into(),
        user: "milena".into(),
        state: "milena".into(),
        kafka: "127.0.0.1:9092".into(),
        http: "127.0.0.1:8080".into(),
    }
}

fn settled() -> Facts {
    Facts {
        program: Thing::Same,
        unit: Thing::Same,
        exec: "ExecStart=/usr/local/bin/milena serve --data /var/lib/milena --kafka 127.0.0.1:9092 --http 127.0.0.1:8080".into(),
        user: true,
        directory: true,
        active: true,
        enabled: true,
        ports: vec![22, 9092, 8080],
        ..Facts::bare("x86_64")
    }
}

fn words(facts: &Facts) -> Vec<String> {
    install(facts, &wanted(), "h", true).unwrap().steps.into_iter().map(|s| s.words).collect()
}

#[test]
fn only_what_differs_is_done() {
    assert_eq!(words(&Facts::bare("x86_64")).len(), 6);
    assert_eq!(words(&settled()), [""; 0]);
    assert_eq!(words(&Facts { active: false, ports: vec![22], ..settled() }), ["started it"]);
    let newer = words(&Facts { program: Thing::Other, ..settled() });
    assert_eq!(newer, ["put the program at /usr/local/bin/milena", "started it anew"]);
    let changed = words(&Facts { unit: Thing::Other, ..settled() });
    assert_eq!(changed, ["wrote /etc/systemd/system/milena.service", "started it anew"]);
    let without = install(&Facts { systemd: false, ..Facts::bare("x86_64") }, &wanted(), "h", false).unwrap();
    assert!(without.steps.iter().all(|s| !s.commands.contains("systemctl")));
}

#[test]
fn what_is_in_the_way_is_said_before_anything_is_done() {
    let refused = |facts: Facts| install(&facts, &wanted(), "u@h", true).err().map(|f| f.to_string()).unwrap_or_default();
    assert!(refused(Facts::bare("aarch64")).contains("u@h is aarch64, and this program is for x86_64"));
    assert!(refused(Facts { system: "Darwin".into(), ..Facts::bare("x86_64") }).contains("runs Darwin"));
    assert!(refused(Facts { systemd: false, ..Facts::bare("x86_64") }).contains("--no-service"));
    assert!(refused(Facts { sudo: false, ..Facts::bare("x86_64") }).contains("milena install root@h"));
    assert!(refused(Facts { free: Some(1 << 20), ..Facts::bare("x86_64") }).contains("too full"));
    assert!(refused(Facts { ports: vec![9092], ..Facts::bare("x86_64") }).contains("something else listens on port 9092"));
    assert_eq!(refused(Facts { unit: Thing::Other, ..settled() }), "", "its own port is no obstacle");
}

#[test]
fn the_data_stay_unless_told() {
    let all = |purge| remove(&settled(), &wanted(), "h", purge).unwrap().script("/tmp/x");
    assert!(!all(false).contains("rm -rf") && !all(false).contains("userdel"));
    assert!(all(true).contains("rm -rf /var/lib/milena\n") && all(true).contains("userdel milena"));
    assert!(remove(&Facts::bare("x86_64"), &wanted(), "h", true).unwrap().steps.is_empty());
}

/// The script is run by a real shell, in a directory: its files are there, and it fails where it is told to.
#[test]
fn a_failure_takes_everything_back() {
    let dir = tempfile::tempdir().unwrap();
    let (place, here) = (dir.path().join("place"), dir.path().join("here"));
    std::fs::create_dir_all(&place).unwrap();
    std::fs::create_dir_all(&here).unwrap();
    let step = |words: &str, commands: String, undo: String| Step { words: words.into(), commands, undo };
    let run = |last: &str| {
        let file = place.join("file").display().to_string();
        let mut first = placed("file", &file, "0644", "placed");
        // Whoever runs the tests need not be root.
        first.commands = first.commands.replace("-o root -g root ", "");
        let log = place.join("log").display().to_string();
        let steps = vec![
            step("one", format!("echo one >> {log}"), format!("echo undone >> {log}")),
            first,
            step("last", last.into(), format!("echo stopped >> {log}")),
        ];
        let again = Some(format!("echo again >> {log}"));
        let plan = Plan { steps, again, after: format!("rm -f {file}.before"), sends: false, root: true };
        std::fs::write(here.join("file"), "new").unwrap();
        let script = plan.script(&here.display().to_string());
        let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    };
    let read = |name: &str| std::fs::read_to_string(place.join(name)).unwrap_or_default();
    // The first time there is nothing before: nothing is left.
    let (good, text) = run("false");
    assert!(!good && text.contains("failed: last\n") && !text.contains("all: done"), "{text}");
    assert_eq!((read("file"), read("log")), (String::new(), "one\nstopped\nundone\nagain\n".into()));
    assert!(!place.join("file").exists());
    // Then what was there before is there again.
    std::fs::write(place.join("file"), "old").unwrap();
    let _ = std::fs::remove_file(here.join("file.first"));
    assert!(!run("exit 7").0);
    assert_eq!(read("file"), "old");
    assert!(run("true").0);
    assert_eq!(read("file"), "new");
    let left: Vec<_> = std::fs::read_dir(&place).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "file and log: {left:?}");
}
