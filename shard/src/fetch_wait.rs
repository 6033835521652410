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
pub(crate) struct FetchWaits(Rc<RefCell<Waits>>);

#[derive(Default)]
struct Waits {
    slab: Slab<Wait>,
    generation: u32,
}

/// Names a waiting fetch of one shard to other shards; never used again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct FetchToken {
    place: usize,
    generation: u32,
}

struct Wait {
    /// Tells this holder of the place from those before it.
    generation: u32,
    woken: bool,
    waker: Option<Waker>,
}

/// One fetch's place.
pub(crate) struct Watch {
    waits: FetchWaits,
    token: FetchToken,
}

impl FetchWaits {
    pub(crate) fn begin(&self) -> Watch {
        let mut waits = self.0.borrow_mut();
        waits.generation = waits.generation.wrapping_add(1);
        let generation = waits.generation;
        let place = waits.slab.insert(Wait { generation, woken: false, waker: None });
        drop(waits);
        Watch { waits: self.clone(), token: FetchToken { place, generation } }
    }

    pub(crate) fn count(&self) -> usize {
        self.0.borrow().slab.len()
    }

    pub(crate) fn wake(&self, token: FetchToken) {
        let waker = match self.0.borrow_mut().slab.get_mut(token.place) {
            Some(wait) if wait.generation == token.generation => {
                wait.woken = true;
                wait.waker.take()
            }
            _ => None,
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Watch {
    pub(crate) fn token(&self) -> FetchToken {
        self.token
    }

    /// Wait for a wake-up since the last call.
    pub(crate) async fn woken(&self) {
        poll_fn(|context| {
            let mut waits = self.waits.0.borrow_mut();
            let wait = &mut waits.slab[self.token.place];
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
        let wait = self.waits.0.borrow_mut().slab.remove(self.token.place);
        drop(wait);
    }
}
