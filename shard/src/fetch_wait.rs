//! Fetches of this shard that wait for more; the shards that own their partitions wake them.

use std::{
    cell::RefCell,
    future::poll_fn,
    rc::Rc,
    task::{Poll, Waker},
};

use slab::Slab;

/// The waiting fetches of one shard.
#[derive(Clone, Default)]
pub(crate) struct FetchWaits(Rc<RefCell<Slab<Wait>>>);

#[derive(Default)]
struct Wait {
    woken: bool,
    waker: Option<Waker>,
}

/// One fetch's place; its token names it to other shards. A token is used again: a late wake-up costs its new
/// holder one read.
pub(crate) struct Watch {
    waits: FetchWaits,
    token: usize,
}

impl FetchWaits {
    pub(crate) fn begin(&self) -> Watch {
        let token = self.0.borrow_mut().insert(Wait::default());
        Watch { waits: self.clone(), token }
    }

    pub(crate) fn wake(&self, token: usize) {
        let waker = match self.0.borrow_mut().get_mut(token) {
            Some(wait) => {
                wait.woken = true;
                wait.waker.take()
            }
            None => None,
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Watch {
    pub(crate) fn token(&self) -> usize {
        self.token
    }

    /// Wait for a wake-up since the last call.
    pub(crate) async fn woken(&self) {
        poll_fn(|context| {
            let mut waits = self.waits.0.borrow_mut();
            let wait = &mut waits[self.token];
            if std::mem::take(&mut wait.woken) {
                return Poll::Ready(());
            }
            wait.waker = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let wait = self.waits.0.borrow_mut().remove(self.token);
        drop(wait);
    }
}
