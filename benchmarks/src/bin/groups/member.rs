//! A member: one connection, on which it joins, beats and commits until the end.

use std::{cell::Cell, io::Error, rc::Rc, time::Duration};

use jackdaw_bench::connection::Connection;
use jackdaw_core::{
    error_code::ErrorCode,
    protocol::messages::{
        OffsetCommitRequest,
        offset_commit::{OffsetCommitRequestPartition, OffsetCommitRequestTopic},
    },
    uuid::Uuid,
};
use jackdaw_ring::{Instant, now, random_u64, sleep, sleep_until};

use crate::{
    classic, consumer,
    meter::{Kind, Meter, increment},
    options::{Options, Protocol},
};

pub(crate) const TOPIC: &str = "groups";
/// Versions that Kafka's own Java client of 4.x speaks; OffsetCommit 9 is the last that names topics.
const COMMIT_VERSION: i16 = 9;
const COMMIT_INTERVAL: Duration = Duration::from_secs(5);
const RETRY: Duration = Duration::from_millis(100);
/// Offsets that a member gets on by between two commits.
const PROGRESS: i64 = 100;

/// What all members share.
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) meter: Meter,
    pub(crate) topic_id: Cell<Uuid>,
}

pub(crate) struct Member {
    pub(crate) shared: Rc<Shared>,
    pub(crate) group_id: String,
    pub(crate) member_id: String,
    /// Generation or member epoch.
    pub(crate) epoch: i32,
    pub(crate) has_joined: bool,
    pub(crate) is_settled: bool,
    pub(crate) partitions: Vec<i32>,
    pub(crate) heartbeat_interval: Duration,
    pub(crate) heartbeat_due: Instant,
    commit_due: Instant,
    offset: i64,
}

/// Be a member of the group for ever.
pub(crate) async fn run(shared: Rc<Shared>, group: usize) {
    let mut member = Member::new(shared, group);
    loop {
        if let Err(error) = member.serve().await {
            if member.shared.meter.lost_connections.get() == 0 {
                eprintln!("{}: {error}", member.group_id);
            }
            increment(&member.shared.meter.lost_connections);
        }
        member.has_joined = false;
        member.settle(false);
        sleep(Duration::from_secs(1)).await;
    }
}

impl Member {
    fn new(shared: Rc<Shared>, group: usize) -> Self {
        Self {
            shared,
            group_id: format!("group-{group}"),
            member_id: String::new(),
            epoch: 0,
            has_joined: false,
            is_settled: false,
            partitions: Vec::new(),
            heartbeat_interval: Duration::ZERO,
            heartbeat_due: Instant::default(),
            commit_due: Instant::default(),
            offset: 0,
        }
    }

    async fn serve(&mut self) -> Result<(), Error> {
        let mut connection = Connection::open(self.shared.options.bootstrap).await?;
        loop {
            while !self.has_joined {
                increment(&self.shared.meter.joins);
                match self.shared.options.protocol {
                    Protocol::Classic => classic::join(self, &mut connection).await?,
                    Protocol::Consumer => consumer::join(self, &mut connection).await?,
                }
            }
            if self.heartbeat_due <= self.commit_due {
                self.heartbeat(&mut connection).await?;
            } else {
                self.commit(&mut connection).await?;
            }
        }
    }

    async fn heartbeat(&mut self, connection: &mut Connection) -> Result<(), Error> {
        let due = self.heartbeat_due;
        sleep_until(due).await;
        let sent = now();
        self.heartbeat_due = due + self.heartbeat_interval;
        let error_code = match self.shared.options.protocol {
            Protocol::Classic => classic::heartbeat(self, connection).await?,
            Protocol::Consumer => consumer::heartbeat(self, connection).await?,
        };
        self.shared.meter.record(Kind::Heartbeat, due, sent, error_code);
        self.take_error("heartbeat", error_code).await;
        Ok(())
    }

    async fn commit(&mut self, connection: &mut Connection) -> Result<(), Error> {
        let due = self.commit_due;
        sleep_until(due).await;
        let sent = now();
        self.commit_due = due + COMMIT_INTERVAL;
        self.offset += PROGRESS;
        let partition = |partition: &i32| OffsetCommitRequestPartition {
            partition_index: *partition,
            committed_offset: self.offset,
            committed_metadata: Some(String::new()),
            ..Default::default()
        };
        let request = OffsetCommitRequest {
            group_id: self.group_id.clone(),
            generation_id_or_member_epoch: self.epoch,
            member_id: self.member_id.clone(),
            topics: vec![OffsetCommitRequestTopic {
                name: TOPIC.to_owned(),
                partitions: self.partitions.iter().map(partition).collect(),
                ..Default::default()
            }],
            ..Default::default()
        };
        let response = connection.call(&request, COMMIT_VERSION).await?;
        let mut codes =
            response.topics.iter().flat_map(|topic| &topic.partitions).map(|answer| answer.error_code);
        let error_code = codes.find(|code| *code != 0).unwrap_or(0);
        self.shared.meter.record(Kind::Commit, due, sent, error_code);
        self.take_error("commit", error_code).await;
        Ok(())
    }

    /// Begin to beat and commit, each at a random moment of its interval, so that members are not in step.
    pub(crate) fn start_clocks(&mut self) {
        self.heartbeat_due = now() + part_of(self.heartbeat_interval);
        self.commit_due = now() + part_of(COMMIT_INTERVAL);
    }

    /// The member holds, or does not hold, what the others leave it.
    pub(crate) fn settle(&mut self, is_settled: bool) {
        let settled = &self.shared.meter.settled;
        match (self.is_settled, is_settled) {
            (false, true) => settled.set(settled.get() + 1),
            (true, false) => settled.set(settled.get() - 1),
            _ => {}
        }
        self.is_settled = is_settled;
    }

    /// What a client does about an error: join again, as whom it was or as a new member, or try again.
    pub(crate) async fn take_error(&mut self, api: &'static str, error_code: i16) {
        if error_code == 0 {
            return;
        }
        self.shared.meter.note_error(api, error_code);
        match ErrorCode::from_i16(error_code) {
            ErrorCode::RebalanceInProgress | ErrorCode::IllegalGeneration => self.has_joined = false,
            ErrorCode::UnknownMemberId | ErrorCode::FencedMemberEpoch => {
                self.member_id.clear();
                self.has_joined = false;
            }
            ErrorCode::StaleMemberEpoch => self.heartbeat_due = now(),
            _ => sleep(RETRY).await,
        }
        if !self.has_joined {
            self.settle(false);
        }
    }
}

fn part_of(interval: Duration) -> Duration {
    interval.mul_f64(random_u64() as f64 / u64::MAX as f64)
}
