//! Receive buffers that the kernel fills in ring order, handed out as shared bytes without a copy.

use std::{
    io,
    ptr::NonNull,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU16, Ordering, fence},
    },
};

use bytes::Bytes;
use crossbeam_queue::ArrayQueue;
use io_uring::{IoUring, types::BufRingEntry};
use rustix::mm::{MapFlags, ProtFlags};

use crate::signal::CoreSignal;

/// One buffer in so many is never handed out: while fewer are free, received bytes are copied.
const COPIED_SHARE: usize = 8;

/// The only buffer group.
pub(crate) const GROUP: u16 = 0;

/// The kernel's view of the pool: a ring of free buffers.
pub(crate) struct ReceivePool {
    ring: Mapping,
    memory: Arc<Memory>,
    /// Which buffer stands in which ring slot, and where each buffer stands.
    buffer_in: Vec<u16>,
    slot_of: Vec<u16>,
    tail: u16,
    /// Buffers that the kernel has and has not filled, as far as we have seen.
    free: usize,
}

/// Anonymous memory, unmapped on drop.
struct Mapping {
    base: NonNull<u8>,
    length: usize,
}

/// The buffers, and those that their takers have dropped.
struct Memory {
    mapping: Mapping,
    buffer_bytes: usize,
    returned: ArrayQueue<u16>,
    /// Receives wait for buffers: whoever returns one from another thread wakes the owner.
    starving: AtomicBool,
    owner: Arc<CoreSignal>,
}

// SAFETY: plain memory. A buffer is written by the kernel only while it is in the ring, and read through `Chunk`
// only while it is not: `take` and `recycle` move it between the two.
#[allow(unsafe_code)]
unsafe impl Send for Mapping {}
// SAFETY: as above.
#[allow(unsafe_code)]
unsafe impl Sync for Mapping {}

impl Mapping {
    fn anonymous(length: usize) -> io::Result<Self> {
        // SAFETY: a fresh private mapping aliases nothing.
        #[allow(unsafe_code)]
        let base = unsafe {
            rustix::mm::mmap_anonymous(
                std::ptr::null_mut(),
                length,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::PRIVATE,
            )
        }?;
        let base = NonNull::new(base.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { base, length })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: mapped by us with this length, and nobody has a reference: chunks hold the Arc around this.
        #[allow(unsafe_code)]
        unsafe {
            // Unmapping our own mapping cannot fail.
            let _ = rustix::mm::munmap(self.base.as_ptr().cast(), self.length);
        }
    }
}

/// Received bytes; returns the buffer when dropped, on whichever core that is.
struct Chunk {
    memory: Arc<Memory>,
    buffer: u16,
    length: usize,
}

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        let start = usize::from(self.buffer) * self.memory.buffer_bytes;
        // SAFETY: inside the mapping; the kernel initialised it and leaves it alone until it is returned.
        #[allow(unsafe_code)]
        unsafe {
            std::slice::from_raw_parts(self.memory.mapping.base.as_ptr().add(start), self.length)
        }
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        let returned = self.memory.returned.push(self.buffer);
        debug_assert!(returned.is_ok(), "the queue has room for every buffer");
        // The owner says that it starves, then raises its flag, then looks at the queue.
        fence(Ordering::SeqCst);
        if self.memory.starving.load(Ordering::Relaxed) && self.memory.owner.claim_wake() {
            self.memory.owner.raise_event();
        }
    }
}

impl ReceivePool {
    /// Map `count` buffers and give them all to the kernel.
    pub(crate) fn register(
        ring: &IoUring,
        count: u16,
        buffer_bytes: usize,
        owner: Arc<CoreSignal>,
    ) -> io::Result<Self> {
        assert!(
            count.is_power_of_two() && count <= 32_768,
            "a ring of buffers has 2^n entries, at most 32,768"
        );
        let entries = Mapping::anonymous(usize::from(count) * size_of::<BufRingEntry>())?;
        let mapping = Mapping::anonymous(usize::from(count) * buffer_bytes)?;
        let returned = ArrayQueue::new(usize::from(count));
        // SAFETY: page-aligned memory of `count` entries, kept until `unregister`.
        #[allow(unsafe_code)]
        unsafe {
            ring.submitter().register_buf_ring_with_flags(entries.base.as_ptr() as u64, count, GROUP, 0)?;
        }
        let mut pool = Self {
            ring: entries,
            memory: Arc::new(Memory {
                mapping,
                buffer_bytes,
                returned,
                starving: AtomicBool::new(false),
                owner,
            }),
            buffer_in: vec![0; usize::from(count)],
            slot_of: vec![0; usize::from(count)],
            tail: 0,
            free: 0,
        };
        for buffer in 0..count {
            pool.give(buffer);
        }
        pool.publish();
        Ok(pool)
    }

    fn mask(&self) -> u16 {
        (self.buffer_in.len() - 1) as u16
    }

    fn give(&mut self, buffer: u16) {
        let slot = self.tail & self.mask();
        self.buffer_in[usize::from(slot)] = buffer;
        self.slot_of[usize::from(buffer)] = slot;
        let start = usize::from(buffer) * self.memory.buffer_bytes;
        // SAFETY: the slot is inside the ring's mapping and, being at the tail, not the kernel's; the address is
        // inside the buffers' mapping.
        #[allow(unsafe_code)]
        unsafe {
            let entry = &mut *self.ring.base.as_ptr().cast::<BufRingEntry>().add(usize::from(slot));
            entry.set_addr(self.memory.mapping.base.as_ptr().add(start) as u64);
            entry.set_len(self.memory.buffer_bytes as u32);
            entry.set_bid(buffer);
        }
        self.tail = self.tail.wrapping_add(1);
        self.free += 1;
    }

    fn publish(&mut self) {
        // SAFETY: the tail lies in the first entry of our mapping; the kernel only reads it.
        #[allow(unsafe_code)]
        let tail = unsafe {
            let tail = BufRingEntry::tail(self.ring.base.as_ptr().cast());
            AtomicU16::from_ptr(tail.cast_mut())
        };
        tail.store(self.tail, Ordering::Release);
    }

    /// Take what the kernel filled: `length` bytes from `first` on, over as many ring-consecutive buffers as needed.
    /// Where few buffers are left the bytes are copied out, so that those who hold received bytes for long, however
    /// many they are, never keep the last buffers from everybody else.
    pub(crate) fn take(&mut self, first: u16, length: usize) -> Vec<Bytes> {
        let mut chunks = Vec::with_capacity(length.div_ceil(self.memory.buffer_bytes).max(1));
        let mut slot = self.slot_of[usize::from(first)];
        let mut left = length;
        loop {
            let count = left.min(self.memory.buffer_bytes);
            let buffer = self.buffer_in[usize::from(slot)];
            self.free -= 1;
            let chunk = Chunk { memory: Arc::clone(&self.memory), buffer, length: count };
            if count > 0 && self.free < self.buffer_in.len() / COPIED_SHARE {
                chunks.push(Bytes::copy_from_slice(chunk.as_ref()));
            } else if count > 0 {
                chunks.push(Bytes::from_owner(chunk));
            }
            left -= count;
            slot = (slot + 1) & self.mask();
            if left == 0 {
                return chunks;
            }
        }
    }

    /// Give returned buffers to the kernel.
    pub(crate) fn recycle(&mut self) {
        let before = self.tail;
        while let Some(buffer) = self.memory.returned.pop() {
            self.give(buffer);
        }
        if self.tail != before {
            self.publish();
        }
    }

    /// Buffers that a receive may still find.
    pub(crate) fn free(&self) -> usize {
        self.free
    }

    pub(crate) fn set_starving(&self, starving: bool) {
        self.memory.starving.store(starving, Ordering::Relaxed);
        // Pairs with the fence in the drop of a chunk: it sees that we starve, or we see its buffer.
        fence(Ordering::SeqCst);
    }

    pub(crate) fn unregister(&mut self, ring: &IoUring) {
        // Fails only if the kernel no longer knows the group.
        let _ = ring.submitter().unregister_buf_ring(GROUP);
    }
}
