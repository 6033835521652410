//! Timers of one executor.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use crate::{clock::Instant, executor};

/// Deadlines in order; the number tells equal deadlines apart and keeps their order of arrival.
#[derive(Default)]
pub(crate) struct Timers {
    waiting: RefCell<BTreeMap<(Instant, u64), Waker>>,
    next: Cell<u64>,
    /// The first deadline, so that a turn with nothing due reads one cell.
    first: Cell<Option<Instant>>,
}

impl Timers {
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.first.get()
    }

    fn insert(&self, deadline: Instant, waker: Waker) -> u64 {
        let number = self.next.get();
        self.next.set(number + 1);
        self.waiting.borrow_mut().insert((deadline, number), waker);
        self.note_first();
        number
    }

    fn replace(&self, key: (Instant, u64), waker: &Waker) {
        if let Some(waiting) = self.waiting.borrow_mut().get_mut(&key) {
            waiting.clone_from(waker);
        }
    }

    fn remove(&self, key: (Instant, u64)) {
        // The waker is dropped after the borrow ends: dropping it may drop a task.
        let removed = self.waiting.borrow_mut().remove(&key);
        self.note_first();
        drop(removed);
    }

    fn note_first(&self) {
        self.first.set(self.waiting.borrow().first_key_value().map(|((deadline, _), _)| *deadline));
    }

    pub(crate) fn fire(&self, now: Instant) {
        while self.first.get().is_some_and(|deadline| deadline <= now) {
            let fired = self.waiting.borrow_mut().pop_first();
            self.note_first();
            if let Some((_, waker)) = fired {
                waker.wake();
            }
        }
    }
}

/// A wait until a deadline.
pub struct Sleep {
    deadline: Instant,
    number: Option<u64>,
}

/// Wait for a duration.
pub fn sleep(duration: Duration) -> Sleep {
    sleep_until(executor::now() + duration)
}

/// Wait until a point in time.
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep { deadline, number: None }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if executor::now() >= self.deadline {
            return Poll::Ready(());
        }
        executor::with(|core| match self.number {
            Some(number) => core.timers.replace((self.deadline, number), context.waker()),
            None => self.number = Some(core.timers.insert(self.deadline, context.waker().clone())),
        });
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let (Some(number), Some(core)) = (self.number, executor::try_core()) {
            core.timers.remove((self.deadline, number));
        }
    }
}

/// The time was up first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the time was up")]
pub struct Elapsed;

/// Wait for `future`, at most for `duration`.
pub async fn timeout<T>(duration: Duration, future: impl Future<Output = T>) -> Result<T, Elapsed> {
    let mut future = std::pin::pin!(future);
    let mut sleep = sleep(duration);
    std::future::poll_fn(move |context| {
        if let Poll::Ready(output) = future.as_mut().poll(context) {
            return Poll::Ready(Ok(output));
        }
        Pin::new(&mut sleep).poll(context).map(|()| Err(Elapsed))
    })
    .await
}
