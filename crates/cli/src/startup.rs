//! What a server looks at before it serves: limits, the disk below the data, the clock. Says only what is not right, and never keeps
//! it from starting. Takes a few milliseconds; the slow looks are `milena doctor --local`.

use std::{
    path::Path,
    time::{Duration, SystemTime},
};

use rustix::{
    fs::statvfs,
    process::{Resource, getrlimit},
};

use crate::cmd::doctor::filesystem;

/// Fewer open files than this are met soon.
const FILES: u64 = 4096;
/// This program did not exist before (2025-01-01).
const EPOCH: Duration = Duration::from_secs(1_735_689_600);
/// How far ahead of the clock a file of the last run may lie.
const AHEAD: Duration = Duration::from_secs(60);

/// What is not right, each in a line with what to do.
pub(crate) fn findings(data: Option<&Path>) -> Vec<String> {
    let files = getrlimit(Resource::Nofile).current;
    let mut found: Vec<String> = limits(files).into_iter().collect();
    found.extend(clock(SystemTime::now(), data.and_then(newest)));
    if let Some(data) = data {
        found.extend(filesystem(data));
        if let Ok(disk) = statvfs(data) {
            found.extend(space(
                disk.f_bavail.saturating_mul(disk.f_frsize),
                disk.f_blocks.saturating_mul(disk.f_frsize),
                disk.f_favail,
            ));
        }
    }
    found
}

fn limits(files: Option<u64>) -> Option<String> {
    let files = files.filter(|files| *files < FILES)?;
    Some(format!(
        "only {files} open files are allowed, so that about {} clients fit: ulimit -n 65536, or LimitNOFILE= in the unit",
        files / 2
    ))
}

fn space(free: u64, total: u64, inodes: u64) -> Option<String> {
    let percent = (free.saturating_mul(100)).checked_div(total)?;
    match percent {
        0..5 => Some(format!(
            "the disk has {percent} % free: writes will be refused; see milena topic ls, milena topic set TOPIC retention.ms=…"
        )),
        5..20 => Some(format!("the disk has only {percent} % free: see milena status")),
        // Some file systems count none and have no end of them.
        _ if (1..1000).contains(&inodes) => Some(format!("the disk has room, but for {inodes} files only: df -i")),
        _ => None,
    }
}

fn clock(now: SystemTime, newest: Option<SystemTime>) -> Option<String> {
    if now < SystemTime::UNIX_EPOCH + EPOCH {
        return Some("the clock is years behind, so that every time in the data will be wrong: timedatectl set-ntp true".into());
    }
    let ahead = newest?.duration_since(now).ok().filter(|ahead| *ahead > AHEAD)?;
    Some(format!(
        "the clock has gone back: the data were last written {} s from now; retention and times go wrong: timedatectl set-ntp true",
        ahead.as_secs()
    ))
}

/// When something in the directory was last written, as far as its first files tell.
fn newest(data: &Path) -> Option<SystemTime> {
    let entries = std::fs::read_dir(data).ok()?.take(1000);
    entries.filter_map(|e| e.ok()?.metadata().ok()?.modified().ok()).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_not_right_is_said() {
        assert_eq!((limits(None), limits(Some(65_536))), (None, None));
        assert!(limits(Some(1024)).unwrap().contains("LimitNOFILE"));
        assert_eq!((space(50, 100, 5000), space(50, 100, 0), space(0, 0, 0)), (None, None, None));
        assert!(space(3, 100, 5000).unwrap().contains("refused"));
        assert!(space(10, 100, 5000).unwrap().contains("10 %"));
        assert!(space(50, 100, 7).unwrap().contains("df -i"));
        let now = SystemTime::now();
        assert_eq!((clock(now, None), clock(now, Some(now + Duration::from_secs(5)))), (None, None));
        assert!(clock(now, Some(now + Duration::from_secs(500))).unwrap().contains("gone back"));
        assert!(clock(SystemTime::UNIX_EPOCH, None).unwrap().contains("years behind"));
    }
}
