//! The short lock of a noun. Knows why a panic under it ends the process; knows no noun.
//!
//! State under a noun's lock is changed in several steps (judge, reserve, apply). A panic between them would leave a
//! place in the log that nothing stands behind, so the process stops instead of serving from a half-made state.

use std::{
    ops::{Deref, DerefMut},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// A mutex whose holder aborts the process when it panics.
#[derive(Debug, Default)]
pub(crate) struct Lock<T>(Mutex<T>);

/// Access to what a [`Lock`] guards.
#[derive(Debug)]
pub(crate) struct Held<'a, T> {
    guard: MutexGuard<'a, T>,
    /// Taken while a panic elsewhere was already unwinding, which is not the holder's.
    unwinding: bool,
}

impl<T> Lock<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }
    pub(crate) fn hold(&self) -> Held<'_, T> {
        // A poisoned lock cannot be seen: whoever poisoned it aborted.
        let guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Held { guard, unwinding: std::thread::panicking() }
    }
}

impl<T> Deref for Held<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.guard
    }
}
impl<T> DerefMut for Held<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}
impl<T> Drop for Held<'_, T> {
    fn drop(&mut self) {
        if !self.unwinding && std::thread::panicking() {
            std::process::abort();
        }
    }
}
