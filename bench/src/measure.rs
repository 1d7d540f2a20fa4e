//! What a process costs, as the kernel accounts it: CPU of all its threads, memory, and the limits of the machine.

use std::{
    fs::File,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::fs::FileExt,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

/// CPU seconds that a process has used: scheduler run time of its threads, with `stat`'s total where threads have ended.
pub(crate) fn cpu(pid: u32) -> Result<f64> {
    let mut nanos = 0u64;
    for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let text = std::fs::read_to_string(task?.path().join("schedstat")).unwrap_or_default();
        nanos += text.split(' ').next().and_then(|n| n.parse::<u64>().ok()).unwrap_or(0);
    }
    Ok(nanos as f64 / 1e9)
}

/// `VmRSS` or `VmHWM` of `/proc/PID/status`, in bytes.
pub(crate) fn memory(pid: u32, field: &str) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|l| l.strip_prefix(field)).with_context(|| format!("no {field} in status"))?;
    Ok(line.trim_start_matches(':').trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
}

/// Bytes that a process has made the disk read.
pub(crate) fn device_reads(pid: u32) -> u64 {
    let io = std::fs::read_to_string(format!("/proc/{pid}/io")).unwrap_or_default();
    io.lines().find_map(|l| l.strip_prefix("read_bytes: ")).and_then(|n| n.parse().ok()).unwrap_or(0)
}

/// Bytes that a directory's files take on disk.
pub(crate) fn disk(dir: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let Ok(entries) = std::fs::read_dir(dir) else { return 0 };
    entries
        .flatten()
        .map(|e| match e.metadata() {
            Ok(m) if m.is_dir() => disk(&e.path()),
            Ok(m) => m.blocks() * 512,
            Err(_) => 0,
        })
        .sum()
}

/// The machine's own limits, taken in the same run as everything else.
pub(crate) struct Limits {
    /// Median of a 4 KiB overwrite and fdatasync, in microseconds.
    pub(crate) sync_micros: f64,
    /// Median round trip of 64 bytes over loopback between two threads, in microseconds.
    pub(crate) round_trip_micros: f64,
    /// One-way copy over loopback, in bytes a second.
    pub(crate) loopback: f64,
}

pub(crate) fn limits(dir: &Path) -> Result<Limits> {
    Ok(Limits { sync_micros: sync(dir)?, round_trip_micros: round_trip()?, loopback: loopback()? })
}

fn sync(dir: &Path) -> Result<f64> {
    let file = File::options().create(true).truncate(true).write(true).open(dir.join("limit"))?;
    let block = [1; 4096];
    for at in 0..1024 {
        file.write_all_at(&block, at * 4096)?;
    }
    file.sync_all()?;
    let mut times = Vec::new();
    for at in 0..500 {
        let start = Instant::now();
        file.write_all_at(&block, at * 4096)?;
        file.sync_data()?;
        times.push(start.elapsed());
    }
    Ok(median(times))
}

fn round_trip() -> Result<f64> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut near = TcpStream::connect(listener.local_addr()?)?;
    let (mut far, _) = listener.accept()?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    let echo = std::thread::spawn(move || {
        let mut bytes = [0; 64];
        while far.read_exact(&mut bytes).is_ok() && far.write_all(&bytes).is_ok() {}
    });
    let (mut bytes, mut times) = ([0; 64], Vec::new());
    for _ in 0..5000 {
        let start = Instant::now();
        near.write_all(&bytes)?;
        near.read_exact(&mut bytes)?;
        times.push(start.elapsed());
    }
    drop(near);
    let _ = echo.join();
    Ok(median(times))
}

fn loopback() -> Result<f64> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut near = TcpStream::connect(listener.local_addr()?)?;
    let (mut far, _) = listener.accept()?;
    let reader = std::thread::spawn(move || {
        let (mut bytes, mut total) = (vec![0; 1 << 20], 0usize);
        while let Ok(n) = far.read(&mut bytes) {
            if n == 0 {
                break;
            }
            total += n;
        }
        total
    });
    let (block, start) = (vec![1; 1 << 20], Instant::now());
    while start.elapsed() < Duration::from_secs(1) {
        near.write_all(&block)?;
    }
    drop(near);
    let total = reader.join().ok().context("the reading thread ended badly")?;
    Ok(total as f64 / start.elapsed().as_secs_f64())
}

/// Microseconds.
pub(crate) fn median(times: Vec<Duration>) -> f64 {
    p50_and_p99(times).0
}

/// Microseconds.
pub(crate) fn p50_and_p99(mut times: Vec<Duration>) -> (f64, f64) {
    times.sort();
    let at = |index: usize| times[index].as_nanos() as f64 / 1000.0;
    (at(times.len() / 2), at(times.len() * 99 / 100))
}
