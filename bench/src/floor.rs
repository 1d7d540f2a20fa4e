//! The floor: the least program that reads a Produce, syncs and answers. One thread, epoll, one pre-zeroed file; no checks, no
//! index, no second reader. What a broker costs above it is what it does for its users.

use std::{
    fs::{File, OpenOptions},
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::fs::FileExt,
    path::Path,
};

use anyhow::{Result, bail};
use rustix::{
    buffer::spare_capacity,
    event::epoll::{self, CreateFlags, Event, EventData, EventFlags},
};

/// Bytes of the pre-zeroed file that commits go round in.
const FILE: u64 = 256 << 20;
/// A commit starts on a block of its own.
const BLOCK: usize = 4096;

struct Peer {
    stream: TcpStream,
    read: Vec<u8>,
    have: usize,
    answers: Vec<u8>,
}

struct Disk {
    file: File,
    at: u64,
    staged: Vec<u8>,
    durable: bool,
}

/// Serves for ever on `address`; prints the address it listens on.
pub(crate) fn serve(address: SocketAddr, dir: &Path, durable: bool) -> Result<()> {
    let listener = TcpListener::bind(address)?;
    println!("{}", listener.local_addr()?);
    listener.set_nonblocking(true)?;
    let poll = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(&poll, &listener, EventData::new_u64(u64::MAX), EventFlags::IN)?;
    let mut disk = Disk::open(dir, durable)?;
    let mut peers: Vec<Option<Peer>> = Vec::new();
    let mut events: Vec<Event> = Vec::with_capacity(1024);
    loop {
        events.clear();
        epoll::wait(&poll, spare_capacity(&mut events), None)?;
        let mut spoke = Vec::new();
        for event in &events {
            let index = event.data.u64();
            if index == u64::MAX {
                accept(&listener, &poll, &mut peers)?;
            } else if let Some(peer) = peers[index as usize].as_mut() {
                match peer.receive(&mut disk) {
                    Ok(()) => spoke.push(index as usize),
                    Err(_) => peers[index as usize] = None,
                }
            }
        }
        disk.commit()?;
        for index in spoke {
            let gone = peers[index].as_mut().is_some_and(|peer| peer.answer().is_err());
            if gone {
                peers[index] = None;
            }
        }
    }
}

fn accept(listener: &TcpListener, poll: &impl std::os::fd::AsFd, peers: &mut Vec<Option<Peer>>) -> Result<()> {
    while let Ok((stream, _)) = listener.accept() {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        epoll::add(poll, &stream, EventData::new_u64(peers.len() as u64), EventFlags::IN)?;
        peers.push(Some(Peer { stream, read: vec![0; 1 << 20], have: 0, answers: Vec::new() }));
    }
    Ok(())
}

impl Peer {
    fn receive(&mut self, disk: &mut Disk) -> Result<()> {
        match self.stream.read(&mut self.read[self.have..]) {
            Ok(0) => bail!("closed"),
            Ok(n) => self.have += n,
            Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(e) => return Err(e.into()),
        }
        let mut at = 0;
        while let Some(frame) = whole(&self.read[at..self.have]) {
            disk.staged.extend_from_slice(frame);
            // The shape of a Produce v9 answer: as long as a real one, and no error in it.
            let correlation = &frame[8..12];
            self.answers.extend_from_slice(&60u32.to_be_bytes());
            self.answers.extend_from_slice(correlation);
            self.answers.extend_from_slice(&[0; 56]);
            at += frame.len();
        }
        self.read.copy_within(at..self.have, 0);
        self.have -= at;
        Ok(())
    }

    fn answer(&mut self) -> Result<()> {
        if !self.answers.is_empty() {
            let n = self.stream.write(&self.answers)?;
            self.answers.drain(..n);
        }
        Ok(())
    }
}

fn whole(bytes: &[u8]) -> Option<&[u8]> {
    let length = u32::from_be_bytes(bytes.get(..4)?.try_into().ok()?) as usize;
    bytes.get(..4 + length)
}

impl Disk {
    fn open(dir: &Path, durable: bool) -> Result<Self> {
        let file = OpenOptions::new().create(true).truncate(true).write(true).open(dir.join("floor.log"))?;
        let zeros = vec![0; 1 << 20];
        for at in (0..FILE).step_by(zeros.len()) {
            file.write_all_at(&zeros, at)?;
        }
        file.sync_all()?;
        Ok(Self { file, at: 0, staged: Vec::with_capacity(8 << 20), durable })
    }

    fn commit(&mut self) -> Result<()> {
        if self.staged.is_empty() {
            return Ok(());
        }
        self.staged.resize(self.staged.len().next_multiple_of(BLOCK), 0);
        if self.at + self.staged.len() as u64 > FILE {
            self.at = 0;
        }
        self.file.write_all_at(&self.staged, self.at)?;
        if self.durable {
            self.file.sync_data()?;
        }
        self.at += self.staged.len() as u64;
        self.staged.clear();
        Ok(())
    }
}
