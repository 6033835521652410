//! Calls between the shards of a node: a call goes to the shard that owns something, its reply comes back.

use std::{
    cell::RefCell,
    future::Future,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use jackdaw_ring::{mesh::Endpoint, spawn};
use slab::Slab;

use crate::message::{Call, Message, Reply};

/// How a called shard takes a call.
pub(crate) enum Handled {
    Now(Reply),
    Later(Pin<Box<dyn Future<Output = Reply>>>),
}

/// This shard's end of all calls.
pub(crate) struct Rpc {
    endpoint: Endpoint<Message>,
    waiting: RefCell<Slab<Pending>>,
}

enum Pending {
    Waiting(Option<Waker>),
    Answered(Reply),
    /// The caller went away; the reply is dropped when it comes.
    Abandoned,
}

/// A reply on its way.
pub(crate) struct ReplyFuture {
    rpc: Rc<Rpc>,
    token: usize,
    /// Else no reply will come.
    is_sent: bool,
}

impl Rpc {
    pub(crate) fn new(endpoint: Endpoint<Message>) -> Self {
        Self { endpoint, waiting: RefCell::default() }
    }

    pub(crate) fn own(&self) -> usize {
        self.endpoint.core()
    }

    pub(crate) fn shards(&self) -> usize {
        self.endpoint.cores()
    }

    /// Send a call to another shard. When this returns the call has its place in the order of that shard's work.
    pub(crate) async fn send(self: &Rc<Self>, to: usize, call: Call) -> ReplyFuture {
        let token = self.waiting.borrow_mut().insert(Pending::Waiting(None));
        let mut reply = ReplyFuture { rpc: Rc::clone(self), token, is_sent: false };
        self.endpoint.send(to, Message::Call { token, call }).await;
        reply.is_sent = true;
        reply
    }

    /// Send a call and wait for its reply.
    pub(crate) async fn call(self: &Rc<Self>, to: usize, call: Call) -> Reply {
        self.send(to, call).await.await
    }

    /// Tell another shard something that has no reply, without waiting; a full mailbox only delays it.
    pub(crate) fn tell(self: &Rc<Self>, to: usize, message: Message) {
        if let Err(message) = self.endpoint.try_send(to, message) {
            let rpc = Rc::clone(self);
            // As many of these as there are calls or watches of the other shard, which are bounded.
            spawn(async move { rpc.endpoint.send(to, message).await });
        }
    }

    pub(crate) async fn receive(&self) -> (usize, Message) {
        self.endpoint.receive().await
    }

    pub(crate) fn try_receive(&self) -> Option<(usize, Message)> {
        self.endpoint.try_receive()
    }

    /// A reply arrived.
    pub(crate) fn on_reply(&self, token: usize, reply: Reply) {
        let mut waiting = self.waiting.borrow_mut();
        let previous = std::mem::replace(&mut waiting[token], Pending::Answered(reply));
        match previous {
            Pending::Waiting(Some(waker)) => {
                drop(waiting);
                waker.wake();
            }
            Pending::Waiting(None) => {}
            Pending::Abandoned => drop(waiting.remove(token)),
            Pending::Answered(_) => panic!("two replies to one call"),
        }
    }

    /// Answer another shard's call.
    pub(crate) fn answer(self: &Rc<Self>, to: usize, token: usize, handled: Handled) {
        match handled {
            Handled::Now(reply) => self.tell(to, Message::Reply { token, reply }),
            Handled::Later(reply) => {
                let rpc = Rc::clone(self);
                spawn(async move {
                    let reply = reply.await;
                    rpc.tell(to, Message::Reply { token, reply });
                });
            }
        }
    }
}

impl Future for ReplyFuture {
    type Output = Reply;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Reply> {
        let mut waiting = self.rpc.waiting.borrow_mut();
        let pending = &mut waiting[self.token];
        if let Pending::Waiting(waker) = pending {
            *waker = Some(context.waker().clone());
            return Poll::Pending;
        }
        match std::mem::replace(pending, Pending::Abandoned) {
            Pending::Answered(reply) => Poll::Ready(reply),
            Pending::Waiting(_) | Pending::Abandoned => panic!("a reply was taken twice"),
        }
    }
}

impl Drop for ReplyFuture {
    fn drop(&mut self) {
        let mut waiting = self.rpc.waiting.borrow_mut();
        match waiting[self.token] {
            // Dropped while it waited for room in the mailbox.
            Pending::Waiting(_) if !self.is_sent => drop(waiting.remove(self.token)),
            Pending::Waiting(_) => waiting[self.token] = Pending::Abandoned,
            Pending::Answered(_) => drop(waiting.remove(self.token)),
            // Taken: `poll` left this mark.
            Pending::Abandoned => drop(waiting.remove(self.token)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::Duration;

    use jackdaw_ring::{Executor, UringConfig, UringDriver, mesh::mesh, timeout};

    use super::*;

    #[test]
    fn a_call_that_never_found_room_leaves_nothing() {
        Executor::new(Rc::new(UringDriver::new(&UringConfig::default()).unwrap())).run(async {
            // Nobody takes the other's messages.
            let mut seats = mesh::<Message>(2, 2);
            let _other = seats.pop();
            let rpc = Rc::new(Rpc::new(seats.pop().unwrap().join()));
            let mut replies = Vec::new();
            let full = async {
                loop {
                    replies.push(rpc.send(1, Call::Quorum).await);
                }
            };
            assert!(timeout(Duration::from_millis(20), full).await.is_err());
            assert!(!replies.is_empty());
            assert_eq!(rpc.waiting.borrow().len(), replies.len());
        });
    }
}
