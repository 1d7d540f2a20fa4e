//! What the machine says: its sockets, rules, limits, and the disk below the data. Reads `/proc`; what it may not see it says.

use std::{
    fs,
    io::{Seek, SeekFrom, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use crate::{
    cmd::{doctor::finding::Finding, ping::spent},
    screen::size,
};

const SYNCS: usize = 200;

/// Resident memory, in words.
pub(super) fn memory(pid: u64) -> String {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let kilobytes = status.lines().find_map(|l| l.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.map_or("unknown memory".into(), |kb| size(kb * 1024))
}

/// Addresses that listen on a port, of this network namespace.
fn listening(pid: u64, port: u16) -> Vec<IpAddr> {
    let tables = ["tcp", "tcp6"].map(|name| fs::read_to_string(format!("/proc/{pid}/net/{name}")).unwrap_or_default());
    tables.iter().flat_map(|table| table.lines().skip(1).filter_map(|line| listener(line, port))).collect()
}

/// One line of `/proc/net/tcp`: number, local address in hexadecimal, remote address, state (0A: it listens).
fn listener(line: &str, port: u16) -> Option<IpAddr> {
    let mut words = line.split_whitespace().skip(1);
    let (address, at) = words.next()?.split_once(':')?;
    let state = words.nth(1)?;
    if state != "0A" || u16::from_str_radix(at, 16).ok()? != port {
        return None;
    }
    // Words of four bytes, each in the machine's own order.
    let word = |n: usize| u32::from_str_radix(address.get(n * 8..n * 8 + 8)?, 16).ok().map(u32::to_ne_bytes);
    match address.len() {
        8 => Some(Ipv4Addr::from(word(0)?).into()),
        32 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?];
            let bytes: [u8; 16] = words.concat().try_into().ok()?;
            Some(Ipv6Addr::from(bytes).into())
        }
        _ => None,
    }
}

pub(super) fn ports(pid: u64, port: u16) -> Finding {
    let found = listening(pid, port);
    let list = found.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if found.is_empty() {
        return Finding::failure("S02", format!("nothing listens on port {port} here"))
            .fix(format!("ss -ltnp 'sport = :{port}'"));
    }
    match found.iter().all(IpAddr::is_loopback) {
        true => Finding::warning("S02", format!("port {port} listens on {list} only: other machines cannot connect"))
            .fix(format!("milena serve --kafka 0.0.0.0:{port}")),
        false => Finding::ok("S02", format!("port {port} listens on {list}")),
    }
}

/// The port of a server that does not answer: free, or somebody else's.
pub(super) fn taken(port: u16) -> Finding {
    if listening(std::process::id().into(), port).is_empty() {
        return Finding::skipped("S02", format!("because nothing listens on port {port}"));
    }
    let who = holder(port).map_or("a process of another user (ask as root)".into(), |(pid, name)| format!("{name}, pid {pid}"));
    Finding::failure("S02", format!("port {port} is held by {who}"))
        .fix(format!("end it, or choose another port: milena serve --kafka 127.0.0.1:{}", port.wrapping_add(1).max(1024)))
}

/// The process that has a socket listening on a port, if this user may see it.
fn holder(port: u16) -> Option<(u64, String)> {
    let tables = ["tcp", "tcp6"].map(|name| fs::read_to_string(format!("/proc/self/net/{name}")).unwrap_or_default());
    let lines = tables.iter().flat_map(|table| table.lines().skip(1)).filter(|line| listener(line, port).is_some());
    let sockets: Vec<String> =
        lines.filter_map(|line| line.split_whitespace().nth(9)).map(|inode| format!("socket:[{inode}]")).collect();
    let pids = fs::read_dir("/proc").ok()?.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u64>().ok());
    let has = |pid: &u64| {
        let files = fs::read_dir(format!("/proc/{pid}/fd")).ok().into_iter().flatten().flatten();
        files
            .filter_map(|file| fs::read_link(file.path()).ok())
            .any(|link| sockets.iter().any(|s| link.as_os_str() == s.as_str()))
    };
    let pid = pids.into_iter().find(has)?;
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    Some((pid, name.trim().to_owned()))
}

/// The name of the user that a process runs as, or his number.
pub(super) fn user(pid: u64) -> String {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let id = status.lines().find_map(|l| l.strip_prefix("Uid:")?.split_whitespace().next()).unwrap_or("?").to_owned();
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == id).then(|| name.to_owned())
    });
    name.unwrap_or(id)
}

/// Per cent of the inodes that are free, where the file system counts them.
pub(super) fn names_left(path: &Path) -> Option<f64> {
    let told = rustix::fs::statvfs(path).ok()?;
    (told.f_files > 0).then(|| told.f_favail as f64 * 100.0 / told.f_files as f64)
}

/// Whether the data fill the disk that the system itself lives on.
pub(super) fn is_on_root(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let device = |path: &Path| fs::metadata(path).map(|found| found.dev()).ok();
    device(path).is_some_and(|data| device(Path::new("/")) == Some(data))
}

/// Reads nftables, where that is allowed.
pub(super) fn firewall(port: u16) -> Finding {
    let rules = match Command::new("nft").args(["list", "ruleset"]).output() {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).into_owned(),
        Ok(_) => return Finding::skipped("S03", "because only root may see the firewall's rules"),
        Err(_) => return Finding::skipped("S03", "because there is no nft here to ask"),
    };
    let drops = rules.lines().any(|l| l.contains("hook input") && l.contains("policy drop"));
    let named = rules.split(|c: char| !c.is_ascii_digit()).any(|word| word == port.to_string());
    match drops && !named {
        true => Finding::failure("S03", format!("the firewall drops what no rule allows, and no rule names port {port}"))
            .fix(format!("sudo nft add rule inet filter input tcp dport {port} accept")),
        false if drops => Finding::ok("S03", format!("the firewall drops by default, and names port {port}")),
        false => Finding::ok("S03", "the firewall lets in what nobody forbids"),
    }
}

pub(super) fn security(pid: u64, port: u16) -> Finding {
    let outside: Vec<IpAddr> = listening(pid, port).into_iter().filter(|ip| !ip.is_loopback()).collect();
    let public = |ip: &IpAddr| matches!(ip, IpAddr::V4(v4) if !v4.is_private() && !v4.is_unspecified() && !v4.is_link_local());
    match outside.first() {
        None => Finding::ok("S11", "only this machine can connect"),
        Some(ip) if public(ip) => Finding::failure("S11", format!("open without a login on the public address {ip}"))
            .fix(format!("milena serve --kafka 127.0.0.1:{port}   or a firewall in front")),
        Some(ip) => Finding::warning("S11", format!("open without a login to everybody who reaches {ip}"))
            .fix("let a firewall say who may connect"),
    }
}

pub(super) fn limits(pid: u64) -> Finding {
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap_or_default();
    let line = limits.lines().find_map(|l| l.strip_prefix("Max open files"));
    let files = line.and_then(|l| l.split_whitespace().next()?.parse::<u64>().ok());
    let group = fs::read_to_string("/sys/fs/cgroup/memory.events").unwrap_or_default();
    let killed = group.lines().find_map(|l| l.strip_prefix("oom_kill ")?.trim().parse::<u64>().ok()).unwrap_or(0);
    match files {
        Some(files) if files < 4096 => {
            Finding::warning("S07", format!("open files {files}: fails near {} connections", files.saturating_sub(100)))
                .fix("LimitNOFILE=65536 in the unit, then: systemctl daemon-reload && systemctl restart milena")
        }
        _ if killed > 0 => {
            Finding::warning("S07", format!("the kernel has ended {killed} processes of this group for want of memory"))
                .fix("give it more: MemoryMax= in the unit")
        }
        Some(files) => match memory_limit(pid) {
            Some((used, limit)) if used * 10 > limit * 9 => {
                let words = format!("{} of the {} that its group may have are used", size(used), size(limit));
                Finding::warning("S07", words).fix("give it more: MemoryMax= in the unit")
            }
            limit => swapped(
                pid,
                format!(
                    "open files {files}{}",
                    limit.map_or(String::new(), |(used, limit)| { format!(", memory {} of {}", size(used), size(limit)) })
                ),
            ),
        },
        None => Finding::skipped("S07", "because the limits of the process may not be read"),
    }
}

/// What of the process lies in the swap, which makes every answer wait.
fn swapped(pid: u64, words: String) -> Finding {
    const MUCH: u64 = 16 << 10;
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let kilobytes = status.lines().find_map(|l| l.strip_prefix("VmSwap:")?.split_whitespace().next()?.parse::<u64>().ok());
    match kilobytes.unwrap_or(0) {
        kb if kb > MUCH => Finding::warning("S07", format!("{words}; {} of it lie in the swap", size(kb * 1024)))
            .fix("MemorySwapMax=0 in the unit, or more memory"),
        _ => Finding::ok("S07", words),
    }
}

/// Bytes that the process's control group uses and may use, where it has a limit.
fn memory_limit(pid: u64) -> Option<(u64, u64)> {
    let group = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    let path = group.lines().find_map(|line| line.strip_prefix("0::"))?;
    let number = |file: &str| fs::read_to_string(format!("/sys/fs/cgroup{path}/{file}")).ok()?.trim().parse::<u64>().ok();
    Some((number("memory.current")?, number("memory.max")?))
}

/// S05 and S06, of the directory with the data.
pub(super) fn directory(path: Option<&Path>) -> Vec<Finding> {
    let Some(path) = path else {
        let why = "because no data directory is known: --data DIR";
        return vec![Finding::skipped("S05", why), Finding::skipped("S06", why)];
    };
    vec![fsync(path), filesystem(path)]
}

fn fsync(path: &Path) -> Finding {
    let begin = Instant::now();
    let probe = path.join(format!(".doctor-{}", std::process::id()));
    let measured = syncs(&probe);
    let _ = fs::remove_file(&probe);
    let times = match measured {
        Ok(times) => times,
        Err(error) => {
            return Finding::skipped("S05", format!("because {} cannot be written by this user: {error}", path.display()));
        }
    };
    let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)];
    let (p50, p99) = (at(50), at(99));
    let words = format!("p50 {}  p99 {} ({} writes)", spent(p50), spent(p99), times.len());
    let finding = match () {
        () if p50 < Duration::from_micros(20) => {
            Finding::failure("S05", format!("{words}: no disk is that fast, so it does not really flush"))
                .fix("use a disk whose cache obeys; a container's overlay or a RAM disk keeps nothing")
        }
        () if p99 > Duration::from_millis(100) => Finding::failure("S05", format!("{words}: every acknowledgement waits for it"))
            .fix("iostat -x 1   (who else writes to this disk?)"),
        () if p99 > Duration::from_millis(20) => {
            Finding::warning("S05", words).fix("iostat -x 1   (who else writes to this disk?)")
        }
        () => Finding::ok("S05", words),
    };
    finding.took(begin.elapsed())
}

/// Times of small writes that were flushed, sorted. Ends early on a disk that is too slow for all of them.
fn syncs(probe: &Path) -> std::io::Result<Vec<Duration>> {
    let mut file = fs::OpenOptions::new().create_new(true).write(true).open(probe)?;
    let block = [0x5a; 4096];
    file.write_all(&block)?;
    file.sync_all()?;
    let begin = Instant::now();
    let mut times = Vec::new();
    while times.len() < SYNCS && (times.is_empty() || begin.elapsed() < Duration::from_secs(2)) {
        let start = Instant::now();
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&block)?;
        file.sync_data()?;
        times.push(start.elapsed());
    }
    times.sort_unstable();
    Ok(times)
}

fn filesystem(path: &Path) -> Finding {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let Some((at, kind, options)) = mount_of(&mounts, &path) else {
        return Finding::skipped("S06", "because the mounts cannot be read");
    };
    let words = format!("{kind} at {at}");
    match kind.as_str() {
        _ if options.split(',').any(|o| o == "ro") => {
            Finding::failure("S06", format!("{words} is mounted read-only")).fix(format!("mount -o remount,rw {at}"))
        }
        "tmpfs" | "ramfs" => {
            Finding::failure("S06", format!("{words} is memory: nothing outlives the machine")).fix("--data DIR on a disk")
        }
        kind if kind.starts_with("nfs") || matches!(kind, "cifs" | "smb3" | "9p") => {
            Finding::failure("S06", format!("{words} is on another machine, where a flush may mean less"))
                .fix("--data DIR on a disk of this machine")
        }
        "overlay" => {
            Finding::warning("S06", format!("{words} goes with its container")).fix("mount a volume at the data directory")
        }
        _ => Finding::ok("S06", words),
    }
}

/// S06 for whoever wants to hear only what is not right. A container's own file system is left to `doctor`.
pub(crate) fn unfit(path: &Path) -> Option<String> {
    let finding = filesystem(path);
    let fix = finding.fix.as_deref().unwrap_or_default();
    (finding.verdict == crate::cmd::doctor::finding::Verdict::Failure)
        .then(|| format!("the data directory: {}: {fix}", finding.words))
}

/// The mount that holds a path: where it is, its type, and its options.
fn mount_of(mounts: &str, path: &Path) -> Option<(String, String, String)> {
    let line = |line: &str| {
        let (head, tail) = line.split_once(" - ")?;
        let head: Vec<&str> = head.split(' ').collect();
        let at = head.get(4)?.replace("\\040", " ");
        path.starts_with(&at)
            .then(|| (at, tail.split(' ').next().unwrap_or("?").to_string(), head.get(5).unwrap_or(&"").to_string()))
    };
    mounts.lines().filter_map(line).max_by_key(|(at, _, _)| at.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_are_read_and_connections_are_not() {
        let line = "   0: 0100007F:2384 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0";
        assert_eq!(listener(line, 9092), Some(Ipv4Addr::LOCALHOST.into()));
        assert_eq!(listener(line, 9093), None);
        assert_eq!(listener(&line.replace(" 0A ", " 01 "), 9092), None);
        let six = "   1: 00000000000000000000000001000000:2384 00000000000000000000000000000000:0000 0A 0:0";
        assert_eq!(listener(six, 9092), Some(Ipv6Addr::LOCALHOST.into()));
        assert_eq!(listener("sl local_address", 9092), None);
    }

    #[test]
    fn the_deepest_mount_holds_the_path() {
        let mounts = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n30 22 0:5 / /var/lib rw - xfs /dev/sdb rw\n31 22 0:6 / /tmp ro,nosuid - tmpfs tmpfs rw\n";
        let of = |path: &str| mount_of(mounts, Path::new(path)).unwrap();
        assert_eq!(of("/var/lib/milena"), ("/var/lib".into(), "xfs".into(), "rw".into()));
        assert_eq!(of("/var/library").1, "ext4");
        assert_eq!(of("/tmp/x"), ("/tmp".into(), "tmpfs".into(), "ro,nosuid".into()));
    }

    #[test]
    fn a_directory_that_flushes_is_measured() {
        let dir = tempfile::tempdir().unwrap();
        let times = syncs(&dir.path().join("probe")).unwrap();
        assert!(!times.is_empty() && times.is_sorted());
        assert_eq!(directory(Some(&dir.path().join("absent")))[0].verdict, crate::cmd::doctor::finding::Verdict::Skipped);
    }
}
