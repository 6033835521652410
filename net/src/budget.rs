//! The memory that one core's requests and answers may take together: frames, what is decoded from them and waits,
//! and records read from disk. Who finds none left waits, and its socket fills up.

use std::{cell::Cell, fmt, rc::Rc};

use jackdaw_ring::channel::Notify;

use crate::limits::{RESERVED_FROM_BYTES, SMALL_TAKE_BYTES};

/// A budget of bytes, shared by the connections of a core.
#[derive(Clone)]
pub struct Budget(Rc<State>);

struct State {
    left_bytes: Cell<usize>,
    /// Only for small takes.
    reserved_bytes: usize,
    /// Whether one request is beyond the budget. Without this exception, those who have each got a part of their memory
    /// could wait for each other for ever.
    request_overdrawn: Cell<bool>,
    /// The same for one answer. Answers have an exception of their own: requests wait for the answers before them, and
    /// one of these requests may be the one that has overdrawn.
    answer_overdrawn: Cell<bool>,
    returned: Notify,
}

/// What memory is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Purpose {
    Request,
    Answer,
}

/// Bytes taken from the budget; returned on drop.
#[must_use]
pub struct Permit {
    budget: Budget,
    purpose: Purpose,
    taken_bytes: usize,
    overdrawn: bool,
}

impl Budget {
    pub fn new(total_bytes: usize) -> Self {
        Self(Rc::new(State {
            left_bytes: Cell::new(total_bytes),
            reserved_bytes: if total_bytes >= RESERVED_FROM_BYTES { total_bytes / 8 } else { 0 },
            request_overdrawn: Cell::new(false),
            answer_overdrawn: Cell::new(false),
            returned: Notify::default(),
        }))
    }

    /// A permit for a request, which holds nothing yet.
    pub fn permit(&self) -> Permit {
        Permit { budget: self.clone(), purpose: Purpose::Request, taken_bytes: 0, overdrawn: false }
    }

    /// A permit for an answer, which holds nothing yet. Who waits for one must wait for no request's.
    pub fn answer_permit(&self) -> Permit {
        Permit { budget: self.clone(), purpose: Purpose::Answer, taken_bytes: 0, overdrawn: false }
    }

    fn overdrawn(&self, purpose: Purpose) -> &Cell<bool> {
        match purpose {
            Purpose::Request => &self.0.request_overdrawn,
            Purpose::Answer => &self.0.answer_overdrawn,
        }
    }

    pub fn left_bytes(&self) -> usize {
        self.0.left_bytes.get()
    }
}

impl Permit {
    /// Take `count` more bytes; waits while there are none, unless this is the one that may overdraw.
    pub async fn grow(&mut self, count: usize) {
        while !self.try_grow(count) {
            tracing::trace!("somebody waits for memory");
            self.budget.0.returned.notified().await;
        }
    }

    /// Take `count` more bytes now, or nothing.
    pub fn try_grow(&mut self, count: usize) -> bool {
        if self.overdrawn {
            return true;
        }
        let left = self.budget.0.left_bytes.get();
        let is_small = self.taken_bytes + count <= SMALL_TAKE_BYTES;
        let reserved = if is_small { 0 } else { self.budget.0.reserved_bytes };
        if left >= count.saturating_add(reserved) {
            self.budget.0.left_bytes.set(left - count);
            self.taken_bytes += count;
            return true;
        }
        self.overdrawn = !self.budget.overdrawn(self.purpose).replace(true);
        self.overdrawn
    }

    /// Give `count` of the bytes back.
    pub fn shrink(&mut self, count: usize) {
        let count = count.min(self.taken_bytes);
        self.taken_bytes -= count;
        self.budget.0.left_bytes.set(self.budget.left_bytes() + count);
        if count > 0 {
            self.budget.0.returned.notify_all();
        }
    }

    /// Give back what is above `size_bytes`.
    pub fn shrink_to(&mut self, size_bytes: usize) {
        self.shrink(self.taken_bytes.saturating_sub(size_bytes));
    }

    /// Take up to `wanted` more bytes, at least `least`; how many. Waits while there are not even these. What is above
    /// `least` is at most a quarter of what is left: the more is taken, the smaller the parts, so that a few who ask
    /// for much leave something to all others.
    pub async fn grow_up_to(&mut self, least: usize, wanted: usize) -> usize {
        let granted = wanted.min(self.budget.left_bytes() / 4).max(least);
        self.grow(granted).await;
        granted
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Permit").field("taken_bytes", &self.taken_bytes).finish_non_exhaustive()
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let state = &self.budget.0;
        state.left_bytes.set(state.left_bytes.get() + self.taken_bytes);
        if self.overdrawn {
            self.budget.overdrawn(self.purpose).set(false);
        }
        if self.taken_bytes > 0 || self.overdrawn {
            state.returned.notify_all();
        }
    }
}
