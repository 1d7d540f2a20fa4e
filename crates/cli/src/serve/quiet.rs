//! What a broker gives back once it is quiet: memory that its allocator keeps for the next burst, and the pages of its code that
//! the last one used. Knows processor time and threads; knows nothing of what the broker does.
#![allow(unsafe_code)]
// Why unsafe: the allocator's `mi_collect` is a C function, and `madvise` could drop what somebody wrote. Here it names code that
// was read from a file and changed by nobody, which the system reads again when it is run.

use std::time::Duration;

use milena_node::Node;
use rustix::{
    mm::{Advice, madvise},
    time::{ClockId, clock_gettime},
};

/// How often somebody looks. It costs some thirty microseconds.
const LOOK: Duration = Duration::from_secs(20);
/// Quiet is who needed less than this between two looks.
const QUIET: Duration = Duration::from_millis(5);
/// Who worked for less than this has little to give back.
const WORTH: Duration = Duration::from_millis(50);

/// Whether there was a burst of work, and whether it is over: in processor time of the process since its start.
#[derive(Debug, Default)]
struct Quiet {
    last: Duration,
    given_back: Duration,
}

impl Quiet {
    fn is_over(&mut self, now: Duration) -> bool {
        let quiet = now.saturating_sub(self.last) < QUIET;
        self.last = now;
        quiet && now.saturating_sub(self.given_back) > WORTH
    }
    fn gave_back(&mut self, now: Duration) {
        (self.last, self.given_back) = (now, now);
    }
}

/// Looks for as long as the broker lives.
pub(super) async fn watch(node: Node) {
    let mut quiet = Quiet::default();
    loop {
        tokio::time::sleep(LOOK).await;
        if quiet.is_over(worked()) {
            for thread in 0..node.runtimes().count() {
                node.runtimes().spawn_on(thread, || async { mi_collect(true) });
            }
            // The threads above have theirs first: what they free is the arenas', which are given back here.
            tokio::time::sleep(Duration::from_secs(1)).await;
            mi_collect(true);
            forget_code();
            quiet.gave_back(worked());
        }
    }
}

fn worked() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap_or_default(), time.tv_nsec.try_into().unwrap_or_default())
}

unsafe extern "C" {
    /// mimalloc's: what the calling thread's heap keeps without need goes to the arenas, and what those keep to the system.
    /// Any thread may call it at any time; it touches only memory that is free.
    safe fn mi_collect(force: bool);
}

/// Pages of code stay in the system's cache of files, and are no longer counted as this process's.
fn forget_code() {
    let maps = std::fs::read_to_string("/proc/self/smaps").unwrap_or_default();
    for (start, len) in code(&maps) {
        // SAFETY: the range is one private mapping of a file, executable and not writable, without a page of its own: whatever
        // is dropped is read from the file when it is run next. A failure leaves it as it was.
        let _ = unsafe { madvise(std::ptr::without_provenance_mut(start), len, Advice::LinuxDontNeed) };
    }
}

/// Address and length of each mapping of code from a file, in which nothing was changed (a debugger's breakpoint would be).
fn code(smaps: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut candidate = None;
    for line in smaps.lines() {
        if let Some(dirty) = line.strip_prefix("Private_Dirty:") {
            found.extend(candidate.take().filter(|_| dirty.trim() == "0 kB"));
        } else if let Some(mapping) = mapping(line) {
            candidate = mapping;
        }
    }
    found
}

/// The first line of a mapping: `START-END PERMISSIONS OFFSET DEVICE INODE PATH`. The inner `None` is one that is no code.
fn mapping(line: &str) -> Option<Option<(usize, usize)>> {
    let mut words = line.split_ascii_whitespace();
    let (start, end) = words.next()?.split_once('-')?;
    let address = |text| usize::from_str_radix(text, 16).ok();
    let (start, end) = (address(start)?, address(end)?);
    let is_code = words.next() == Some("r-xp") && words.nth(3).is_some_and(|path| path.starts_with('/'));
    Some(is_code.then_some((start, end.saturating_sub(start))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_gives_back_once_after_each_burst() {
        let ms = Duration::from_millis;
        let mut quiet = Quiet::default();
        assert!(!quiet.is_over(ms(10)), "it just began");
        assert!(!quiet.is_over(ms(12)), "nothing worth it was done");
        assert!(!quiet.is_over(ms(400)), "it works");
        assert!(quiet.is_over(ms(401)));
        quiet.gave_back(ms(420));
        assert!(!quiet.is_over(ms(421)), "it gave back already");
        assert!(!quiet.is_over(ms(600)));
        assert!(quiet.is_over(ms(601)));
    }

    #[test]
    fn only_code_that_nobody_changed_is_let_go() {
        let smaps = "\
5600-5700 r--p 00000000 fe:00 1234 /usr/bin/milena
Private_Dirty:         0 kB
5700-5900 r-xp 00000000 fe:00 1234 /usr/bin/milena
Private_Dirty:         0 kB
VmFlags: rd ex mr mw me
5900-5a00 r-xp 00000000 fe:00 1234 /usr/lib/probed.so
Private_Dirty:         4 kB
7f00-7f10 r-xp 00000000 00:00 0 [vdso]
Private_Dirty:         0 kB
7f10-7f20 rw-p 00000000 00:00 0
Private_Dirty:         0 kB
";
        assert_eq!(code(smaps), [(0x5700, 0x200)]);
        let own = std::fs::read_to_string("/proc/self/smaps").unwrap();
        assert!(!code(&own).is_empty(), "{own}");
        forget_code();
        mi_collect(true);
    }
}
