//! How a connection comes to an end from outside its requests: we close it, or the peer has gone while nothing is read.

use std::{
    cell::Cell,
    future::poll_fn,
    pin::{Pin, pin},
    task::{Context, Poll},
};

use jackdaw_ring::{Socket, channel::Notify};

/// What is known of a connection's end; shared by its reader, its writer and the list of connections.
#[derive(Default)]
pub(crate) struct Ends {
    /// Nobody waits any more for answers that are not ready.
    abandoned: Cell<bool>,
    /// We close it: nothing more is read either.
    closing: Cell<bool>,
    changed: Notify,
}

impl Ends {
    /// The peer has ended its stream.
    pub(crate) fn abandon(&self) {
        self.abandoned.set(true);
        self.changed.notify_all();
    }

    /// End the connection, whatever its reader and its writer wait for.
    pub(crate) fn close(&self, socket: &Socket) {
        socket.shutdown();
        self.closing.set(true);
        self.abandon();
    }

    /// Wait for `future`, but no longer than somebody waits for what it gives.
    pub(crate) async fn until_abandoned<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        until(&self.abandoned, &self.changed, future).await
    }

    /// Wait, with nothing received meanwhile, for what a reader needs before it reads on. Only who receives hears of the
    /// peer's end, so it is asked for: what may be long in coming is abandoned then, and its room and memory come back.
    /// What the peer has sent before is still read. `None` if we close the connection.
    pub(crate) async fn while_open<T>(&self, socket: &Socket, future: impl Future<Output = T>) -> Option<T> {
        let mut peer_ended = pin!(socket.peer_ended());
        let mut future = pin!(future);
        let mut is_over = false;
        let both = poll_fn(|context| {
            let polled = future.as_mut().poll(context);
            if polled.is_pending() && !is_over && peer_ended.as_mut().poll(context).is_ready() {
                is_over = true;
                self.abandon();
            }
            polled
        });
        until(&self.closing, &self.changed, both).await
    }
}

async fn until<T>(flag: &Cell<bool>, changed: &Notify, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut raised = pin!(async {
        while !flag.get() {
            changed.notified().await;
        }
    });
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => none_if_ready(raised.as_mut(), context),
    })
    .await
}

fn none_if_ready<T>(
    raised: Pin<&mut impl Future<Output = ()>>,
    context: &mut Context<'_>,
) -> Poll<Option<T>> {
    raised.poll(context).map(|()| None)
}
