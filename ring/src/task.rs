//! Tasks of one executor: storage, wakers, join handles.

use std::{
    cell::RefCell,
    future::Future,
    pin::Pin,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use crate::{executor, signal::CoreSignal};

pub(crate) type BoxedTask = Pin<Box<dyn Future<Output = ()>>>;

/// A task's place. The future is taken out while it is polled.
pub(crate) struct TaskSlot {
    pub(crate) future: Option<BoxedTask>,
    pub(crate) waker: Arc<TaskWaker>,
    pub(crate) cancelled: bool,
}

/// Names a task across threads. `key` is its slab index; a stale waker finds another waker in that slot and is
/// ignored.
pub(crate) struct TaskWaker {
    pub(crate) key: usize,
    pub(crate) executor: u64,
    pub(crate) queued: AtomicBool,
    pub(crate) signal: Arc<CoreSignal>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        if executor::is_current(self.executor) {
            if !self.queued.swap(true, Ordering::Relaxed) {
                executor::enqueue(self);
            }
            return;
        }
        // Another thread, or another executor of a simulator on this thread: the owner re-wakes it locally.
        self.signal.wake_from_outside(Waker::from(Arc::clone(&self)));
    }
}

pub(crate) struct JoinState<T> {
    pub(crate) output: Option<T>,
    pub(crate) waiting: Option<Waker>,
}

/// Waits for a task's output. Dropping it lets the task run on; [`JoinHandle::cancel`] ends it.
pub struct JoinHandle<T> {
    pub(crate) state: Rc<RefCell<JoinState<T>>>,
    pub(crate) waker: Arc<TaskWaker>,
}

impl<T> JoinHandle<T> {
    /// Drop the task's future before its next poll. What it had submitted to the driver ends by itself.
    pub fn cancel(&self) {
        executor::cancel_task(&self.waker);
    }

    pub fn is_finished(&self) -> bool {
        self.state.borrow().output.is_some()
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let mut state = self.state.borrow_mut();
        match state.output.take() {
            Some(output) => Poll::Ready(output),
            None => {
                state.waiting = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}
