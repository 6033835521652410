//! Channels between tasks of one core: a wake-up, a single value, a bounded queue. No atomics, no locks.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    future::poll_fn,
    rc::Rc,
    task::{Context, Poll, Waker},
};

/// Wakes all who wait. A wake-up with nobody waiting is lost: check the condition first.
#[derive(Default)]
pub struct Notify {
    waiting: RefCell<Vec<Waker>>,
    round: Cell<u64>,
}

impl Notify {
    pub fn notify_all(&self) {
        self.round.set(self.round.get() + 1);
        for waker in self.waiting.take() {
            waker.wake();
        }
    }

    /// Wait for the next [`Notify::notify_all`] after the first poll.
    pub async fn notified(&self) {
        let mut known: Option<(u64, Waker)> = None;
        poll_fn(|context| {
            match &known {
                Some((round, _)) if *round != self.round.get() => return Poll::Ready(()),
                // Polled for something else; it waits already.
                Some((_, waker)) if waker.will_wake(context.waker()) => {}
                _ => {
                    self.waiting.borrow_mut().push(context.waker().clone());
                    known = Some((self.round.get(), context.waker().clone()));
                }
            }
            Poll::Pending
        })
        .await;
    }
}

struct OnceState<T> {
    value: Option<T>,
    waker: Option<Waker>,
    sender_gone: bool,
}

/// The sending end of a single value.
pub struct OnceSender<T>(Rc<RefCell<OnceState<T>>>);

/// The receiving end: a future of the value, or `None` if the sender went without sending.
pub struct OnceReceiver<T>(Rc<RefCell<OnceState<T>>>);

/// A channel for one value.
pub fn once<T>() -> (OnceSender<T>, OnceReceiver<T>) {
    let state = Rc::new(RefCell::new(OnceState { value: None, waker: None, sender_gone: false }));
    (OnceSender(Rc::clone(&state)), OnceReceiver(state))
}

impl<T> OnceSender<T> {
    pub fn send(self, value: T) {
        self.0.borrow_mut().value = Some(value);
    }
}

impl<T> Drop for OnceSender<T> {
    fn drop(&mut self) {
        let waker = {
            let mut state = self.0.borrow_mut();
            state.sender_gone = true;
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<T> Future for OnceReceiver<T> {
    type Output = Option<T>;

    fn poll(self: std::pin::Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        let mut state = self.0.borrow_mut();
        if let Some(value) = state.value.take() {
            return Poll::Ready(Some(value));
        }
        if state.sender_gone {
            return Poll::Ready(None);
        }
        state.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

struct QueueState<T> {
    items: VecDeque<T>,
    capacity: usize,
    receiver: Option<Waker>,
    senders: Vec<Waker>,
    closed: bool,
}

/// A bounded first-in first-out queue; clones share it.
pub struct Queue<T>(Rc<RefCell<QueueState<T>>>);

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<T> Queue<T> {
    /// A queue of at most `capacity` items.
    pub fn bounded(capacity: usize) -> Self {
        Self(Rc::new(RefCell::new(QueueState {
            items: VecDeque::with_capacity(capacity.min(64)),
            capacity,
            receiver: None,
            senders: Vec::new(),
            closed: false,
        })))
    }

    /// Wait for room and append; gives the item back if the queue is closed.
    pub async fn push(&self, item: T) -> Result<(), T> {
        let mut item = Some(item);
        poll_fn(move |context| {
            let mut state = self.0.borrow_mut();
            if state.closed {
                return Poll::Ready(item.take().map_or(Ok(()), Err));
            }
            if state.items.len() >= state.capacity {
                state.senders.push(context.waker().clone());
                return Poll::Pending;
            }
            state.items.extend(item.take());
            let waker = state.receiver.take();
            drop(state);
            if let Some(waker) = waker {
                waker.wake();
            }
            Poll::Ready(Ok(()))
        })
        .await
    }

    /// Append without waiting; gives the item back if there is no room or the queue is closed.
    pub fn try_push(&self, item: T) -> Result<(), T> {
        let mut state = self.0.borrow_mut();
        if state.closed || state.items.len() >= state.capacity {
            return Err(item);
        }
        state.items.push_back(item);
        let waker = state.receiver.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(())
    }

    /// The next item; `None` when the queue is closed and empty. One receiver at a time.
    pub async fn pop(&self) -> Option<T> {
        poll_fn(|context| {
            let mut state = self.0.borrow_mut();
            match state.items.pop_front() {
                Some(item) => {
                    let senders = std::mem::take(&mut state.senders);
                    drop(state);
                    senders.into_iter().for_each(Waker::wake);
                    Poll::Ready(Some(item))
                }
                None if state.closed => Poll::Ready(None),
                None => {
                    state.receiver = Some(context.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }

    /// The next item if there is one.
    pub fn try_pop(&self) -> Option<T> {
        let mut state = self.0.borrow_mut();
        let item = state.items.pop_front();
        let senders = if item.is_some() { std::mem::take(&mut state.senders) } else { Vec::new() };
        drop(state);
        senders.into_iter().for_each(Waker::wake);
        item
    }

    /// No further items; what is in the queue can still be taken.
    pub fn close(&self) {
        let mut state = self.0.borrow_mut();
        state.closed = true;
        let mut wakers = std::mem::take(&mut state.senders);
        wakers.extend(state.receiver.take());
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    pub fn len(&self) -> usize {
        self.0.borrow().items.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
