//! The memory that one core's large request frames may take together; who finds none left waits, and its socket
//! fills up.

use std::{cell::Cell, rc::Rc};

use jackdaw_ring::channel::Notify;

/// A budget of bytes, shared by the connections of a core.
#[derive(Clone)]
pub struct Budget(Rc<State>);

struct State {
    left_bytes: Cell<usize>,
    /// Whether one frame is being received beyond the budget. Without this exception, frames that have each got a
    /// part of their memory could wait for each other for ever.
    overdrawn: Cell<bool>,
    returned: Notify,
}

/// Bytes taken from the budget; returned on drop.
pub struct Permit {
    budget: Budget,
    taken_bytes: usize,
    overdrawn: bool,
}

impl Budget {
    pub fn new(total_bytes: usize) -> Self {
        Self(Rc::new(State {
            left_bytes: Cell::new(total_bytes),
            overdrawn: Cell::new(false),
            returned: Notify::default(),
        }))
    }

    /// A permit that holds nothing yet.
    pub fn permit(&self) -> Permit {
        Permit { budget: self.clone(), taken_bytes: 0, overdrawn: false }
    }

    pub fn left_bytes(&self) -> usize {
        self.0.left_bytes.get()
    }
}

impl Permit {
    /// Take `count` more bytes; waits while there are none, unless this is the one frame that may overdraw.
    pub async fn grow(&mut self, count: usize) {
        loop {
            if self.overdrawn {
                return;
            }
            let left = self.budget.0.left_bytes.get();
            if left >= count {
                self.budget.0.left_bytes.set(left - count);
                self.taken_bytes += count;
                return;
            }
            if !self.budget.0.overdrawn.replace(true) {
                self.overdrawn = true;
                return;
            }
            self.budget.0.returned.notified().await;
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let state = &self.budget.0;
        state.left_bytes.set(state.left_bytes.get() + self.taken_bytes);
        if self.overdrawn {
            state.overdrawn.set(false);
        }
        if self.taken_bytes > 0 || self.overdrawn {
            state.returned.notify_all();
        }
    }
}
