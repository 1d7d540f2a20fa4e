//! ICMP echo by hand: packets, their checksum, and the sockets that an ordinary user may have.
//!
//! A datagram socket needs no rights where `net.ipv4.ping_group_range` has the user's group; a raw one needs
//! `CAP_NET_RAW`. Which of them it is, is told. Blocks: call it where waiting is allowed.

use std::{
    io::{self, Read},
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use socket2::{Domain, Protocol, Socket, Type};

const V4: (u8, u8) = (8, 0);
const V6: (u8, u8) = (128, 129);
const HEADER: usize = 8;
/// As much as ping sends unless told otherwise.
pub(crate) const SIZE: usize = 56;
/// What fits one packet with its headers.
pub(crate) const SIZE_MAX: usize = 65_507 - HEADER;

/// How packets are sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Way {
    Datagram,
    Raw,
}

/// An answer to an echo.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Reply {
    pub(crate) took: Duration,
    pub(crate) bytes: usize,
    /// Told by raw sockets of IPv4 only, where the packet's own header is seen.
    pub(crate) ttl: Option<u8>,
}

pub(crate) struct Echo {
    socket: Socket,
    pub(crate) way: Way,
    v6: bool,
    id: u16,
    payload: Vec<u8>,
}

impl Echo {
    /// A datagram socket, or a raw one. The error is that of the datagram socket, which needs the fewest rights.
    pub(crate) fn open(target: IpAddr, size: usize, ttl: Option<u32>) -> io::Result<Self> {
        let v6 = target.is_ipv6();
        let (domain, protocol) = if v6 { (Domain::IPV6, Protocol::ICMPV6) } else { (Domain::IPV4, Protocol::ICMPV4) };
        let (socket, way) = match Socket::new(domain, Type::DGRAM, Some(protocol)) {
            Ok(socket) => (socket, Way::Datagram),
            Err(error) => match Socket::new(domain, Type::RAW, Some(protocol)) {
                Ok(socket) => (socket, Way::Raw),
                Err(_) => return Err(error),
            },
        };
        if let Some(ttl) = ttl {
            if v6 { socket.set_unicast_hops_v6(ttl)? } else { socket.set_ttl_v4(ttl)? }
        }
        socket.connect(&SocketAddr::new(target, 0).into())?;
        let payload = (0..size.min(SIZE_MAX)).map(|n| n as u8).collect();
        Ok(Self { socket, way, v6, id: std::process::id() as u16, payload })
    }

    /// Sends one echo and waits for its answer. `None`: none came in time.
    pub(crate) fn exchange(&mut self, sequence: u16, patience: Duration) -> io::Result<Option<Reply>> {
        self.socket.send(&request(self.v6, self.id, sequence, &self.payload))?;
        let begin = Instant::now();
        let mut packet = vec![0; 128 + self.payload.len()];
        loop {
            let left = patience.saturating_sub(begin.elapsed());
            if left.is_zero() {
                return Ok(None);
            }
            self.socket.set_read_timeout(Some(left))?;
            let n = match (&self.socket).read(&mut packet) {
                Ok(n) => n,
                Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => return Ok(None),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(e),
            };
            let took = begin.elapsed();
            let bare = self.v6 || self.way == Way::Datagram;
            // The kernel gives a datagram socket an id of its own, and sees to it that only its answers come.
            let id = (self.way == Way::Raw).then_some(self.id);
            if let Some((bytes, ttl)) = reply(&packet[..n], self.v6, bare, id, sequence) {
                return Ok(Some(Reply { took, bytes, ttl }));
            }
        }
    }
}

fn request(v6: bool, id: u16, sequence: u16, payload: &[u8]) -> Vec<u8> {
    let kind = if v6 { V6.0 } else { V4.0 };
    let mut packet = vec![kind, 0, 0, 0];
    packet.extend(id.to_be_bytes());
    packet.extend(sequence.to_be_bytes());
    packet.extend(payload);
    // Of ICMPv6 the kernel makes the checksum, since it covers addresses that only the kernel knows.
    if !v6 {
        let sum = checksum(&packet);
        packet[2..4].copy_from_slice(&sum.to_be_bytes());
    }
    packet
}

/// Size and TTL of the answer to our echo, if the packet is that. `bare`: no IP header stands in front.
fn reply(packet: &[u8], v6: bool, bare: bool, id: Option<u16>, sequence: u16) -> Option<(usize, Option<u8>)> {
    let (offset, ttl) = if bare {
        (0, None)
    } else {
        // The header's length in words of four bytes: options may stand in it.
        let first = *packet.first()?;
        let offset = usize::from(first & 0x0f) * 4;
        if first >> 4 != 4 || offset < 20 {
            return None;
        }
        (offset, Some(*packet.get(8)?))
    };
    let echo = packet.get(offset..)?;
    let head: &[u8; HEADER] = echo.first_chunk()?;
    let kind = if v6 { V6.1 } else { V4.1 };
    let ours = id.is_none_or(|id| head[4..6] == id.to_be_bytes());
    let whole = v6 || checksum(echo) == 0;
    let right = head[0] == kind && head[1] == 0 && ours && head[6..8] == sequence.to_be_bytes() && whole;
    right.then_some((echo.len(), ttl))
}

/// RFC 1071: the complement of the sum of 16-bit words, carries added in. Of a packet that holds its own, it is 0.
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)])));
    let mut sum: u32 = words.fold(0, |sum, word| {
        let sum = sum + word;
        (sum & 0xffff) + (sum >> 16)
    });
    sum = (sum & 0xffff) + (sum >> 16);
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 1071, section 3.
    #[test]
    fn the_checksum_is_that_of_the_standard() {
        assert_eq!(checksum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), !0xddf2);
        assert_eq!(checksum(&[]), 0xffff);
        assert_eq!(checksum(&[0xff]), 0x00ff);
    }

    /// As the other side answers: another type, and the checksum made anew.
    fn answered(mut packet: Vec<u8>) -> Vec<u8> {
        (packet[0], packet[2], packet[3]) = (0, 0, 0);
        let sum = checksum(&packet);
        packet[2..4].copy_from_slice(&sum.to_be_bytes());
        packet
    }

    #[test]
    fn an_answer_is_known_with_and_without_the_header_in_front() {
        let echo = answered(request(false, 7, 3, b"abc"));
        assert_eq!(reply(&echo, false, true, None, 3), Some((11, None)));
        // Six words of header: one of options.
        let mut raw = vec![0x46; 24];
        raw[8] = 61;
        raw.extend(&echo);
        assert_eq!(reply(&raw, false, false, Some(7), 3), Some((11, Some(61))));
        assert_eq!(reply(&raw, false, false, Some(8), 3), None, "somebody else's");
        assert_eq!(reply(&raw, false, false, Some(7), 4), None, "an earlier one");
        *raw.last_mut().unwrap() ^= 1;
        assert_eq!(reply(&raw, false, false, Some(7), 3), None, "damaged on its way");
        assert_eq!(reply(&request(false, 7, 3, b"abc"), false, true, None, 3), None, "our own, seen on loopback");
    }

    #[test]
    fn no_packet_breaks_it() {
        let mut seed = 1u64;
        for n in 0..20_000usize {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let packet: Vec<u8> = (0..n % 70).map(|at| (seed >> (at % 57)) as u8 ^ at as u8).collect();
            for (v6, bare) in [(false, false), (false, true), (true, true)] {
                reply(&packet, v6, bare, Some(seed as u16), n as u16);
            }
        }
    }
}
