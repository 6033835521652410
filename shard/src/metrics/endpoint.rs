//! The HTTP endpoint: `/metrics`, `/healthz`, `/readyz`. A task of the first shard.

use std::{cell::Cell, io, rc::Rc, time::Duration};

use jackdaw_core::config::HttpListener;
use jackdaw_net::http::{HttpService, Reply, Status, serve_http};
use jackdaw_ring::{Listener, driver::SocketBuffers, spawn, timeout};

use super::{
    collect::{NodeSamples, ask_all},
    idle::IdleShare,
    page,
    samples::{MetricsAsk, MetricsTold},
};
use crate::{
    limits::{HEALTH_BOUND, SCRAPES_AT_ONCE_MAX},
    node::{Control, NodeError},
    shard::Shard,
    start::{listen, resolve},
};

const KEY: &str = "jackdaw.http.listener";

/// How far the node's start has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    /// Logs are opened and recovered, the broker registers.
    Starting,
    Serving,
}

/// What is behind the paths.
pub(crate) struct Endpoint {
    shard: Rc<Shard>,
    control: Control,
    phase: Cell<Phase>,
    scrapes: Cell<usize>,
    idle: IdleShare,
}

impl Endpoint {
    /// Serve where the configuration says so. A default address that is taken is told and left.
    ///
    /// # Errors
    /// If an address that was asked for cannot be had.
    pub(crate) async fn start(
        shard: &Rc<Shard>,
        control: Control,
        configured: Option<&HttpListener>,
    ) -> Result<Rc<Self>, NodeError> {
        let endpoint = Rc::new(Self {
            shard: Rc::clone(shard),
            control,
            phase: Cell::new(Phase::Starting),
            scrapes: Cell::new(0),
            idle: IdleShare::default(),
        });
        let Some(configured) = configured else { return Ok(endpoint) };
        let address = resolve(KEY, configured.host.as_deref().unwrap_or("0.0.0.0"), configured.port)?;
        if !configured.is_default {
            let (listener, _) =
                listen(address, SocketBuffers::default()).await.map_err(|error| NodeError::Io {
                    what: format!(
                        "cannot listen on {address} for {KEY}; stop what has the port, or set another"
                    ),
                    error,
                })?;
            endpoint.serve(listener, address);
            return Ok(endpoint);
        }
        let serving = Rc::clone(&endpoint);
        spawn(async move {
            match listen(address, SocketBuffers::default()).await {
                Ok((listener, _)) => serving.serve(listener, address),
                Err(error) => tracing::warn!(
                    "no metrics are served: cannot listen on {address}: {error}; name another address in {KEY}, or \
                     none to be without"
                ),
            }
        });
        Ok(endpoint)
    }

    fn serve(self: &Rc<Self>, listener: Listener, address: std::net::SocketAddr) {
        tracing::info!(%address, "serving metrics and probes over HTTP");
        spawn(serve_http(listener, Rc::clone(self)));
    }

    pub(crate) fn set_phase(&self, phase: Phase) {
        self.phase.set(phase);
    }

    async fn metrics(&self, reply: Reply<'_>) -> io::Result<()> {
        if self.scrapes.get() >= SCRAPES_AT_ONCE_MAX {
            let text = format!("{SCRAPES_AT_ONCE_MAX} others are being served; try again");
            return reply.text(Status::ServiceUnavailable, &text).await;
        }
        let _scrape = Scrape::begin(&self.scrapes);
        let samples = NodeSamples::collect(&self.shard, &self.idle, self.broker_state()).await;
        page::write(&samples, reply).await
    }

    /// As Kafka numbers them.
    fn broker_state(&self) -> i32 {
        match self.phase.get() {
            _ if self.control.is_stopping() => 6,
            Phase::Starting => 2,
            Phase::Serving => 3,
        }
    }

    /// Whether every shard answers.
    async fn health(&self, reply: Reply<'_>) -> io::Result<()> {
        match timeout(HEALTH_BOUND, ask_all(&self.shard, MetricsAsk::Alive)).await {
            Ok(_) => reply.text(Status::Ok, "ok").await,
            Err(_) => reply.text(Status::ServiceUnavailable, &no_answer()).await,
        }
    }

    async fn readiness(&self, reply: Reply<'_>) -> io::Result<()> {
        match self.obstacle().await {
            None => reply.text(Status::Ok, "ok").await,
            Some(reason) => reply.text(Status::ServiceUnavailable, &reason).await,
        }
    }

    /// Why clients should not be sent here.
    async fn obstacle(&self) -> Option<String> {
        if self.control.is_stopping() {
            return Some("the node is stopping".to_owned());
        }
        if self.phase.get() == Phase::Starting {
            return Some("the node is starting: its logs are being opened".to_owned());
        }
        let node_id = self.shard.identity.node_id;
        let is_alive = self.shard.view().brokers.iter().any(|broker| broker.id == node_id && !broker.fenced);
        if !is_alive {
            return Some(format!("the controller has fenced broker {node_id}"));
        }
        let Ok(told) = timeout(HEALTH_BOUND, ask_all(&self.shard, MetricsAsk::Alive)).await else {
            return Some(no_answer());
        };
        let loading: usize = told.iter().map(MetricsTold::groups_loading).sum();
        (loading > 0)
            .then(|| format!("groups of {loading} partitions of __consumer_offsets are being loaded"))
    }
}

fn no_answer() -> String {
    let bound: Duration = HEALTH_BOUND;
    format!("not every shard has answered within {} s", bound.as_secs())
}

impl HttpService for Endpoint {
    async fn answer(&self, path: &str, reply: Reply<'_>) -> io::Result<()> {
        match path {
            "/metrics" => self.metrics(reply).await,
            "/healthz" => self.health(reply).await,
            "/readyz" => self.readiness(reply).await,
            "/" => reply.text(Status::Ok, "/metrics\n/healthz\n/readyz").await,
            _ => reply.text(Status::NotFound, "there are /metrics, /healthz and /readyz").await,
        }
    }
}

/// Counts a scrape while it goes on.
struct Scrape<'a>(&'a Cell<usize>);

impl<'a> Scrape<'a> {
    fn begin(count: &'a Cell<usize>) -> Self {
        count.set(count.get() + 1);
        Self(count)
    }
}

impl Drop for Scrape<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl MetricsTold {
    fn groups_loading(&self) -> usize {
        match self {
            Self::Alive { groups_loading } => *groups_loading,
            _ => 0,
        }
    }
}
