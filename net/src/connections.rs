//! The open connections of one core: counting, idle ends, closing all.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use jackdaw_ring::{Instant, Socket, now, sleep};
use slab::Slab;

use crate::{
    ends::Ends,
    refusals::{Refusal, Refusals},
};

/// How often idle connections are looked for. Kafka's own granularity is the poll; ten seconds keep an idle core
/// asleep.
const IDLE_CHECK: Duration = Duration::from_secs(10);

/// The connections of one core. Clones share them.
#[derive(Clone, Default)]
pub struct Connections(Rc<RefCell<Slab<Entry>>>);

struct Entry {
    socket: Rc<Socket>,
    ends: Rc<Ends>,
    active: Rc<Cell<Instant>>,
}

/// A connection's place in the list; removes it when dropped.
pub struct Registration {
    connections: Connections,
    key: usize,
    active: Rc<Cell<Instant>>,
    pub(crate) ends: Rc<Ends>,
}

impl Connections {
    pub fn register(&self, socket: &Rc<Socket>) -> Registration {
        let active = Rc::new(Cell::new(now()));
        let ends = Rc::new(Ends::default());
        let entry = Entry { socket: Rc::clone(socket), ends: Rc::clone(&ends), active: Rc::clone(&active) };
        let key = self.0.borrow_mut().insert(entry);
        Registration { connections: self.clone(), key, active, ends }
    }

    pub fn count(&self) -> usize {
        self.0.borrow().len()
    }

    /// End all; their tasks see the end of the stream, or that they need not wait.
    pub fn shutdown_all(&self) {
        for (_, entry) in self.0.borrow().iter() {
            entry.ends.close(&entry.socket);
        }
    }

    /// End connections that have been idle for `limit` (`connections.max.idle.ms`), for ever.
    pub async fn close_idle(self, limit: Duration) {
        let refusals = Refusals::own();
        loop {
            sleep(IDLE_CHECK.min(limit)).await;
            let deadline = now();
            for (_, entry) in self.0.borrow().iter() {
                if deadline.since(entry.active.get()) > limit {
                    if let Some(others) = refusals.count(Refusal::Idle) {
                        let (peer, idle_ms) = (entry.socket.peer(), limit.as_millis() as u64);
                        tracing::info!(%peer, idle_ms, others, "closed the connection: connections.max.idle.ms");
                    }
                    entry.ends.close(&entry.socket);
                }
            }
        }
    }
}

impl Registration {
    /// The clock by which the connection is idle, for who receives.
    pub(crate) fn active(&self) -> Rc<Cell<Instant>> {
        Rc::clone(&self.active)
    }

    /// When the connection was used last.
    pub fn last_used(&self) -> Instant {
        self.active.get()
    }

    /// The connection was used, now.
    pub fn touch(&self) -> Instant {
        let now = now();
        self.active.set(now);
        now
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let entry = self.connections.0.borrow_mut().remove(self.key);
        drop(entry);
    }
}
