//! A bounded single-producer single-consumer ring of values between two cores, without locks.

use std::mem::MaybeUninit;

use self::platform::{Arc, AtomicUsize, Ordering, SlotCell};

/// The primitives, as the standard library has them.
#[cfg(not(loom))]
mod platform {
    use std::cell::UnsafeCell;
    pub(super) use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    /// A cell with loom's interface.
    pub(super) struct SlotCell<T>(UnsafeCell<T>);

    impl<T> SlotCell<T> {
        pub(super) fn new(value: T) -> Self {
            Self(UnsafeCell::new(value))
        }

        pub(super) fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
            f(self.0.get())
        }

        pub(super) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
            f(self.0.get())
        }
    }
}

/// The primitives, as loom checks them.
#[cfg(loom)]
mod platform {
    pub(super) use loom::{
        cell::UnsafeCell as SlotCell,
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
    };
}

/// Keeps the two ends' counters out of each other's cache line.
#[repr(align(128))]
struct Apart<T>(T);

struct Ring<T> {
    /// Values taken, written by the receiver. Invariant: `head <= tail <= head + slots.len()` (wrapping).
    head: Apart<AtomicUsize>,
    /// Values put, written by the sender.
    tail: Apart<AtomicUsize>,
    slots: Box<[SlotCell<MaybeUninit<T>>]>,
}

// SAFETY: a slot is touched by the sender only while it is outside head..tail, by the receiver only while inside;
// the Release store and Acquire load of the counters order the two. Values of T move between threads: T is Send.
#[allow(unsafe_code)]
unsafe impl<T: Send> Sync for Ring<T> {}
// SAFETY: as above.
#[allow(unsafe_code)]
unsafe impl<T: Send> Send for Ring<T> {}

impl<T> Ring<T> {
    fn slot(&self, count: usize) -> &SlotCell<MaybeUninit<T>> {
        &self.slots[count & (self.slots.len() - 1)]
    }
}

/// The putting end. Not `Clone`: one producer.
pub struct Sender<T> {
    ring: Arc<Ring<T>>,
    tail: usize,
    /// The last head that was seen: the shared counter is read only when the ring looks full.
    seen_head: usize,
}

/// The taking end. Not `Clone`: one consumer.
pub struct Receiver<T> {
    ring: Arc<Ring<T>>,
    head: usize,
    seen_tail: usize,
}

/// A mailbox for at most `capacity` values, a power of two.
pub fn mailbox<T: Send>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    assert!(capacity.is_power_of_two(), "a mailbox's capacity is a power of two");
    let slots = (0..capacity).map(|_| SlotCell::new(MaybeUninit::uninit())).collect();
    let ring = Arc::new(Ring { head: Apart(AtomicUsize::new(0)), tail: Apart(AtomicUsize::new(0)), slots });
    (Sender { ring: Arc::clone(&ring), tail: 0, seen_head: 0 }, Receiver { ring, head: 0, seen_tail: 0 })
}

impl<T: Send> Sender<T> {
    /// Put a value; gives it back if the mailbox is full.
    pub fn try_send(&mut self, value: T) -> Result<(), T> {
        if self.tail.wrapping_sub(self.seen_head) == self.ring.slots.len() {
            self.seen_head = self.ring.head.0.load(Ordering::Acquire);
            if self.tail.wrapping_sub(self.seen_head) == self.ring.slots.len() {
                return Err(value);
            }
        }
        self.ring.slot(self.tail).with_mut(|slot| {
            // SAFETY: tail is outside head..tail, so the receiver does not touch this slot; we are the only sender.
            #[allow(unsafe_code)]
            unsafe {
                (*slot).write(value);
            }
        });
        self.tail = self.tail.wrapping_add(1);
        self.ring.tail.0.store(self.tail, Ordering::Release);
        Ok(())
    }
}

impl<T: Send> Receiver<T> {
    /// Take the oldest value.
    pub fn try_receive(&mut self) -> Option<T> {
        if self.head == self.seen_tail {
            self.seen_tail = self.ring.tail.0.load(Ordering::Acquire);
            if self.head == self.seen_tail {
                return None;
            }
        }
        let value = self.ring.slot(self.head).with(|slot| {
            // SAFETY: head is inside head..tail: the sender wrote this slot before its Release store of tail, which
            // we loaded with Acquire, and will not touch it before our Release store of head. We read it once.
            #[allow(unsafe_code)]
            unsafe {
                (*slot).assume_init_read()
            }
        });
        self.head = self.head.wrapping_add(1);
        self.ring.head.0.store(self.head, Ordering::Release);
        Some(value)
    }

    pub fn is_empty(&self) -> bool {
        self.head == self.seen_tail && self.head == self.ring.tail.0.load(Ordering::Acquire)
    }
}

impl<T> Drop for Ring<T> {
    fn drop(&mut self) {
        #[cfg(not(loom))]
        let (mut head, tail) = (*self.head.0.get_mut(), *self.tail.0.get_mut());
        #[cfg(loom)]
        let (mut head, tail) = (self.head.0.load(Ordering::Acquire), self.tail.0.load(Ordering::Acquire));
        while head != tail {
            self.slot(head).with_mut(|slot| {
                // SAFETY: both ends are gone; the slots inside head..tail are initialised and were not read.
                #[allow(unsafe_code)]
                unsafe {
                    (*slot).assume_init_drop();
                }
            });
            head = head.wrapping_add(1);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn keeps_order_and_bound() {
        let (mut sender, mut receiver) = mailbox(4);
        for round in 0..10u32 {
            for value in 0..4 {
                assert_eq!(sender.try_send(round * 4 + value), Ok(()));
            }
            assert_eq!(sender.try_send(99), Err(99));
            for value in 0..4 {
                assert_eq!(receiver.try_receive(), Some(round * 4 + value));
            }
            assert!(receiver.is_empty());
        }
    }

    #[test]
    fn drops_what_nobody_took() {
        let value = Arc::new(());
        let (mut sender, receiver) = mailbox(2);
        assert!(sender.try_send(Arc::clone(&value)).is_ok());
        drop((sender, receiver));
        assert_eq!(Arc::strong_count(&value), 1);
    }

    #[test]
    fn carries_a_stream_between_threads() {
        let count = if cfg!(miri) { 200 } else { 200_000u64 };
        let (mut sender, mut receiver) = mailbox(8);
        let thread = std::thread::spawn(move || {
            for value in 0..count {
                while sender.try_send(value).is_err() {
                    std::thread::yield_now();
                }
            }
        });
        for expected in 0..count {
            let value = loop {
                match receiver.try_receive() {
                    Some(value) => break value,
                    None => std::thread::yield_now(),
                }
            };
            assert_eq!(value, expected);
        }
        assert!(thread.join().is_ok());
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use super::*;

    #[test]
    fn every_interleaving_keeps_values_and_order() {
        loom::model(|| {
            let (mut sender, mut receiver) = mailbox(2);
            let thread = loom::thread::spawn(move || {
                for value in 0..3usize {
                    while sender.try_send(value).is_err() {
                        loom::thread::yield_now();
                    }
                }
            });
            for expected in 0..3 {
                let value = loop {
                    match receiver.try_receive() {
                        Some(value) => break value,
                        None => loom::thread::yield_now(),
                    }
                };
                assert_eq!(value, expected);
            }
            assert!(thread.join().is_ok());
        });
    }
}
