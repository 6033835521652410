//! How one core tells another, which may be asleep, that there is something for it.

use std::{
    os::fd::{AsFd, OwnedFd},
    sync::atomic::{AtomicBool, AtomicI32, Ordering, fence},
    task::Waker,
};

use crossbeam_queue::SegQueue;

/// A core's sleeping flag and the ways to wake it. Shared by all cores.
///
/// The protocol: a sender makes its work visible, then looks at `sleeping`; a core raises `sleeping`, then looks
/// for work. Both with a full fence between, so at least one of them sees the other.
#[derive(Debug, Default)]
pub struct CoreSignal {
    /// Which core this is, for drivers that need a name.
    pub core: usize,
    sleeping: AtomicBool,
    ring: AtomicI32,
    event: Option<OwnedFd>,
    /// Wakers called from outside the core's thread. Few: stop signals and threads that do slow work.
    remote: SegQueue<Waker>,
}

impl CoreSignal {
    pub fn new(core: usize, ring: i32, event: Option<OwnedFd>) -> Self {
        Self {
            core,
            sleeping: AtomicBool::new(false),
            ring: AtomicI32::new(ring),
            event,
            remote: SegQueue::new(),
        }
    }

    pub(crate) fn ring(&self) -> i32 {
        self.ring.load(Ordering::Relaxed)
    }

    /// Called by a peer after it made work visible: true if the core sleeps and this caller is to wake it.
    pub fn claim_wake(&self) -> bool {
        fence(Ordering::SeqCst);
        self.sleeping.load(Ordering::Relaxed) && self.sleeping.swap(false, Ordering::SeqCst)
    }

    pub(crate) fn fall_asleep(&self) {
        self.sleeping.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
    }

    pub(crate) fn wake_up(&self) {
        self.sleeping.store(false, Ordering::Relaxed);
    }

    /// Wake from a thread that has no ring of its own.
    pub(crate) fn wake_from_outside(&self, waker: Waker) {
        self.remote.push(waker);
        if self.claim_wake()
            && let Some(event) = &self.event
        {
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
