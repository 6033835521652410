//! One life of a node: the shards of production on a simulated host, and how they end.

use std::{cell::RefCell, rc::Rc, sync::Arc};

use jackdaw_core::config::{BrokerConfig, Settings};
use jackdaw_ring::JoinHandle;
use jackdaw_shard::{Node, NodeError, ShardSeat, StopReason, run_shard};

use super::{PATIENCE, broken};
use crate::{Host, World, marks::reach};

/// A configuration from `key=value` texts.
pub(super) fn configuration(overrides: &[String]) -> BrokerConfig {
    let mut settings = Settings::default();
    // Nobody looks at a simulated node from outside.
    let alone = "jackdaw.http.listener=".to_owned();
    // A simulated disk is memory.
    let small_journal = "jackdaw.journal.bytes=65536".to_owned();
    for text in [&alone, &small_journal].into_iter().chain(overrides) {
        settings.read_override(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    }
    let (config, _) = BrokerConfig::new(settings).unwrap_or_else(|errors| panic!("{errors:?}"));
    config
}

/// A node that runs.
pub(super) struct Broker {
    host: Host,
    node: Arc<Node>,
    running: Vec<JoinHandle<Result<StopReason, NodeError>>>,
    /// Why shards ended.
    reasons: Rc<RefCell<Vec<String>>>,
    /// Whether something went wrong for which the node may end by itself.
    may_fail: Rc<dyn Fn() -> bool>,
}

impl Broker {
    /// Start it with so many shards.
    pub(super) fn start(host: &Host, config: BrokerConfig, shards: usize) -> Self {
        host.start(shards);
        let (node, seats) = Node::new(config, shards);
        let reasons = Rc::default();
        let start = |(core, seat)| start_shard(host, &reasons, core, seat);
        let running = seats.into_iter().enumerate().map(start).collect();
        Self { host: host.clone(), node, running, reasons, may_fail: Rc::new(|| false) }
    }

    /// Where `excuse` says so, the node may end by itself.
    pub(super) fn excused_by(self, excuse: impl Fn() -> bool + 'static) -> Self {
        Self { may_fail: Rc::new(excuse), ..self }
    }

    /// Neither has the host died nor a shard ended.
    pub(super) fn goes_on(&self) -> bool {
        self.host.is_running() && !self.running.iter().any(JoinHandle::is_finished)
    }

    /// Wait until it serves; false if the host died before.
    pub(super) fn wait_serving(&self, world: &World) -> bool {
        let serves = || self.node.control().serving().is_some();
        let in_time = world.run_until(PATIENCE, || !self.goes_on() || serves());
        if !self.host.is_running() {
            return false;
        }
        self.check_alive();
        if !in_time {
            broken("a node starts", "it does not serve");
        }
        self.goes_on()
    }

    /// A shard that has ended while nobody stopped it.
    pub(super) fn check_alive(&self) {
        if self.has_failed() && !(self.may_fail)() {
            broken("a node goes on", &format!("{:?}", self.reasons.borrow()));
        }
    }

    /// The node ended by itself, or is about to.
    pub(super) fn has_failed(&self) -> bool {
        self.host.is_running() && self.running.iter().any(JoinHandle::is_finished)
    }

    /// Wait until all of a node that failed has ended, with the same reason.
    pub(super) fn wait_failed(&self, world: &World) {
        let all_ended = || self.running.iter().all(JoinHandle::is_finished);
        if !world.run_until(PATIENCE, || !self.host.is_running() || all_ended()) {
            broken("a node that fails ends", &format!("{:?}", self.reasons.borrow()));
        }
        for reason in self.reasons.borrow().iter() {
            self.host.comment(reason);
            reach(mark_of(reason));
        }
    }

    /// Ask it to stop, and wait until it has or the host died.
    pub(super) fn stop(&self, world: &World) {
        let control = self.node.control().clone();
        self.host.spawn(0, async move { control.stop(StopReason::Asked) });
        let all_ended = || self.running.iter().all(JoinHandle::is_finished);
        if !world.run_until(PATIENCE, || !self.host.is_running() || all_ended()) {
            broken("a stop ends", "it does not");
        }
    }

    /// All of it ended because it was asked to; false where something else ended it, as it may.
    pub(super) fn check_stopped(self, world: &World) -> bool {
        let mut is_clean = true;
        for shard in self.running {
            let text = match world.run(PATIENCE, shard) {
                Ok(StopReason::Asked) => continue,
                Ok(StopReason::Fatal { text, .. }) => text,
                Err(error) => error.to_string(),
            };
            if !(self.may_fail)() {
                broken("a stop is clean", &text);
            }
            reach("the node: a stop was not clean");
            is_clean = false;
        }
        is_clean
    }
}

/// The mark of what a shard ended with.
fn mark_of(reason: &str) -> &'static str {
    match reason {
        _ if reason.contains("kind: Disk") => "the node: exit for the disk",
        _ if reason.contains("kind: Metadata") => "the node: exit for the metadata log",
        _ if reason.contains("kind: Start") => "the node: exit at its start",
        _ if reason.contains("Err(") => "the node: no start",
        _ => "the node: another exit",
    }
}

fn start_shard(
    host: &Host,
    reasons: &Rc<RefCell<Vec<String>>>,
    core: usize,
    seat: ShardSeat,
) -> JoinHandle<Result<StopReason, NodeError>> {
    let reasons = Rc::clone(reasons);
    host.spawn(core, async move {
        let result = run_shard(seat).await;
        reasons.borrow_mut().push(format!("shard {core}: {result:?}"));
        result
    })
}
