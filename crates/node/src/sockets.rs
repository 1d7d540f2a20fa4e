//! Who of the doors has how many sockets, so that clients never take the descriptors of the store, and no door all of
//! another's. Counts; opens and closes nothing.

use std::sync::{Arc, Mutex, PoisonError};

/// What is kept for a door that has nobody yet: this part of all.
const KEPT: usize = 8;

/// Which door a socket came through.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Entrance {
    Kafka,
    /// All listeners that speak HTTP.
    Http,
}

/// The sockets that there are descriptors for.
#[derive(Debug)]
pub struct Sockets {
    all: usize,
    open: Mutex<[usize; 2]>,
}

/// A socket's place, given back when dropped.
#[derive(Debug)]
pub struct SocketPlace {
    sockets: Arc<Sockets>,
    entrance: Entrance,
}

impl Sockets {
    pub fn new(all: usize) -> Arc<Self> {
        Arc::new(Self { all, open: Mutex::default() })
    }

    /// As many as anybody wants.
    pub fn unlimited() -> Arc<Self> {
        Self::new(usize::MAX)
    }

    /// A place for one more, unless this door has all that the other one leaves to it.
    pub fn enter(self: &Arc<Self>, entrance: Entrance) -> Option<SocketPlace> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let (mine, others) = (open[entrance as usize], open[1 - entrance as usize]);
        let free = self.all.saturating_sub(others.max(self.all / KEPT));
        (mine < free).then(|| {
            open[entrance as usize] += 1;
            SocketPlace { sockets: self.clone(), entrance }
        })
    }
}

impl Drop for SocketPlace {
    fn drop(&mut self) {
        let mut open = self.sockets.open.lock().unwrap_or_else(PoisonError::into_inner);
        open[self.entrance as usize] -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_door_leaves_the_other_its_part_and_together_they_never_have_more_than_all() {
        let sockets = Sockets::new(80);
        let crowd = |entrance| std::iter::from_fn(|| sockets.enter(entrance)).collect::<Vec<_>>();
        let web = crowd(Entrance::Http);
        let kafka = crowd(Entrance::Kafka);
        assert_eq!((web.len(), kafka.len()), (70, 10));
        assert!(sockets.enter(Entrance::Http).is_none() && sockets.enter(Entrance::Kafka).is_none());
        drop(web);
        // What one door does not use the other one may have, but for its part.
        let more = crowd(Entrance::Kafka);
        assert_eq!(kafka.len() + more.len(), 70);
        assert_eq!(crowd(Entrance::Http).len(), 10);
    }
}
