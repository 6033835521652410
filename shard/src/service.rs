//! Requests of one connection: the header, which API, whether it is served, and to its handler.

use std::{future::Future, net::SocketAddr, rc::Rc, time::Duration};

use bytes::Bytes;
use jackdaw_core::{
    limits::{DECODED_MESSAGE_BYTES_MAX, PRODUCE_PARTITIONS_MAX},
    protocol::{ApiKey, Message, Reader, Request, header::RequestHeader, produce::named_count},
};
use jackdaw_net::{Answer, Dispatched, Service, Times};
use jackdaw_ring::Instant;

use crate::{
    answer::{Counted, ReplyTo},
    handlers,
    limits::{
        DECODED_BYTES_PER_FRAME_BYTE, FETCH_BYTES_PER_FRAME_BYTE, PRODUCE_PARTITION_BYTES,
        PRODUCE_PARTITIONS_UNCOUNTED,
    },
    metrics,
    quota::{self, ConnectionQuotas, RequestQuotas, measured},
    shard::Shard,
};

/// The Kafka protocol on one listener of one shard.
pub(crate) struct KafkaService {
    pub(crate) shard: Rc<Shard>,
    /// The listener's place in the configuration: answers name its advertised address.
    pub(crate) listener: usize,
}

/// What is known of one connection.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) peer: SocketAddr,
    pub(crate) software: Option<(String, String)>,
    pub(crate) quotas: ConnectionQuotas,
}

/// What a handler knows of its request besides the body.
#[derive(Clone, Debug)]
pub(crate) struct RequestContext {
    pub(crate) listener: usize,
    pub(crate) peer: SocketAddr,
    pub(crate) client_id: Option<String>,
    pub(crate) version: i16,
    /// Of the whole frame.
    pub(crate) size_bytes: usize,
    pub(crate) reply_to: ReplyTo,
    /// `None` where no quota binds the client.
    pub(crate) quotas: Option<RequestQuotas>,
}

impl Service for KafkaService {
    type Session = Session;

    fn open(&self, peer: SocketAddr) -> Session {
        Session { peer, software: None, quotas: ConnectionQuotas::default() }
    }

    fn memory_bytes(&self, frame: &Bytes) -> usize {
        let key = frame.first_chunk().and_then(|code| ApiKey::from_code(i16::from_be_bytes(*code)));
        match key {
            None => 0,
            // Records stay in the frame, which is counted.
            Some(ApiKey::Produce) => match named_count(frame).min(PRODUCE_PARTITIONS_MAX) {
                0..=PRODUCE_PARTITIONS_UNCOUNTED => 0,
                count => count * PRODUCE_PARTITION_BYTES,
            },
            // They may wait for a whole rebalance, and what a member says is copied out of the frame at once: a group
            // that joins must not take the memory that its own heartbeats need.
            Some(ApiKey::JoinGroup | ApiKey::SyncGroup) => frame.len(),
            Some(ApiKey::Fetch) => frame.len() * FETCH_BYTES_PER_FRAME_BYTE,
            Some(_) => (frame.len() * DECODED_BYTES_PER_FRAME_BYTE).min(DECODED_MESSAGE_BYTES_MAX),
        }
    }

    fn label(&self, frame: &Bytes) -> u32 {
        metrics::label(frame)
    }

    fn muted_until(&self, session: &Session) -> Option<Instant> {
        session.quotas.muted_until()
    }

    fn answered(&self, label: u32, times: &Times) {
        self.shard.counters.requests.answered(label, times);
    }

    async fn dispatch(&self, session: &mut Session, frame: Bytes) -> Dispatched {
        let mut reader = Reader::new(&frame);
        let header = match RequestHeader::read(&mut reader) {
            Ok(header) => header,
            Err(error) => return Dispatched::close(format!("the request's header cannot be read: {error}")),
        };
        let Some(key) = ApiKey::from_code(header.api_key) else {
            return Dispatched::close(format!("unknown API key {}", header.api_key));
        };
        let reply_to = ReplyTo::new(key, &header);
        if !handlers::is_served(key, header.api_version) {
            return refuse(reply_to);
        }
        let quotas = session.quotas.of_request(&self.shard, header.client_id.as_deref());
        let context = RequestContext {
            listener: self.listener,
            peer: session.peer,
            client_id: header.client_id,
            version: header.api_version,
            size_bytes: frame.len(),
            reply_to,
            quotas,
        };
        self.hand_over(session, key, context, reader).await
    }
}

/// An API or version that is not served: the connection is closed, as Kafka does, except for ApiVersions, whose
/// answer in version 0 tells the client what to ask.
fn refuse(reply_to: ReplyTo) -> Dispatched {
    if reply_to.key == ApiKey::ApiVersions {
        let reply_to = ReplyTo { version: 0, ..reply_to };
        return Dispatched::Done(reply_to.with(&handlers::api_versions::unsupported_version()));
    }
    Dispatched::close(format!("{:?} version {} is not served", reply_to.key, reply_to.version))
}

impl KafkaService {
    async fn hand_over(
        &self,
        session: &mut Session,
        key: ApiKey,
        context: RequestContext,
        reader: Reader<'_>,
    ) -> Dispatched {
        let shard = &self.shard;
        match key {
            ApiKey::Produce => handlers::produce::dispatch(shard, context, reader).await,
            ApiKey::Fetch => handlers::fetch::dispatch(shard, context, reader),
            ApiKey::ApiVersions => handlers::api_versions::dispatch(shard, session, context, reader),
            ApiKey::Metadata => self.later_counted(context, reader, handlers::metadata::handle),
            ApiKey::FindCoordinator => self.later(context, reader, handlers::find_coordinator::handle),
            ApiKey::OffsetCommit => self.later(context, reader, handlers::groups::offsets::commit),
            ApiKey::OffsetFetch => self.later(context, reader, handlers::groups::offset_fetch::handle),
            ApiKey::OffsetDelete => self.later(context, reader, handlers::groups::offsets::delete),
            ApiKey::JoinGroup => self.later(context, reader, handlers::groups::members::join),
            ApiKey::SyncGroup => self.later(context, reader, handlers::groups::members::sync),
            ApiKey::Heartbeat => self.later(context, reader, handlers::groups::members::heartbeat),
            ApiKey::LeaveGroup => self.later(context, reader, handlers::groups::members::leave),
            ApiKey::ConsumerGroupHeartbeat => {
                self.later(context, reader, handlers::groups::members::consumer_heartbeat)
            }
            ApiKey::ConsumerGroupDescribe => {
                self.later(context, reader, handlers::groups::describe::describe_consumer)
            }
            ApiKey::DescribeGroups => self.later(context, reader, handlers::groups::describe::describe),
            ApiKey::DeleteGroups => self.later(context, reader, handlers::groups::describe::delete),
            ApiKey::ListGroups => self.later(context, reader, handlers::groups::list::handle),
            ApiKey::ListOffsets => self.later(context, reader, handlers::list_offsets::handle),
            ApiKey::CreateTopics => self.later(context, reader, handlers::topics::create),
            ApiKey::DeleteTopics => self.later(context, reader, handlers::topics::delete),
            ApiKey::InitProducerId => self.later(context, reader, handlers::init_producer_id::handle),
            ApiKey::DeleteRecords => self.later(context, reader, handlers::delete_records::handle),
            ApiKey::OffsetForLeaderEpoch => {
                self.later(context, reader, handlers::offset_for_leader_epoch::handle)
            }
            ApiKey::DescribeLogDirs => self.later(context, reader, handlers::describe_log_dirs::handle),
            ApiKey::DescribeProducers => self.later(context, reader, handlers::describe_producers::handle),
            ApiKey::DescribeQuorum => self.later(context, reader, handlers::describe_quorum::handle),
            ApiKey::CreatePartitions => self.later(context, reader, handlers::partitions::create),
            ApiKey::ElectLeaders => self.later(context, reader, handlers::partitions::elect_leaders),
            ApiKey::AlterPartitionReassignments => {
                self.later(context, reader, handlers::partitions::alter_reassignments)
            }
            ApiKey::ListPartitionReassignments => {
                self.later(context, reader, handlers::partitions::list_reassignments)
            }
            ApiKey::DescribeClientQuotas => self.later(context, reader, handlers::client_quotas::describe),
            ApiKey::AlterClientQuotas => self.later(context, reader, handlers::client_quotas::alter),
            ApiKey::UpdateFeatures => self.later(context, reader, handlers::update_features::handle),
            ApiKey::UnregisterBroker => self.later(context, reader, handlers::unregister_broker::handle),
            ApiKey::AlterConfigs => self.later(context, reader, handlers::alter_configs::replace),
            ApiKey::IncrementalAlterConfigs => self.later(context, reader, handlers::alter_configs::change),
            ApiKey::ListConfigResources => {
                self.later(context, reader, handlers::list_config_resources::handle)
            }
            ApiKey::DescribeConfigs => {
                self.later_counted(context, reader, handlers::describe_configs::handle)
            }
            ApiKey::DescribeCluster => self.later(context, reader, handlers::describe_cluster::handle),
            ApiKey::DescribeTopicPartitions => {
                self.later(context, reader, handlers::describe_topic_partitions::handle)
            }
            // `is_served` lets no other key through.
            other => Dispatched::close(format!("{other:?} is not served")),
        }
    }

    /// Decode now, handle when the requests before it have been answered.
    fn later<R, F>(
        &self,
        context: RequestContext,
        reader: Reader<'_>,
        handle: impl FnOnce(Rc<Shard>, RequestContext, R) -> F + 'static,
    ) -> Dispatched
    where
        R: Request + 'static,
        F: Future<Output = R::Response> + 'static,
    {
        self.later_counted(context, reader, |shard, context, request| {
            let handled = handle(shard, context, request);
            async { Counted { response: handled.await, memory: None } }
        })
    }

    /// The same for answers that may be large.
    fn later_counted<R, F>(
        &self,
        context: RequestContext,
        mut reader: Reader<'_>,
        handle: impl FnOnce(Rc<Shard>, RequestContext, R) -> F + 'static,
    ) -> Dispatched
    where
        R: Request + 'static,
        F: Future<Output = Counted<R::Response>> + 'static,
    {
        let request = match R::decode(&mut reader, context.version) {
            Ok(request) => request,
            Err(error) => return Dispatched::close(format!("a {} cannot be read: {error}", R::NAME)),
        };
        let shard = Rc::clone(&self.shard);
        let reply_to = context.reply_to;
        match context.quotas.clone() {
            None => {
                Dispatched::later(async move { reply_to.with_counted(handle(shard, context, request).await) })
            }
            Some(quotas) => Dispatched::later(async move {
                let handled = measured(handle(Rc::clone(&shard), context, request)).await;
                reply_to.with_counted(throttled(&shard, &quotas, handled).await)
            }),
        }
    }
}

/// The answer with the time that its client has to wait; the connection is muted for as long.
async fn throttled<T: Message>(
    shard: &Rc<Shard>,
    quotas: &RequestQuotas,
    (mut counted, took): (Counted<T>, Duration),
) -> Counted<T> {
    let throttle_ms = quotas.charge_time(shard, took).await;
    let throttle_ms = throttle_ms.max(u32::try_from(counted.response.throttle_time_ms()).unwrap_or(0));
    counted.response.set_throttle_time_ms(quota::throttle_time(throttle_ms));
    quotas.mute(throttle_ms);
    counted
}

/// Close the connection over a body that cannot be read.
pub(crate) fn unreadable(name: &str, error: &dyn std::error::Error) -> Answer {
    Answer::Close(format!("a {name} cannot be read: {error}"))
}
