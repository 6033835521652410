//! A slot of a group: one member after the other, each with its whims.

use std::{collections::BTreeSet, rc::Rc, time::Duration};

use jackdaw_core::{
    error_code::ErrorCode,
    protocol::{Request, messages::FindCoordinatorRequest},
    uuid::Uuid,
};
use jackdaw_ring::sleep;

use super::{
    Phase, Shared, Slot, Status, broken, classic, consumer,
    history::Place,
    plan::{GroupPlan, Protocol},
    positions::Positions,
    requests::{self, Credentials},
};
use crate::{
    Random,
    workload::connection::{Connection, Lost},
};

/// Versions of one client.
#[derive(Clone, Copy, Debug)]
pub(super) struct Versions {
    pub(super) join: i16,
    pub(super) sync: i16,
    pub(super) heartbeat: i16,
    pub(super) leave: i16,
    pub(super) commit: i16,
    pub(super) fetch: i16,
    pub(super) subscription: i16,
}

/// What keeps a member from going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The connection, or the node.
    Lost,
    /// The member dies in the middle of a request.
    Dies,
    /// Try again.
    Retry,
    /// The others wait for it to join again.
    Rebalance,
    /// Its generation is over.
    Stale,
    /// It is no member any more.
    Expelled,
    /// Another has its instance id.
    Fenced,
}

impl From<Lost> for Trouble {
    fn from(_: Lost) -> Self {
        Self::Lost
    }
}

/// How a member's connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// It goes on with another connection.
    Lost,
    Died,
    /// To begin again at once, as a new member or with its instance id.
    Restarts,
    Left,
    Fenced,
}

/// A member of a group, or one who wants to be it.
pub(super) struct Member {
    pub(super) shared: Rc<Shared>,
    pub(super) random: Random,
    pub(super) group: usize,
    pub(super) slot: usize,
    pub(super) versions: Versions,
    /// Which of a mixed group's protocols this member speaks; the group's own in others.
    pub(super) protocol: Protocol,
    pub(super) member_id: String,
    /// Generation or member epoch.
    pub(super) epoch: i32,
    /// It has to join (again).
    pub(super) joins: bool,
    pub(super) owned: BTreeSet<Place>,
    pub(super) positions: Positions,
    pub(super) heartbeat_due_ms: u64,
    /// KIP-848: what the coordinator was last told that this member owns; `None` if that is not known.
    pub(super) told: Option<BTreeSet<Place>>,
    /// What it was assigned of topics that the workload does not consume.
    pub(super) strange: BTreeSet<(Uuid, i32)>,
    /// The session must be over: nothing may be taken from this member until it has joined.
    pub(super) is_dead: bool,
}

pub(super) async fn run(shared: Rc<Shared>, group: usize, slot: usize, random: Random) {
    let mut member = Member::new(shared, group, slot, random);
    let delay_ms = member.random.scaled(1, 3_000);
    member.shared.sleep_serving(delay_ms).await;
    loop {
        if member.shared.may_work() && !member.place().is_out.get() {
            let ended = member.serve().await;
            member.after(ended).await;
        }
        let pause_ms = member.random.between(2, 15);
        sleep(Duration::from_millis(pause_ms)).await;
    }
}

impl Member {
    fn new(shared: Rc<Shared>, group: usize, slot: usize, mut random: Random) -> Self {
        let (protocol, versions) = draw(&shared.plan.groups[group], &mut random);
        Self {
            shared,
            group,
            slot,
            versions,
            protocol,
            member_id: String::new(),
            epoch: -1,
            joins: true,
            owned: BTreeSet::new(),
            positions: Positions::default(),
            heartbeat_due_ms: 0,
            told: None,
            strange: BTreeSet::new(),
            is_dead: false,
            random,
        }
    }

    pub(super) fn plan(&self) -> &GroupPlan {
        &self.shared.plan.groups[self.group]
    }

    pub(super) fn place(&self) -> &Slot {
        &self.shared.groups[self.group][self.slot]
    }

    pub(super) fn instance(&self) -> Option<String> {
        self.plan().slots[self.slot].instance.clone()
    }

    pub(super) fn is_consumer(&self) -> bool {
        self.protocol == Protocol::Consumer
    }

    /// How long after a sign of life the coordinator surely keeps this member.
    pub(super) fn patience_ms(&self) -> u64 {
        self.plan().session_ms.min(self.plan().rebalance_ms)
    }

    /// A request that was sent at this time was taken from a member.
    pub(super) fn on_alive(&self, sent_ms: u64) {
        let ownership = &mut self.shared.history.borrow_mut().ownership;
        ownership.on_alive(self.group, &self.identity(), sent_ms, self.patience_ms());
    }

    /// Its name in the history: a static member is one over its restarts.
    pub(super) fn identity(&self) -> String {
        self.instance().unwrap_or_else(|| self.member_id.clone())
    }

    pub(super) fn credentials(&self) -> Credentials {
        Credentials {
            group: self.plan().name.clone(),
            member: self.member_id.clone(),
            epoch: self.epoch,
            instance: self.instance().filter(|_| !self.is_consumer()),
        }
    }

    /// A line for people in the trace.
    pub(super) fn tell(&self, text: &str) {
        let who = format!("{} {} at {}", self.plan().name, self.identity(), self.epoch);
        self.shared.server.host.comment(&format!("{who}: {text}"));
    }

    pub(super) fn change_status(&self, change: impl FnOnce(&mut Status)) {
        change(&mut self.place().status.borrow_mut());
    }

    /// Ask, and perhaps die before the answer.
    pub(super) async fn call<R: Request>(
        &mut self,
        connection: &mut Connection,
        request: &R,
        version: i16,
    ) -> Result<R::Response, Trouble> {
        connection.send(request, version).await?;
        if self.shared.is_serving() && self.random.one_in(self.shared.plan.whim_one_in * 6) {
            return Err(if self.random.one_in(2) { Trouble::Dies } else { Trouble::Lost });
        }
        let response = connection.answer::<R>(version).await?;
        Ok(response)
    }

    /// What a code means to a member.
    pub(super) fn trouble(&self, code: i16, what: &str) -> Trouble {
        if self.shared.is_stopping.get() {
            return Trouble::Lost;
        }
        match ErrorCode::from_i16(code) {
            ErrorCode::CoordinatorLoadInProgress
            | ErrorCode::NotCoordinator
            | ErrorCode::CoordinatorNotAvailable
            | ErrorCode::UnreleasedInstanceId => Trouble::Retry,
            ErrorCode::RebalanceInProgress => Trouble::Rebalance,
            ErrorCode::IllegalGeneration | ErrorCode::StaleMemberEpoch => Trouble::Stale,
            ErrorCode::UnknownMemberId | ErrorCode::FencedMemberEpoch | ErrorCode::GroupIdNotFound => {
                Trouble::Expelled
            }
            ErrorCode::FencedInstanceId => Trouble::Fenced,
            error => {
                let who = format!("{:?} of {}, epoch {}", self.identity(), self.plan().name, self.epoch);
                broken("a member is served", &format!("{error} to {what} of {who}"))
            }
        }
    }

    /// One connection, until something ends it.
    async fn serve(&mut self) -> Ended {
        let server = Rc::clone(&self.shared.server);
        let was_calm = self.shared.phase.get() == Phase::Settling;
        let life = server.life.get();
        let Ok(mut connection) = Connection::open(&server).await else { return Ended::Lost };
        if let Err(Lost) = self.find_coordinator(&mut connection).await {
            return Ended::Lost;
        }
        let ended = self.serve_on(&mut connection).await;
        let is_calm = was_calm && self.shared.phase.get() == Phase::Settling;
        if ended == Ended::Lost && is_calm && server.life.get() == life && !self.shared.is_stopping.get() {
            broken("the node keeps its connections", &format!("{}: {:?}", self.identity(), self.versions));
        }
        ended
    }

    async fn serve_on(&mut self, connection: &mut Connection) -> Ended {
        loop {
            if !self.shared.may_work() {
                return Ended::Lost;
            }
            let done = match self.whim(connection).await {
                Ok(Some(ended)) => return ended,
                Ok(None) if self.is_consumer() => consumer::turn(self, connection).await,
                Ok(None) => classic::turn(self, connection).await,
                Err(trouble) => Err(trouble),
            };
            match done {
                Ok(()) => {}
                Err(Trouble::Lost) => return Ended::Lost,
                Err(Trouble::Dies) => return Ended::Died,
                Err(Trouble::Fenced) => return Ended::Fenced,
                Err(trouble) => self.bear(trouble).await,
            }
        }
    }

    async fn bear(&mut self, trouble: Trouble) {
        if trouble != Trouble::Retry {
            self.tell(&format!("{trouble:?}"));
        }
        match trouble {
            Trouble::Rebalance => self.joins = true,
            Trouble::Stale => self.lose_all(),
            Trouble::Expelled => {
                self.lose_all();
                self.forget_membership();
            }
            _ => {
                let pause_ms = self.random.between(5, 100);
                sleep(Duration::from_millis(pause_ms)).await;
            }
        }
    }

    /// All that it owned is others'.
    pub(super) fn lose_all(&mut self) {
        let owned = std::mem::take(&mut self.owned);
        self.shared.history.borrow_mut().ownership.on_released(self.group, &self.identity(), &owned);
        self.positions.clear();
        self.joins = true;
        self.told = None;
        self.strange.clear();
        self.change_status(|status| {
            status.epoch = None;
            status.owned.clear();
            status.is_settled = false;
        });
    }

    pub(super) fn forget_membership(&mut self) {
        self.is_dead = false;
        self.epoch = if self.is_consumer() { 0 } else { -1 };
        if !self.is_consumer() {
            self.member_id.clear();
        }
    }

    async fn find_coordinator(&mut self, connection: &mut Connection) -> Result<(), Lost> {
        let version = self.random.between(0, 6) as i16;
        let request = requests::find_coordinator(&self.plan().name, version);
        loop {
            let response = connection.call::<FindCoordinatorRequest>(&request, version).await?;
            let (error, port) = match response.coordinators.first() {
                Some(found) if version >= 4 => (found.error_code, found.port),
                _ => (response.error_code, response.port),
            };
            match ErrorCode::from_i16(error) {
                ErrorCode::None if port == i32::from(crate::workload::connection::PORT) => return Ok(()),
                ErrorCode::CoordinatorNotAvailable | ErrorCode::CoordinatorLoadInProgress => {}
                _ if self.shared.is_stopping.get() => return Err(Lost),
                _ => broken("a coordinator is found", &format!("{response:?}")),
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    async fn after(&mut self, ended: Ended) {
        if ended == Ended::Lost {
            return;
        }
        self.tell(&format!("{ended:?}"));
        let is_commanded = self.shared.phase.get() == Phase::Settling;
        let session_ms = self.plan().session_ms;
        self.lose_all();
        self.forget_membership();
        self.member_id.clear();
        (self.protocol, self.versions) = draw(&self.shared.plan.groups[self.group], &mut self.random);
        match ended {
            Ended::Restarts => {
                let pause_ms = self.random.scaled(1, session_ms / 4);
                sleep(Duration::from_millis(pause_ms)).await;
            }
            Ended::Left if is_commanded => self.place().is_out.set(true),
            _ => {
                let pause_ms = self.random.scaled(1, 3 * session_ms);
                self.shared.sleep_serving(pause_ms).await;
            }
        }
    }

    /// A turn's end: look up, and wait a little.
    pub(super) async fn rest(&mut self) {
        let is_settled = self.is_settled();
        self.change_status(|status| status.is_settled = is_settled);
        let longest_ms = (self.plan().session_ms / 8).min(400);
        let pause_ms = self.random.scaled(2, longest_ms);
        sleep(Duration::from_millis(pause_ms)).await;
    }
}

/// What a new member speaks.
fn draw(plan: &GroupPlan, random: &mut Random) -> (Protocol, Versions) {
    let protocol = match plan.protocol {
        Protocol::Mixed => *random.pick(&[Protocol::Cooperative, Protocol::Consumer]),
        protocol => protocol,
    };
    (protocol, Versions::draw(plan, protocol, random))
}

impl Versions {
    fn draw(plan: &GroupPlan, protocol: Protocol, random: &mut Random) -> Self {
        // One group's members tell each other who is static.
        let at_least = |low: i16, with_instances: i16| if plan.is_static() { with_instances } else { low };
        let consumer = protocol == Protocol::Consumer;
        let mut draw = |low: i16, high: i16| random.between(low as u64, high as u64) as i16;
        Self {
            join: draw(at_least(0, 5), 9),
            sync: draw(at_least(0, 3), 5),
            heartbeat: draw(at_least(0, 3), 4),
            leave: draw(at_least(0, 3), 5),
            commit: draw(if consumer { 9 } else { at_least(2, 7) }, 10),
            fetch: draw(1, 10),
            subscription: draw(1, 3),
        }
    }
}
