//! `milena work QUEUE -- COMMAND`: runs a command for each message. The message is its stdin, its exit code says what
//! becomes of the message, and the lease is renewed while it works. Ctrl-C stops the taking and lets what runs come to its
//! end; a second one ends that, too, and gives the messages back.

mod job;

use std::{
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use clap::Args;
use serde_json::{Value, json};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
    task::JoinSet,
};

use self::job::Verdict;
use super::take::{Decode, GROUP, Message, Taken, millis, receive};
use crate::{
    connect::Connect,
    failure::{Failure, Kind},
    screen::{self, counted},
    web::Web,
};

/// The longest that one call waits for a message.
const WAIT_MS: i64 = 20_000;
/// A call that waits when the end comes may have its answer on the way.
const LATE: Duration = Duration::from_millis(200);
/// So long a message rests that no command could be started for.
const REST_MS: i64 = 1000;
/// A broker that cannot be reached is asked again after this long, and then ever more rarely.
const AGAIN: Duration = Duration::from_millis(200);
const AGAIN_MAX: Duration = Duration::from_secs(5);
/// `--until-empty` looks so often whether letters that wait were written, `AGAIN` apart.
const LETTERS_LOOKS: u32 = 50;

#[derive(Args, Debug)]
#[command(after_help = "The command's exit code settles its message:
  0      done: acknowledged
  65     it can never work (EX_DATAERR): rejected, to the dead letters
  other  not this time: given back, and delivered again
A command that cannot be started ends the worker, with an error.

It finds the message on stdin, and in its environment MILENA_ID (topic/partition/offset),
MILENA_TOPIC, MILENA_PARTITION, MILENA_OFFSET, MILENA_KEY (text) or MILENA_KEY_BASE64
(neither, if the key is longer than 64 KiB), MILENA_DELIVERY (1 at the first), MILENA_TIMESTAMP, MILENA_LEASE.")]
pub(crate) struct Options {
    /// The topic
    queue: String,
    /// Who works on it: each message goes to one taker of a group
    #[arg(short, long, default_value = GROUP)]
    group: String,
    /// Commands at a time
    #[arg(short = 'j', long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: u16,
    /// Length of a lease; it is renewed while the command runs
    #[arg(long, default_value = "30s", value_parser = millis, value_name = "TIME")]
    lease: i64,
    /// A message that was given back rests for so long [default: what the group's settings say]
    #[arg(long, value_parser = millis, value_name = "TIME")]
    delay: Option<i64>,
    /// Give the command JSON, decoded by the message's schema if it has one, instead of the bytes as they are
    #[arg(long)]
    json: bool,
    /// Stop when there is nothing more to take
    #[arg(long)]
    until_empty: bool,
    /// What to run, with its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
    #[command(flatten)]
    connect: Connect,
}

/// How far the end has come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Stage {
    Working,
    /// Nothing more is taken.
    Ending,
    /// What runs is ended, too.
    Now,
}

/// Comes to its end with the stage; never, when nobody is left who could tell it.
async fn until(stage: &mut watch::Receiver<Stage>, wanted: Stage) {
    if stage.wait_for(|stage| *stage >= wanted).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// What all workers share.
struct Shop {
    options: Options,
    web: Web,
    stage: watch::Receiver<Stage>,
    tell: watch::Sender<Stage>,
    done: AtomicU64,
    returned: AtomicU64,
    rejected: AtomicU64,
}

pub(crate) async fn run(options: Options) -> Result<ExitCode, Failure> {
    if !(1_000..=7 * 86_400_000).contains(&options.lease) {
        return Err(Failure::usage("--lease is between 1s and 7d"));
    }
    options.command.first().map_or(Ok(()), |program| job::look_up(program))?;
    let web = Web::of(&options.connect.cluster().await?, "working on a queue").await?;
    let (tell, stage) = watch::channel(Stage::Working);
    tokio::spawn(listen(tell.clone(), options.connect.quiet));
    let jobs = options.jobs;
    let (done, returned, rejected) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let shop = Arc::new(Shop { options, web, stage, tell, done, returned, rejected });
    let mut workers = JoinSet::new();
    (0..jobs).for_each(|_| drop(workers.spawn(work(shop.clone()))));
    let mut outcome = Ok(());
    while let Some(ended) = workers.join_next().await {
        let ended = ended.map_err(|lost| Failure::new(Kind::Failed, "a worker was lost").why(lost));
        if let Err(failure) = ended.and_then(|ended| ended) {
            // The others come to their ends by the same failure, or by a signal.
            outcome = outcome.and(Err(failure));
        }
    }
    shop.sum_up();
    outcome.map(|()| ExitCode::SUCCESS)
}

/// Turns signals into stages.
async fn listen(tell: watch::Sender<Stage>, quiet: bool) {
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) else {
        return;
    };
    loop {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        let next = if *tell.borrow() == Stage::Working { Stage::Ending } else { Stage::Now };
        if next == Stage::Ending && !quiet {
            screen::talk("ending: what runs comes to its end first   (once more ends it now and gives it back)");
        }
        if tell.send(next).is_err() {
            return;
        }
    }
}

/// Takes one message, has it worked on, and says in the next call what became of it.
async fn work(shop: Arc<Shop>) -> Result<(), Failure> {
    let (mut settle, mut waiting) = (None::<Value>, 0);
    loop {
        if shop.stage() > Stage::Working {
            return shop.settle_last(settle).await;
        }
        match shop.take(&mut settle).await? {
            // Somebody else's message may come back; until then there is something to wait for.
            Some(Taken::Nothing(why)) if shop.options.until_empty && why.state == "empty" => return Ok(()),
            // Letters are written in a moment, or not before somebody mends what stops them.
            Some(Taken::Nothing(why)) if shop.options.until_empty && why.state == "letters-waiting" => {
                waiting += 1;
                if waiting > LETTERS_LOOKS {
                    return Err(Failure::new(Kind::No, "the queue does not become empty").why(why.words()));
                }
            }
            None | Some(Taken::Nothing(_)) => waiting = 0,
            Some(Taken::Messages(messages)) => {
                waiting = 0;
                if let Some(message) = messages.into_iter().next() {
                    let (lease, verdict) = shop.handle(message).await?;
                    settle = verdict.settling(&lease, shop.options.delay);
                }
            }
        }
    }
}

impl Shop {
    fn stage(&self) -> Stage {
        *self.stage.borrow()
    }

    /// One call. `None`: the end came while it waited.
    async fn take(&self, settle: &mut Option<Value>) -> Result<Option<Taken>, Failure> {
        let wait = if self.options.until_empty { 0 } else { WAIT_MS };
        let decode = if self.options.json { Decode::Auto } else { Decode::Base64 };
        let mut wish = json!({ "wait_ms": wait, "lease_ms": self.options.lease, "decode": decode.name() });
        if let Some(settle) = settle.as_ref() {
            wish["settle"] = settle.clone();
        }
        let place = (self.options.queue.as_str(), self.options.group.as_str());
        let (mut patience, mut stage) = (AGAIN, self.stage.clone());
        loop {
            // A call that only waits may be given up; one that also settles is seen to its end first.
            let ends = async {
                match settle.is_some() {
                    true => std::future::pending().await,
                    false => {
                        until(&mut stage, Stage::Ending).await;
                        // What was taken for it just now is on its way, and nobody else's until its lease is over.
                        tokio::time::sleep(LATE).await;
                    }
                }
            };
            let answered = tokio::select! {
                answered = receive(&self.web, place, &wish, wait) => answered,
                () = ends => return Ok(None),
            };
            match answered {
                Ok(taken) => {
                    *settle = None;
                    if self.options.until_empty && matches!(&taken, Taken::Nothing(why) if why.state != "empty") {
                        tokio::time::sleep(AGAIN).await;
                    }
                    return Ok(Some(taken));
                }
                Err(failure) if failure.kind() == Kind::Unreachable && self.stage() < Stage::Now => {
                    if patience == AGAIN {
                        self.options.connect.say(format_args!("{}; trying again", failure.what()));
                    }
                    tokio::time::sleep(patience).await;
                    patience = (patience * 2).min(AGAIN_MAX);
                }
                Err(failure) => return Err(failure),
            }
        }
    }

    async fn handle(&self, message: Message) -> Result<(String, Verdict), Failure> {
        let (id, delivery) = (&message.id, message.delivery_count);
        let (lease, verdict) = match job::run(&self.web, &self.options, &message, self.stage.clone()).await {
            Ok(ended) => ended,
            Err(error) => {
                // First the others hear of it, and the message rests for a while: nobody else of this worker shall fail at it, too.
                self.tell.send_if_modified(|stage| std::mem::replace(stage, (*stage).max(Stage::Ending)) < Stage::Ending);
                let release = json!({ "release": [{ "lease": message.lease, "delay_ms": REST_MS }] });
                self.settle_last(Some(release)).await?;
                return Err(job::unstartable(&self.options.command[0], &error));
            }
        };
        let (count, what) = match &verdict {
            Verdict::Done => (&self.done, String::new()),
            Verdict::Never(why) => (&self.rejected, format!("rejected: {why}")),
            Verdict::NotNow(why) => (&self.returned, format!("given back after delivery {delivery}: {why}")),
            Verdict::Lost => (&self.returned, "its lease was lost, and somebody else has it".to_owned()),
        };
        count.fetch_add(1, Ordering::Relaxed);
        if !what.is_empty() {
            self.options.connect.say(format_args!("{id}   {what}"));
        }
        Ok((lease, verdict))
    }

    /// What the last message led to, when no other call will say it.
    async fn settle_last(&self, settle: Option<Value>) -> Result<(), Failure> {
        let Some(settle) = settle else { return Ok(()) };
        let path = format!("/q/v1/groups/{}:settle", crate::web::escaped(&self.options.group));
        let mut patience = AGAIN;
        loop {
            match self.web.send("POST", &path, &settle).await {
                Err(failure) if failure.kind() == Kind::Unreachable && self.stage() < Stage::Now => {
                    tokio::time::sleep(patience).await;
                    patience = (patience * 2).min(AGAIN_MAX);
                }
                told => return told.map(drop),
            }
        }
    }

    fn sum_up(&self) {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed) as i64;
        let (done, returned, rejected) = (count(&self.done), count(&self.returned), count(&self.rejected));
        let mut words = format!("{} done", counted(done, "message"));
        if returned > 0 {
            words += &format!(", {returned} given back");
        }
        if rejected > 0 {
            words += &format!(", {rejected} rejected");
        }
        self.options.connect.say(words);
    }
}
