//! A small blocking Kafka client for the command line: connections by broker, metadata, bounded retries.

pub(crate) mod address;
pub(crate) mod admin;
pub(crate) mod cluster;
pub(crate) mod configs;
pub(crate) mod connection;
pub(crate) mod error;
pub(crate) mod fetcher;
pub(crate) mod group;
pub(crate) mod interrupt;
pub(crate) mod metadata;
pub(crate) mod offsets;
pub(crate) mod partitioner;
pub(crate) mod positions;
pub(crate) mod producer;
pub(crate) mod quotas;
pub(crate) mod records;
pub(crate) mod retry;

use std::collections::HashMap;
use std::time::Duration;

use jackdaw_core::protocol::Request;

use self::address::Address;
use self::connection::{CallLimits, Connection};
use self::error::ClientError;
use self::interrupt::Interrupt;
use self::metadata::ClusterMetadata;
use self::retry::{Patience, Retry};

/// Whoever asked for the end waits no longer for an answer.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(5);

/// Connections to a cluster's brokers, opened when first needed.
pub(crate) struct Client {
    bootstrap: Vec<Address>,
    limits: CallLimits,
    patience: Patience,
    /// Any broker that answered: what it does not matter whom to ask goes here.
    any: Option<Connection>,
    by_node: HashMap<i32, Connection>,
    /// The coordinators of groups, as they were last known.
    coordinators: HashMap<String, i32>,
    /// As of the last `refresh_metadata`.
    pub(crate) metadata: ClusterMetadata,
}

impl Client {
    /// Opens nothing yet. `timeout` bounds each connect and each answer.
    pub(crate) fn new(bootstrap: Vec<Address>, timeout: Duration, interrupt: Interrupt) -> Self {
        Self {
            bootstrap,
            limits: CallLimits { timeout, interrupt },
            patience: Patience::Restart,
            any: None,
            by_node: HashMap::new(),
            coordinators: HashMap::new(),
            metadata: ClusterMetadata::default(),
        }
    }

    /// What is still to be said after an interrupt: opens its own connections, which no first signal ends.
    pub(crate) fn say_goodbye(&mut self) {
        self.limits =
            CallLimits { timeout: self.limits.timeout.min(GOODBYE_TIMEOUT), interrupt: Interrupt::default() };
        self.patience = Patience::Goodbye;
        self.any = None;
        self.by_node.clear();
    }

    /// From now on a broker that is away is waited for until an interrupt.
    pub(crate) fn wait_without_end(&mut self) {
        self.patience = Patience::Endless;
    }

    /// Counts the attempts at what comes next.
    pub(crate) fn retry(&self) -> Retry {
        Retry::new(self.limits.interrupt.clone(), self.patience)
    }

    pub(crate) fn interrupt(&self) -> &Interrupt {
        &self.limits.interrupt
    }

    /// How long an answer may take.
    pub(crate) fn timeout(&self) -> Duration {
        self.limits.timeout
    }

    /// A connection to whichever bootstrap server answers first, in the order given; where none does, to a
    /// broker that the metadata knows.
    pub(crate) fn any(&mut self) -> Result<&mut Connection, ClientError> {
        let connection = match self.any.take() {
            Some(connection) => connection,
            None => self.open_any()?,
        };
        Ok(self.any.insert(connection))
    }

    fn open_any(&self) -> Result<Connection, ClientError> {
        let mut failure = None;
        for address in self.bootstrap.iter().chain(self.metadata.addresses()) {
            match Connection::open(address, &self.limits) {
                Ok(connection) => return Ok(connection),
                Err(ClientError::Interrupted) => return Err(ClientError::Interrupted),
                Err(error) => {
                    tracing::debug!(%address, %error, "this broker does not answer");
                    failure.get_or_insert(error);
                }
            }
        }
        Err(failure.unwrap_or(ClientError::NoBootstrapServer))
    }

    /// The connection to this broker, whose address the metadata must know.
    pub(crate) fn node(&mut self, node_id: i32) -> Result<&mut Connection, ClientError> {
        if !self.by_node.contains_key(&node_id) {
            let address = self.metadata.address(node_id).ok_or(ClientError::UnknownNode(node_id))?;
            let connection = Connection::open(address, &self.limits)?;
            self.by_node.insert(node_id, connection);
        }
        self.by_node.get_mut(&node_id).ok_or(ClientError::UnknownNode(node_id))
    }

    /// Forgets a broken connection.
    pub(crate) fn close_node(&mut self, node_id: i32) {
        self.by_node.remove(&node_id);
    }

    /// Asks whichever broker is connected; a connection that fails is closed.
    pub(crate) fn call_any<R: Request>(
        &mut self,
        request: impl FnOnce(i16) -> R,
    ) -> Result<R::Response, ClientError> {
        let result = self.any()?.call(request);
        if result.as_ref().is_err_and(ClientError::is_of_connection) {
            self.any = None;
        }
        result
    }

    /// Asks one broker; a connection that fails is closed.
    pub(crate) fn call_node<R: Request>(
        &mut self,
        node_id: i32,
        request: impl FnOnce(i16) -> R,
    ) -> Result<R::Response, ClientError> {
        self.call_node_up_to(node_id, i16::MAX, request)
    }

    /// The same in version `ceiling` at most.
    pub(crate) fn call_node_up_to<R: Request>(
        &mut self,
        node_id: i32,
        ceiling: i16,
        request: impl FnOnce(i16) -> R,
    ) -> Result<R::Response, ClientError> {
        let result = self.node(node_id)?.call_up_to(ceiling, request);
        if result.as_ref().is_err_and(ClientError::is_of_connection) {
            self.close_node(node_id);
        }
        result
    }
}
