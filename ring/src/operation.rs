//! Operations in flight: who waits for which completion, and what happens when nobody does any more.

use std::{
    cell::RefCell,
    collections::VecDeque,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use slab::Slab;

use crate::{
    driver::{Completion, Driver, Operation, Payload, Token},
    executor::{self, Core},
};

/// Receive buffers that results of one operation may hold until they are taken. Beyond it the operation is asked to
/// end, and whoever takes the results starts it again: a connection that nobody reads holds no more than this, plus
/// what the kernel delivers in one turn. A bundle that is taken at once may be larger: that is what bundles are for.
const UNTAKEN_CHUNKS: usize = 4;

/// Accepted sockets that may wait likewise; an acceptor that takes its turn seldom must not lose its place in a burst.
const UNTAKEN_SOCKETS: usize = 32;

/// Results that nobody has taken yet, the last of which may be final.
struct InFlight {
    generation: u32,
    waker: Option<Waker>,
    results: VecDeque<(io::Result<usize>, Payload)>,
    /// Buffers or sockets in `results`.
    untaken: usize,
    /// The driver was asked to end it.
    ending: bool,
    finished: bool,
    abandoned: bool,
}

#[derive(Default)]
pub(crate) struct Operations {
    in_flight: RefCell<Slab<InFlight>>,
    generation: std::cell::Cell<u32>,
}

fn token_of(key: usize, generation: u32) -> Token {
    Token((u64::from(generation) << 32) | key as u64)
}

impl Operations {
    fn start(&self, core: &Core, operation: Operation) -> Token {
        // Generation 0 is left to the drivers for tokens of their own.
        let generation = self.generation.get() % (u32::MAX - 1) + 1;
        self.generation.set(generation);
        let key = self.in_flight.borrow_mut().insert(InFlight {
            generation,
            waker: None,
            results: VecDeque::new(),
            untaken: 0,
            ending: false,
            finished: false,
            abandoned: false,
        });
        let token = token_of(key, generation);
        core.driver.submit(token, operation);
        token
    }

    /// Store a result and wake its taker. Results of abandoned operations are released here, never lost silently:
    /// an accepted socket is closed.
    pub(crate) fn complete(&self, completion: Completion, driver: &dyn Driver) {
        let key = (completion.token.0 & u64::from(u32::MAX)) as usize;
        let generation = (completion.token.0 >> 32) as u32;
        let mut in_flight = self.in_flight.borrow_mut();
        let Some(entry) = in_flight.get_mut(key).filter(|entry| entry.generation == generation) else {
            drop(in_flight);
            release(completion.payload, driver);
            return;
        };
        entry.finished = !completion.more;
        if entry.abandoned {
            if entry.finished {
                in_flight.remove(key);
            }
            drop(in_flight);
            release(completion.payload, driver);
            return;
        }
        let too_many = is_too_much(entry.untaken, &completion.payload);
        entry.untaken += weight(&completion.payload);
        entry.results.push_back((completion.result, completion.payload));
        let ends = !entry.finished && !entry.ending && too_many;
        entry.ending |= ends;
        let waker = entry.waker.take();
        drop(in_flight);
        if ends {
            driver.cancel(completion.token);
        }
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// What of a bounded supply a result holds.
fn weight(payload: &Payload) -> usize {
    match payload {
        Payload::Chunks(chunks) => chunks.len(),
        Payload::Accepted(..) => 1,
        _ => 0,
    }
}

/// Whether a result is one too many, with `untaken` before it.
fn is_too_much(untaken: usize, payload: &Payload) -> bool {
    match payload {
        Payload::Chunks(_) => untaken >= UNTAKEN_CHUNKS,
        Payload::Accepted(..) => untaken >= UNTAKEN_SOCKETS,
        _ => false,
    }
}

fn release(payload: Payload, driver: &dyn Driver) {
    if let Payload::Accepted(descriptor, _) = payload {
        driver.close(descriptor);
    }
}

/// The caller's end of an operation in flight. Dropping it cancels; the driver keeps the buffers until the end.
pub(crate) struct Handle {
    core: Rc<Core>,
    token: Token,
}

/// What [`Handle::poll_next`] yields.
pub(crate) type Taken = (io::Result<usize>, Payload);

impl Handle {
    pub(crate) fn start(operation: Operation) -> Self {
        executor::with(|core| {
            let token = core.operations.start(core, operation);
            Self { core: Rc::clone(core), token }
        })
    }

    fn key(&self) -> usize {
        (self.token.0 & u64::from(u32::MAX)) as usize
    }

    /// The next result, or `None` after the final one.
    pub(crate) fn poll_next(&self, context: &mut Context<'_>) -> Poll<Option<Taken>> {
        let mut in_flight = self.core.operations.in_flight.borrow_mut();
        let entry = &mut in_flight[self.key()];
        if let Some(result) = entry.results.pop_front() {
            entry.untaken -= weight(&result.1);
            return Poll::Ready(Some(result));
        }
        if entry.finished {
            return Poll::Ready(None);
        }
        match &mut entry.waker {
            Some(waker) => waker.clone_from(context.waker()),
            None => entry.waker = Some(context.waker().clone()),
        }
        Poll::Pending
    }

    /// Ask the driver to end it; its results still arrive.
    pub(crate) fn cancel(&self) {
        let mut in_flight = self.core.operations.in_flight.borrow_mut();
        let entry = &mut in_flight[self.key()];
        let asks = !entry.finished && !entry.ending;
        entry.ending |= asks;
        drop(in_flight);
        if asks {
            self.core.driver.cancel(self.token);
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let mut in_flight = self.core.operations.in_flight.borrow_mut();
        let key = self.key();
        if in_flight[key].finished {
            let entry = in_flight.remove(key);
            drop(in_flight);
            for (_, payload) in entry.results {
                release(payload, &*self.core.driver);
            }
            return;
        }
        let entry = &mut in_flight[key];
        entry.abandoned = true;
        let asks = !entry.ending;
        let results = std::mem::take(&mut entry.results);
        let waker = entry.waker.take();
        drop(in_flight);
        drop(waker);
        for (_, payload) in results {
            release(payload, &*self.core.driver);
        }
        if asks {
            self.core.driver.cancel(self.token);
        }
    }
}

/// A single-shot operation as a future.
pub(crate) struct Once(pub(crate) Handle);

impl Future for Once {
    type Output = Taken;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Taken> {
        self.0.poll_next(context).map(|taken| match taken {
            Some(taken) => taken,
            // Polled again after its end.
            None => (Err(io::Error::other("the operation had ended")), Payload::None),
        })
    }
}

/// Submit and wait.
pub(crate) fn once(operation: Operation) -> Once {
    Once(Handle::start(operation))
}
