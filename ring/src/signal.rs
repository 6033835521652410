//! How one core tells another, which may be asleep, that there is something for it.

use std::{
    os::fd::{AsFd, OwnedFd},
    sync::atomic::{AtomicI32, Ordering},
    task::Waker,
};

use crossbeam_queue::SegQueue;

use crate::sleep_flag::SleepFlag;

/// A core's sleeping flag and the ways to wake it. Shared by all cores.
#[derive(Debug)]
pub struct CoreSignal {
    /// Which core this is, for drivers that need a name.
    pub core: usize,
    sleeping: SleepFlag,
    ring: AtomicI32,
    event: Option<OwnedFd>,
    /// Wakers called from outside the core's thread. Few: stop signals and threads that do slow work.
    remote: SegQueue<Waker>,
}

impl CoreSignal {
    pub fn new(core: usize, ring: i32, event: Option<OwnedFd>) -> Self {
        Self { core, sleeping: SleepFlag::new(), ring: AtomicI32::new(ring), event, remote: SegQueue::new() }
    }

    pub(crate) fn ring(&self) -> i32 {
        self.ring.load(Ordering::Relaxed)
    }

    /// Called by a peer after it made work visible: true if the core sleeps and this caller is to wake it.
    pub fn claim_wake(&self) -> bool {
        self.sleeping.claim_wake()
    }

    pub(crate) fn fall_asleep(&self) {
        self.sleeping.raise();
    }

    pub(crate) fn wake_up(&self) {
        self.sleeping.lower();
    }

    /// Wake from a thread that has no ring of its own.
    pub(crate) fn wake_from_outside(&self, waker: Waker) {
        self.remote.push(waker);
        if self.claim_wake() {
            self.raise_event();
        }
    }

    /// End the core's sleep by its event, from any thread; after [`CoreSignal::claim_wake`] said so.
    pub(crate) fn raise_event(&self) {
        if let Some(event) = &self.event {
            // The counter can only overflow when the core has 2^64 - 2 wake-ups pending.
            let _ = rustix::io::write(event.as_fd(), &1u64.to_ne_bytes());
        }
    }

    pub(crate) fn take_remote(&self) -> Option<Waker> {
        self.remote.pop()
    }

    pub(crate) fn has_remote(&self) -> bool {
        !self.remote.is_empty()
    }
}
