//! The flag by which a core tells its peers that it sleeps.
//!
//! The protocol: a sender makes its work visible, then looks at the flag; a core raises the flag, then looks for work.
//! Both with a full fence between, so at least one of them sees the other.

use self::platform::{AtomicBool, Ordering, fence};

#[cfg(not(loom))]
mod platform {
    pub(super) use std::sync::atomic::{AtomicBool, Ordering, fence};
}

/// The primitives, as loom checks them.
#[cfg(loom)]
mod platform {
    pub(super) use loom::sync::atomic::{AtomicBool, Ordering, fence};
}

#[derive(Debug)]
pub(crate) struct SleepFlag {
    sleeping: AtomicBool,
}

impl SleepFlag {
    pub(crate) fn new() -> Self {
        Self { sleeping: AtomicBool::new(false) }
    }

    /// After work was made visible: true if the core sleeps and this caller, alone, is to wake it.
    pub(crate) fn claim_wake(&self) -> bool {
        fence(Ordering::SeqCst);
        self.sleeping.load(Ordering::Relaxed)
            && self.sleeping.compare_exchange(true, false, Ordering::SeqCst, Ordering::Relaxed).is_ok()
    }

    /// Before the last look for work.
    pub(crate) fn raise(&self) {
        self.sleeping.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
    }

    /// Awake: nobody needs to wake this core. A swap, once a sleep, orders this after the claim that ended the sleep.
    pub(crate) fn lower(&self) {
        self.sleeping.swap(false, Ordering::AcqRel);
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use loom::{sync::Arc, thread};

    use super::*;
    use crate::mailbox::mailbox;

    /// Work that was sent is seen before the sleep, or its sender wakes the sleeper.
    #[test]
    fn no_wake_up_is_lost() {
        loom::model(|| {
            let flag = Arc::new(SleepFlag::new());
            let (mut sender, receiver) = mailbox(2);
            let seen_by_sender = Arc::clone(&flag);
            let thread = thread::spawn(move || {
                assert!(sender.try_send(1usize).is_ok());
                seen_by_sender.claim_wake()
            });
            flag.raise();
            let found = !receiver.is_empty();
            let claimed = thread.join().unwrap();
            assert!(found || claimed, "the core sleeps on work that nobody will wake it for");
        });
    }

    /// A core that was up, and lies down again, is woken for what came meanwhile.
    #[test]
    fn no_wake_up_is_lost_on_the_second_sleep() {
        loom::model(|| {
            let flag = Arc::new(SleepFlag::new());
            // The completion that wakes the core's sleep.
            let notified = Arc::new(AtomicBool::new(false));
            let (mut sender, mut receiver) = mailbox(2);
            let (their_flag, their_notified) = (Arc::clone(&flag), Arc::clone(&notified));
            flag.raise();
            let thread = thread::spawn(move || {
                for value in 0..2usize {
                    assert!(sender.try_send(value).is_ok());
                    if their_flag.claim_wake() {
                        their_notified.store(true, Ordering::SeqCst);
                    }
                }
            });
            // Awake, for whatever reason: look at completions, then at the mailbox, then lie down.
            flag.lower();
            notified.store(false, Ordering::SeqCst);
            let mut taken = 0;
            while receiver.try_receive().is_some() {
                taken += 1;
            }
            flag.raise();
            let found = !receiver.is_empty();
            thread.join().unwrap();
            let nothing_left = taken == 2;
            assert!(
                nothing_left || found || notified.load(Ordering::SeqCst),
                "the core sleeps on work that nobody will wake it for"
            );
        });
    }

    /// Two senders: one wake-up is enough, and one there is.
    #[test]
    fn one_of_two_senders_wakes() {
        loom::model(|| {
            let flag = Arc::new(SleepFlag::new());
            flag.raise();
            let other = Arc::clone(&flag);
            let thread = thread::spawn(move || other.claim_wake());
            let mine = flag.claim_wake();
            let theirs = thread.join().unwrap();
            assert!(mine ^ theirs, "a sleeping core is woken once");
        });
    }
}
