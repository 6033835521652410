//! A shard at work: messages from other shards, connections, the periodic tasks.

use std::{cell::Cell, rc::Rc, time::Duration};

use jackdaw_core::quota::{Keep, QuotaKind, address_limit};
use jackdaw_net::{
    ConnectionConfig, Connections,
    listener::{Load, Loads, Placed, accept},
};
use jackdaw_ring::{Listener, Socket, channel::Notify, sleep, socket::Detached, spawn, timeout};

use crate::{
    apply,
    connection_limits::ConnectionLimits,
    limits::{CONTROLLER_SHARD, MESSAGES_PER_TURN, STOP_GRACE},
    message::{Call, Message, PartitionCheckpoint, Reply},
    metrics, partition_query, quota,
    rpc::Handled,
    service::KafkaService,
    shard::Shard,
};

/// How long a connection that its address may not open yet is left alone before it is closed.
async fn throttle_connection(shard: &Rc<Shard>, socket: &Socket) -> Option<Duration> {
    let limit = address_limit(&*shard.client_quotas()?, socket.peer().ip())?;
    let throttle_ms = quota::charge(shard, &limit, QuotaKind::Connection, 1.0, Keep::Unthrottled).await;
    (throttle_ms > 0).then(|| Duration::from_millis(throttle_ms.into()))
}

/// The network side of one shard.
pub(crate) struct Front {
    shard: Rc<Shard>,
    loads: Loads,
    connections: Connections,
    config: ConnectionConfig,
    is_stopped: Cell<bool>,
    stopped: Notify,
}

impl Front {
    pub(crate) fn new(shard: Rc<Shard>, loads: Loads) -> Rc<Self> {
        let connections = shard.connections.clone();
        let config = ConnectionConfig {
            request_max_bytes: shard.limits.request_max_bytes,
            budget: shard.memory.clone(),
            connections: connections.clone(),
        };
        if let Some(idle) = shard.limits.connections_max_idle {
            spawn(connections.clone().close_idle(idle));
        }
        Rc::new(Self {
            shard,
            loads,
            connections,
            config,
            is_stopped: Cell::new(false),
            stopped: Notify::default(),
        })
    }

    /// Accept on this shard's end of a listening socket.
    pub(crate) fn listen(self: &Rc<Self>, listener: usize, socket: Listener) {
        let front = Rc::clone(self);
        let own = self.shard.rpc.own();
        spawn(async move {
            let limits = ConnectionLimits::new(Rc::clone(&front.shard));
            let place = |placed| match placed {
                Placed::Here(socket, load) => front.serve(listener, socket, load),
                Placed::Other(shard, socket, load) => {
                    front.shard.rpc.tell(shard, Message::Connection { listener, socket, load });
                }
            };
            accept(&socket, own, &front.loads, |peer| limits.allowed(peer), place).await;
        });
    }

    fn serve(self: &Rc<Self>, listener: usize, socket: Socket, load: Load) {
        if self.shard.is_stopping() {
            return;
        }
        let service = Rc::new(KafkaService { shard: Rc::clone(&self.shard), listener });
        let config = self.config.clone();
        spawn(async move {
            let shard = &service.shard;
            if let Some(wait) = throttle_connection(shard, &socket).await {
                // As in Kafka: closed late, so that a client that tries again at once does not come the faster.
                sleep(wait).await;
                return drop((socket, load));
            }
            let accepted = &shard.counters.connections_accepted;
            accepted.set(accepted.get() + 1);
            jackdaw_net::serve(socket, service, config).await;
            drop(load);
        });
    }

    /// Take messages from other shards for ever.
    pub(crate) async fn take_messages(self: Rc<Self>) {
        let rpc = Rc::clone(&self.shard.rpc);
        loop {
            let (from, message) = rpc.receive().await;
            self.take(from, message);
            for _ in 0..MESSAGES_PER_TURN {
                let Some((from, message)) = rpc.try_receive() else { break };
                self.take(from, message);
            }
            jackdaw_ring::yield_now().await;
        }
    }

    fn take(self: &Rc<Self>, from: usize, message: Message) {
        match message {
            Message::Call { token, call } => {
                let handled = self.handle(from, call);
                self.shard.rpc.answer(from, token, handled);
            }
            Message::Reply { token, reply } => self.shard.rpc.on_reply(token, reply),
            Message::Wake { fetch } => self.shard.fetch_waits.wake(fetch),
            Message::Unwatch { fetch, keys } => self.shard.unwatch(from, fetch, keys),
            Message::Identity(_) => {}
            Message::Connection { listener, socket, load } => {
                self.serve(listener, Socket::attach(socket), load);
            }
            Message::Listener { listener, socket } => self.attach_listener(listener, socket),
        }
    }

    pub(crate) fn attach_listener(self: &Rc<Self>, listener: usize, socket: Detached) {
        self.listen(listener, Listener::attach(socket));
    }

    fn handle(self: &Rc<Self>, from: usize, call: Call) -> Handled {
        let shard = Rc::clone(&self.shard);
        match call {
            Call::Produce(call) => shard.produce(call),
            Call::Fetch(call) => shard.fetch(from, call),
            Call::Groups(call) => shard.groups.call(call),
            Call::UnreadableGroups(keys) => Handled::Now(shard.groups.unreadable(keys)),
            Call::ListOffsets(queries) => shard.list_offsets(queries),
            Call::Apply(view, step) => {
                Handled::Later(Box::pin(
                    async move { Reply::Applied(apply::apply(&shard, &view, step).await) },
                ))
            }
            Call::Controller(call) => Handled::Later(Box::pin(async move {
                debug_assert_eq!(shard.rpc.own(), CONTROLLER_SHARD);
                Reply::Controller(shard.call_controller(*call).await.map(Box::new))
            })),
            Call::Quorum => Handled::Now(Reply::Quorum(shard.own_quorum())),
            Call::Partitions(queries) => partition_query::answer(&shard, queries),
            Call::Metrics(ask) => metrics::answer(&shard, ask),
            Call::Quota(charge) => Handled::Now(Reply::Quota { throttle_ms: shard.charge(&charge) }),
            Call::Checkpoints => Handled::Now(Reply::Checkpoints(apply::checkpoints(&shard))),
            Call::Stop => {
                let front = Rc::clone(self);
                Handled::Later(Box::pin(async move { Reply::Stopped(front.stop().await) }))
            }
        }
    }

    /// Close all connections and logs; what remains is what the checkpoint files say.
    pub(crate) async fn stop(&self) -> Vec<PartitionCheckpoint> {
        self.shard.set_stopping();
        // Members that wait for a rebalance are answered: their requests would hold the stop up.
        self.shard.groups.stop();
        self.connections.shutdown_all();
        let ended = async {
            while self.connections.count() > 0 {
                sleep(Duration::from_millis(1)).await;
            }
        };
        // Requests that are being answered end with their connections; none may hold the stop up.
        let _ = timeout(STOP_GRACE, ended).await;
        let lines = apply::close_all(&self.shard).await;
        for commits in &self.shard.commits {
            if let Err(error) = commits.close().await {
                self.shard.fatal.directory(commits.log_dir(), "cannot remove the commit journal", &error);
            }
        }
        self.is_stopped.set(true);
        self.stopped.notify_all();
        lines
    }

    /// Wait for the end of [`Front::stop`], and let its answer leave.
    pub(crate) async fn stopped(&self) {
        while !self.is_stopped.get() {
            self.stopped.notified().await;
        }
        sleep(Duration::from_millis(1)).await;
    }
}
