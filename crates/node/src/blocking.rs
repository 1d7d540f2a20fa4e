//! The I/O pool: a few threads for work that blocks on a disk. Knows nothing of what it runs.
//!
//! Threads are started when work waits and leave after a few idle seconds, so an idle broker has none. The queue is
//! bounded by permits: whoever finds it full waits for its turn as a task, not as memory.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use tokio::sync::{Semaphore, oneshot};

const THREADS: usize = 4;
const QUEUE: usize = 256;
/// Parsers of schemas go as deep as their budgets let them. Only what is used is ever taken.
const STACK: usize = 4 << 20;
const IDLE: Duration = Duration::from_secs(5);

type Job = Box<dyn FnOnce() + Send>;

/// A cheap handle to the pool.
#[derive(Clone)]
pub(crate) struct Pool(Arc<Shared>);

struct Shared {
    queue: Mutex<Queue>,
    ready: Condvar,
    permits: Semaphore,
}
#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    threads: usize,
    idle: usize,
}

/// The job was lost: it panicked, or no thread could be started.
#[derive(Debug, thiserror::Error)]
#[error("the work was lost on the I/O pool")]
pub(crate) struct Lost;

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pool")
    }
}

impl Pool {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Shared { queue: Mutex::default(), ready: Condvar::new(), permits: Semaphore::new(QUEUE) }))
    }

    /// Runs `work` on a thread of the pool and answers what it answered.
    pub(crate) async fn run<R: Send + 'static>(&self, work: impl FnOnce() -> R + Send + 'static) -> Result<R, Lost> {
        let _permit = self.0.permits.acquire().await.map_err(|_| Lost)?;
        let (answer, answered) = oneshot::channel();
        self.push(Box::new(move || {
            // The asker may have gone; then nobody misses the answer.
            let _ = answer.send(work());
        }));
        answered.await.map_err(|_| Lost)
    }

    fn push(&self, job: Job) {
        let mut queue = self.0.lock();
        queue.jobs.push_back(job);
        if queue.jobs.len() <= queue.idle {
            self.0.ready.notify_one();
        } else if queue.threads < THREADS {
            queue.threads += 1;
            drop(queue);
            let shared = self.0.clone();
            let started = thread::Builder::new().name("milena-io".into()).stack_size(STACK).spawn(move || shared.work());
            if started.is_err() {
                let mut queue = self.0.lock();
                queue.threads -= 1;
                if queue.threads == 0 {
                    // Nobody will ever come for them; dropping the jobs tells those who asked.
                    queue.jobs.clear();
                }
            }
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        let mut queue = self.lock();
        loop {
            if let Some(job) = queue.jobs.pop_front() {
                drop(queue);
                // A panic loses one answer, not the thread that others wait for.
                let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(job));
                queue = self.lock();
                continue;
            }
            queue.idle += 1;
            let (back, timeout) = self.ready.wait_timeout(queue, IDLE).unwrap_or_else(PoisonError::into_inner);
            queue = back;
            queue.idle -= 1;
            if timeout.timed_out() && queue.jobs.is_empty() {
                queue.threads -= 1;
                return;
            }
        }
    }
}
