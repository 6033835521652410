//! What members do and suffer of themselves: they die, leave, restart, are slow, or pause longer than their session.

use jackdaw_core::protocol::messages::{LeaveGroupRequest, leave_group::MemberIdentity};
use jackdaw_ring::now;

use super::{
    Command, consumer,
    history::Place,
    member::{Ended, Member, Trouble},
    plan::Protocol,
};
use crate::workload::connection::Connection;

/// How long after a session's end it surely is taken for ended.
const PAUSE_SURELY_ENDS_MS: u64 = 2_000;

impl Member {
    /// What comes over a member between two turns.
    pub(super) async fn whim(&mut self, connection: &mut Connection) -> Result<Option<Ended>, Trouble> {
        match self.place().command.replace(Command::None) {
            Command::None => {}
            Command::Rejoin => self.joins = true,
            Command::Restart if self.is_consumer() => {
                self.leave(connection, true).await?;
                return Ok(Some(Ended::Restarts));
            }
            Command::Restart => return Ok(Some(Ended::Restarts)),
            Command::Leave => {
                self.leave(connection, false).await?;
                return Ok(Some(Ended::Left));
            }
        }
        if !self.shared.is_serving() || !self.random.one_in(self.shared.plan.whim_one_in) {
            return Ok(None);
        }
        let session_ms = self.plan().session_ms;
        match self.random.below(5) {
            0 => return Ok(Some(Ended::Died)),
            1 => {
                let is_static = self.instance().is_some() && !self.random.one_in(4);
                if self.is_consumer() {
                    self.leave(connection, is_static).await?;
                } else if !is_static {
                    self.leave(connection, false).await?;
                }
                return Ok(Some(if is_static { Ended::Restarts } else { Ended::Left }));
            }
            2 if !self.random.one_in(4) => {
                let slow_ms = session_ms * 7 / 10;
                let length_ms = self.random.between(1, slow_ms);
                self.shared.sleep_serving(length_ms).await;
            }
            2 | 3 => self.pause(connection).await?,
            _ => return Ok(Some(Ended::Restarts)),
        }
        Ok(None)
    }

    /// Say and do nothing for longer than the session, and then go on as if nothing had been.
    async fn pause(&mut self, connection: &mut Connection) -> Result<(), Trouble> {
        let length_ms = self.plan().session_ms + PAUSE_SURELY_ENDS_MS;
        let life = self.shared.server.life.get();
        let begun_ms = now().as_millis();
        self.shared.sleep_serving(length_ms).await;
        let is_over = now().as_millis() >= begun_ms + length_ms && self.shared.server.life.get() == life;
        // A group that changes its protocol gives everybody another session.
        if !self.joins && is_over && self.plan().protocol != Protocol::Mixed {
            self.is_dead = true;
            self.tell("has paused beyond its session");
            let owned: Vec<Place> = self.owned.iter().copied().collect();
            self.commit(connection, owned, true).await?;
        }
        Ok(())
    }

    /// Leave the group; `stays`: as a static member that comes back.
    async fn leave(&mut self, connection: &mut Connection, stays: bool) -> Result<(), Trouble> {
        let before = (self.joins, self.owned.clone(), self.positions.clone(), self.epoch);
        if !self.joins {
            let owned = self.owned.iter().copied().collect();
            if let Err(trouble @ (Trouble::Lost | Trouble::Dies)) =
                self.commit(connection, owned, false).await
            {
                return Err(trouble);
            }
        }
        let epoch = self.epoch;
        self.lose_all();
        let has_left = if self.is_consumer() {
            consumer::leave(self, connection, stays).await?
        } else {
            self.leave_classic(connection).await?
        };
        if has_left && !stays && !before.0 && self.random.one_in(2) {
            // Who has left can commit nothing.
            self.tell("has left, and commits");
            self.is_dead = true;
            (self.owned, self.positions, self.epoch) = (before.1, before.2, epoch);
            let owned = self.owned.iter().copied().collect();
            let refused = self.commit(connection, owned, true).await;
            self.lose_all();
            if let Err(trouble @ (Trouble::Lost | Trouble::Dies)) = refused {
                return Err(trouble);
            }
        }
        Ok(())
    }

    async fn leave_classic(&mut self, connection: &mut Connection) -> Result<bool, Trouble> {
        if self.member_id.is_empty() {
            return Ok(false);
        }
        let version = self.versions.leave;
        let mut request = LeaveGroupRequest { group_id: self.plan().name.clone(), ..Default::default() };
        if version >= 3 {
            request.members = vec![MemberIdentity {
                member_id: self.member_id.clone(),
                group_instance_id: self.instance(),
                ..Default::default()
            }];
        } else {
            request.member_id = self.member_id.clone();
        }
        let response = self.call(connection, &request, version).await?;
        let error = match response.members.first() {
            Some(member) if response.error_code == 0 => member.error_code,
            _ => response.error_code,
        };
        if error != 0 {
            // It was no member any more, or nobody knows.
            let _ = self.trouble(error, "LeaveGroup");
        }
        Ok(error == 0)
    }
}
