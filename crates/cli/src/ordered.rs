//! Work on several threads whose results come in the order of the jobs, with a bound on what is held.

use std::{
    num::NonZero,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
};

/// Threads at most: more would wait for whoever reads and writes.
const MOST: usize = 8;
/// Jobs given to a thread and not done: one it works on, and the next.
const AHEAD: usize = 2;
/// Results of one job that wait to be taken.
const WAITING: usize = 4;

/// One thread's ends.
struct Hand<J, R> {
    jobs: SyncSender<J>,
    /// `None` ends a job's results.
    results: Receiver<Option<R>>,
}

/// Whether more jobs are wanted after a result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Then {
    On,
    Stop,
}

/// Takes jobs from `next` until there are none, does each on some thread, and gives the results of all to `done`, in the order
/// of the jobs. A job may have any number of results. The first error, or [`Then::Stop`], ends it all.
pub(crate) fn ordered<J: Send, R: Send, E>(
    mut next: impl FnMut() -> Result<Option<J>, E>,
    work: impl Fn(J, &mut dyn FnMut(R)) + Sync,
    mut done: impl FnMut(R) -> Result<Then, E>,
) -> Result<(), E> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(MOST);
    thread::scope(|scope| {
        // Threads begin when there is something for them; when this ends early, they find their ends gone.
        let mut hands: Vec<Hand<J, R>> = Vec::new();
        let (mut given, mut taken) = (0, 0);
        let mut ended = Ok(false);
        loop {
            while matches!(ended, Ok(false)) && given - taken < threads * AHEAD {
                match next() {
                    Ok(Some(job)) => {
                        if hands.len() < threads {
                            hands.push(hand(scope, &work));
                        }
                        // Each has room for what is ahead of it, so this never waits.
                        let _ = hands[given % threads].jobs.send(job);
                        given += 1;
                    }
                    Ok(None) => ended = Ok(true),
                    // What came before it is done first.
                    Err(error) => ended = Err(error),
                }
            }
            if taken == given {
                return ended.map(drop);
            }
            // A thread that panicked is met again when the scope ends.
            while let Ok(Some(result)) = hands[taken % threads].results.recv() {
                if done(result)? == Then::Stop {
                    return Ok(());
                }
            }
            taken += 1;
        }
    })
}

fn hand<'scope, J: Send + 'scope, R: Send + 'scope>(
    scope: &'scope thread::Scope<'scope, '_>,
    work: &'scope (impl Fn(J, &mut dyn FnMut(R)) + Sync),
) -> Hand<J, R> {
    let (jobs, waiting) = sync_channel::<J>(AHEAD);
    let (out, results) = sync_channel(WAITING);
    scope.spawn(move || {
        for job in waiting {
            // Nobody takes results any more when it all ended early.
            work(job, &mut |result| drop(out.send(Some(result))));
            if out.send(None).is_err() {
                return;
            }
        }
    });
    Hand { jobs, results }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Jobs take different times and have different numbers of results; the order is theirs.
    #[test]
    fn results_come_in_the_order_of_the_jobs() {
        let mut jobs = 0..200_u64;
        let mut seen = Vec::new();
        let next = || Ok::<_, ()>(jobs.next());
        let work = |job: u64, give: &mut dyn FnMut((u64, u64))| {
            thread::sleep(std::time::Duration::from_micros(job * 7919 % 400));
            (0..job % 12).for_each(|n| give((job, n)));
        };
        ordered(next, work, |result| {
            seen.push(result);
            Ok(Then::On)
        })
        .unwrap();
        assert_eq!(seen, (0..200).flat_map(|job| (0..job % 12).map(move |n| (job, n))).collect::<Vec<_>>());
    }

    #[test]
    fn an_error_comes_behind_what_was_before_it() {
        let mut jobs = 0..;
        let mut seen = Vec::new();
        let next = || if jobs.start == 5 { Err("no more") } else { Ok(jobs.next()) };
        let all = ordered(
            next,
            |job: i32, give| give(job),
            |n| {
                seen.push(n);
                Ok(Then::On)
            },
        );
        assert_eq!((all, seen), (Err("no more"), vec![0, 1, 2, 3, 4]));
    }

    #[test]
    fn it_can_be_left_early() {
        for stop in [Ok(Then::Stop), Err("enough")] {
            let (mut jobs, mut taken) = (0.., 0);
            // Jobs without end, each with more results than anybody takes.
            let all = ordered(
                || Ok(jobs.next()),
                |job: u64, give| (0..100).for_each(|_| give(job)),
                |_| {
                    taken += 1;
                    if taken == 1_000 { stop } else { Ok(Then::On) }
                },
            );
            assert_eq!((all, taken), (stop.map(drop), 1_000));
        }
    }

    #[test]
    fn nothing_is_something() {
        ordered(|| Ok::<Option<()>, ()>(None), |(), _: &mut dyn FnMut(())| (), |()| Ok(Then::On)).unwrap();
    }
}
