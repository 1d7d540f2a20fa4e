//! The threads of a node: N single-threaded runtimes. Knows how work gets to a thread; knows no noun.
//!
//! A connection stays on the runtime that took it. At the end of a pass, when a runtime has run everything that was
//! ready and is about to park, it leads the commit: one write and sync for all sockets that were ready.

use std::{
    future::Future,
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
};

use tokio::{
    runtime::{Builder, LocalOptions},
    sync::{mpsc, watch},
};

use crate::release::{Hub, end_of_pass, stand_up};

/// Builds, on the runtime's own thread, what the runtime shall run.
type Start = Box<dyn FnOnce() + Send>;

struct Runtime {
    starts: mpsc::UnboundedSender<Start>,
    load: Arc<AtomicUsize>,
}

/// The runtimes of a node.
pub struct Runtimes {
    runtimes: Vec<Runtime>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    stop: watch::Sender<bool>,
}

impl std::fmt::Debug for Runtimes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Runtimes({})", self.runtimes.len())
    }
}

/// One unit of load on a runtime, counted while it lives.
struct Load(Arc<AtomicUsize>);
impl Load {
    fn on(runtime: &Runtime) -> Self {
        runtime.load.fetch_add(1, Ordering::Relaxed);
        Self(runtime.load.clone())
    }
}
impl Drop for Load {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Runtimes {
    /// Starts `count` runtimes, each a thread, each seated at `hub`.
    pub(crate) fn start(hub: &Arc<Hub>, count: usize) -> io::Result<Self> {
        let (stop, stopped) = watch::channel(false);
        let mut runtimes = Vec::with_capacity(count);
        let mut threads = Vec::with_capacity(count);
        for index in 0..count {
            let (starts, inbox) = mpsc::unbounded_channel();
            let (hub, stopped) = (hub.clone(), stopped.clone());
            let run = move || run(index, &hub, inbox, stopped);
            threads.push(thread::Builder::new().name(format!("milena-{index}")).spawn(run)?);
            runtimes.push(Runtime { starts, load: Arc::default() });
        }
        Ok(Self { runtimes, threads: Mutex::new(threads), stop })
    }

    pub fn count(&self) -> usize {
        self.runtimes.len()
    }

    /// Runs `make`'s future on the runtime that has the least to do. The future is made and lives on that thread, so it
    /// may hold what cannot be sent. It ends with the node.
    pub fn spawn_on_least_loaded<F: Future<Output = ()> + 'static>(&self, make: impl FnOnce() -> F + Send + 'static) {
        let least = (0..self.runtimes.len()).min_by_key(|&i| self.runtimes[i].load.load(Ordering::Relaxed)).unwrap_or(0);
        self.spawn_on(least, make);
    }

    /// Runs `make`'s future on the runtime `index`.
    pub fn spawn_on<F: Future<Output = ()> + 'static>(&self, index: usize, make: impl FnOnce() -> F + Send + 'static) {
        let runtime = &self.runtimes[index % self.runtimes.len()];
        let load = Load::on(runtime);
        // A runtime that has stopped takes nothing more: the node is going down.
        let _ = runtime.starts.send(Box::new(move || {
            tokio::task::spawn_local(async move {
                let _load = load;
                make().await;
            });
        }));
    }

    /// Ends every task and waits for the threads. Called from a thread that is none of them.
    pub(crate) fn stop(&self) {
        let _ = self.stop.send(true);
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            if thread.thread().id() != thread::current().id() {
                let _ = thread.join();
            }
        }
    }
}

fn run(index: usize, hub: &Arc<Hub>, mut inbox: mpsc::UnboundedReceiver<Start>, mut stopped: watch::Receiver<bool>) {
    hub.sit(index);
    let mut builder = Builder::new_current_thread();
    let built = builder.enable_all().on_thread_park(end_of_pass).build_local(LocalOptions::default());
    let runtime = match built {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, index, "a runtime cannot be started");
            return;
        }
    };
    let turns = hub.clone();
    runtime.spawn_local(async move { turns.turns().await });
    runtime.block_on(async move {
        loop {
            tokio::select! {
                start = inbox.recv() => match start {
                    Some(start) => start(),
                    None => return,
                },
                _ = stopped.wait_for(|stop| *stop) => return,
            }
        }
    });
    drop(runtime);
    stand_up();
}
