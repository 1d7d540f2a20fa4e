//! `take`, `ack`, `nack`, `extend`, `queue` and `work` against the real binary.

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::server::{Server, feed};

fn filled(values: &str) -> Server {
    let server = Server::ephemeral();
    server.out(&["produce", "orders"], values.as_bytes());
    server
}

fn show(server: &Server) -> Value {
    let shown: Value = serde_json::from_str(&server.out(&["queue", "show", "orders", "-o", "json"], b"")).expect("JSON");
    shown[0].clone()
}

fn exit(server: &Server, arguments: &[&str], input: &[u8]) -> (Option<i32>, String, String) {
    let output = server.run(arguments, input);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_message_is_taken_extended_given_back_rejected_and_acknowledged() {
    let server = filled("{\"n\":1.50}\ntwo\n");
    let taken = server.out(&["take", "orders", "--wait", "0s"], b"");
    assert!(taken.contains(r#""value":{"n":1.50}"#) && taken.contains(r#""id":"orders/0/0""#), "{taken}");
    let lease = |line: &str| serde_json::from_str::<Value>(line).expect("JSON")["lease"].as_str().expect("a lease").to_owned();
    let first = lease(&taken);
    let longer = server.out(&["extend", &first, "--for", "10m"], b"").trim().to_owned();
    let (code, _, words) = exit(&server, &["ack", &first], b"");
    assert!(code == Some(1) && words.contains("the lease has ended"), "{code:?} {words}");
    server.out(&["nack", &longer], b"");
    // Again, with both of them; leases come from stdin as they were printed.
    let both = server.out(&["take", "orders", "-n", "2", "--wait", "0s", "--lease", "5m"], b"");
    assert_eq!(both.lines().count(), 2);
    assert!(both.contains(r#""delivery_count":2"#), "{both}");
    let (code, _, words) = exit(&server, &["take", "orders", "--wait", "0s"], b"");
    assert!(code == Some(2) && words.contains("somebody works on each"), "{code:?} {words}");
    let (done, wrong) = both.split_once('\n').expect("two lines");
    server.out(&["ack", "-"], done.as_bytes());
    server.out(&["nack", "--reject", "--reason", "not a number", &lease(wrong)], b"");
    let standing = show(&server);
    assert_eq!((&standing["done"], &standing["given_up"], &standing["in_flight"]), (&1.into(), &1.into(), &0.into()));
    let (code, _, words) = exit(&server, &["ack", "nonsense"], b"");
    assert!(code == Some(1) && words.contains("no lease"), "{code:?} {words}");
    assert_eq!(exit(&server, &["take", "nothing", "--wait", "0s"], b"").0, Some(5));
}

#[test]
fn dead_letters_are_seen_and_put_back_after_a_plan() {
    let server = filled("poison\n");
    server.out(&["queue", "set", "workers", "--deliveries", "1"], b"");
    let (code, ..) = exit(&server, &["work", "orders", "--until-empty", "--", "false"], b"");
    assert_eq!(code, Some(0));
    let begin = Instant::now();
    let dead = loop {
        let dead = server.out(&["queue", "dead", "orders"], b"");
        if !dead.is_empty() {
            break dead;
        }
        assert!(begin.elapsed() < Duration::from_secs(20), "no letter was written");
        std::thread::sleep(Duration::from_millis(50));
    };
    assert!(dead.contains("orders/0/0") && dead.contains("delivery-limit") && dead.contains("poison"), "{dead}");
    let plan = server.out(&["queue", "redrive", "orders"], b"");
    assert!(plan.starts_with("plan: 1 dead letter would go back to orders"), "{plan}");
    assert!(server.out(&["queue", "dead", "orders"], b"").contains("poison"), "a plan changes nothing");
    assert_eq!(server.out(&["queue", "redrive", "orders", "--yes"], b""), "1 message back in orders\n");
    assert_eq!(server.out(&["queue", "dead", "orders"], b""), "");
    let listed = server.out(&["queue", "ls", "-o", "csv"], b"");
    assert!(listed.contains("orders,workers,1,0,0,1,"), "{listed}");
}

#[test]
fn a_paused_group_takes_nothing() {
    let server = filled("1\n");
    server.out(&["queue", "pause", "workers"], b"");
    let (code, _, words) = exit(&server, &["take", "orders", "--wait", "0s"], b"");
    assert!(code == Some(2) && words.contains("paused"), "{code:?} {words}");
    server.out(&["queue", "resume", "workers"], b"");
    assert_eq!(exit(&server, &["take", "orders", "--wait", "0s"], b"").0, Some(0));
}

#[test]
fn an_exit_code_settles_a_message() {
    let server = filled("done\nnever\nlater\n");
    let script = r#"case "$(cat)" in done) exit 0;; never) exit 65;; *) [ "$MILENA_DELIVERY" -gt 2 ];; esac"#;
    let output = server.run(&["work", "orders", "--until-empty", "--", "sh", "-c", script], b"");
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{words}");
    assert!(words.contains("orders/0/1   rejected: exit code 65"), "{words}");
    assert!(words.ends_with("2 messages done, 2 given back, 1 rejected\n"), "{words}");
    let standing = show(&server);
    assert_eq!((&standing["done"], &standing["given_up"], &standing["failed_deliveries"]), (&2.into(), &1.into(), &3.into()));
}

/// Nothing ran, so no message is at fault: none is taken, and none is lost to the dead letters.
#[test]
fn a_command_that_is_not_there_ends_the_worker_and_no_message() {
    let server = filled("1\n2\n");
    let (code, _, words) = exit(&server, &["work", "orders", "--until-empty", "--", "./typo.sh"], b"");
    assert_eq!(code, Some(5), "{words}");
    assert!(words.starts_with("error: ./typo.sh cannot be started\n  why:  No such file or directory"), "{words}");
    assert_eq!(exit(&server, &["work", "orders", "--until-empty", "--", "no-such-command"], b"").0, Some(5));
    assert_eq!(server.out(&["queue", "ls", "-o", "csv"], b"").lines().count(), 1, "the group has not begun");
    assert_eq!(server.out(&["work", "orders", "--until-empty", "--", "cat"], b""), "12");
}

/// What is wrong inside of the file shows only when it is started: the message that was taken for it goes back, and all
/// workers end.
#[test]
fn a_command_that_cannot_be_started_ends_all_workers_at_once() {
    let server = filled("1\n2\n3\n4\n5\n6\n7\n8\n");
    let script = std::env::temp_dir().join(format!("milena-work-{}", std::process::id()));
    std::fs::write(&script, "#!/no/such/interpreter\n").expect("it is written");
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("it can be run");
    let path = script.to_str().expect("UTF-8");
    let (code, _, words) = exit(&server, &["work", "orders", "-j", "4", "--", path], b"");
    assert!(code == Some(5) && words.contains("cannot be started"), "{code:?} {words}");
    let standing = show(&server);
    assert_eq!((&standing["given_up"], &standing["in_flight"], &standing["waiting"]), (&0.into(), &0.into(), &8.into()));
    // One message among many workers is not handed round until it is given up.
    server.out(&["produce", "letters"], b"1\n");
    assert_eq!(exit(&server, &["work", "letters", "-j", "16", "--", path], b"").0, Some(5));
    std::fs::remove_file(&script).expect("it is there");
    let shown: Value = serde_json::from_str(&server.out(&["queue", "show", "letters", "-o", "json"], b"")).expect("JSON");
    let standing = &shown[0];
    assert_eq!((&standing["failed_deliveries"], &standing["waiting"], &standing["in_flight"]), (&1.into(), &1.into(), &0.into()));
}

#[test]
fn a_command_gets_the_bytes_and_the_environment() {
    let server = Server::ephemeral();
    server.out(&["produce", "orders", "-k", "k1", "--whole"], b"\xff\x00two\nlines");
    let script = r#"echo "$MILENA_ID $MILENA_KEY $MILENA_DELIVERY"; od -An -tx1"#;
    let out = server.out(&["work", "orders", "--until-empty", "--", "sh", "-c", script], b"");
    assert_eq!(out, "orders/0/0 k1 1\n ff 00 74 77 6f 0a 6c 69 6e 65 73\n");
}

#[test]
fn the_lease_is_renewed_while_a_command_works() {
    let server = filled("1\n");
    let begin = Instant::now();
    let out = server.out(&["work", "orders", "--lease", "1s", "--until-empty", "--", "sh", "-c", "cat; sleep 3"], b"");
    assert!(begin.elapsed() >= Duration::from_secs(3));
    assert_eq!(out, "1", "three times the length of the lease, and nobody else had it");
    let standing = show(&server);
    assert_eq!((&standing["done"], &standing["failed_deliveries"]), (&1.into(), &0.into()));
}

#[test]
fn what_runs_comes_to_its_end_at_the_first_interrupt() {
    let server = filled("1\n2\n");
    let mut command = server.command(&["work", "orders", "--", "sh", "-c", "cat; sleep 2; echo done"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let begin = Instant::now();
    while show_or_null(&server)["in_flight"] != 1 {
        assert!(begin.elapsed() < Duration::from_secs(20), "nothing was taken");
        std::thread::sleep(Duration::from_millis(50));
    }
    std::thread::sleep(Duration::from_millis(300));
    signal(&child, "-INT");
    let output = {
        let status = child.wait().expect("it ends");
        assert!(status.success(), "{status}");
        let mut text = String::new();
        std::io::Read::read_to_string(&mut child.stdout.take().expect("piped"), &mut text).expect("text");
        text
    };
    assert_eq!(output, "1done\n");
    let standing = show(&server);
    assert_eq!((&standing["done"], &standing["in_flight"], &standing["waiting"]), (&1.into(), &0.into(), &1.into()));
}

#[test]
fn a_second_interrupt_gives_the_message_back() {
    let server = filled("1\n");
    let mut child = server.command(&["work", "orders", "--", "sleep", "60"]).spawn().expect("it starts");
    let begin = Instant::now();
    while show_or_null(&server)["in_flight"] != 1 {
        assert!(begin.elapsed() < Duration::from_secs(20), "nothing was taken");
        std::thread::sleep(Duration::from_millis(50));
    }
    signal(&child, "-TERM");
    std::thread::sleep(Duration::from_millis(300));
    signal(&child, "-TERM");
    assert!(child.wait().expect("it ends").success());
    assert!(begin.elapsed() < Duration::from_secs(30), "it does not wait for what runs");
    let standing = show(&server);
    assert_eq!((&standing["in_flight"], &standing["waiting"], &standing["failed_deliveries"]), (&0.into(), &1.into(), &1.into()));
}

#[test]
fn a_worker_goes_on_when_its_server_comes_back() {
    let data = tempfile::tempdir().expect("a directory");
    let server = Server::on(data.path());
    server.out(&["produce", "orders"], b"1\n2\n");
    let (kafka, http) = (server.kafka().to_owned(), server.ready["http"].as_str().expect("an address").to_owned());
    // The server dies while the command works on the first message, and is back before the work is done.
    let mut command = server.command(&["work", "orders", "--until-empty", "--", "sh", "-c", "cat; sleep 2"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let begin = Instant::now();
    while show_or_null(&server)["in_flight"] != 1 {
        assert!(begin.elapsed() < Duration::from_secs(20), "nothing was taken");
        std::thread::sleep(Duration::from_millis(50));
    }
    server.kill();
    let server = Server::again(data.path(), &kafka, &http);
    let output = child.wait_with_output().expect("it ends");
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{words}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "12", "each once: {words}");
    assert_eq!(show(&server)["done"], 2);
}

fn show_or_null(server: &Server) -> Value {
    let output = server.run(&["queue", "show", "orders", "-o", "json"], b"");
    serde_json::from_slice::<Value>(&output.stdout).map(|shown| shown[0].clone()).unwrap_or_default()
}

fn signal(child: &std::process::Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().expect("it runs").success());
}

#[test]
fn wrong_words_are_answered_with_what_to_say() {
    let server = Server::ephemeral();
    let (code, _, words) = exit(&server, &["queue", "set", "workers"], b"");
    assert!(code == Some(64) && words.contains("nothing is to be changed"), "{code:?} {words}");
    let (code, _, words) = exit(&server, &["queue", "set", "workers", "--deliveries", "1001"], b"");
    assert!(code == Some(1) && words.contains("1 to 1000"), "{code:?} {words}");
    let (code, _, words) = exit(&server, &["work", "orders", "--lease", "10ms", "--", "true"], b"");
    assert!(code == Some(64) && words.contains("between 1s and 7d"), "{code:?} {words}");
    assert_eq!(feed(server.command(&["work", "orders"]), b"").status.code(), Some(64), "a command is needed");
}
