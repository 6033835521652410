//! Requests about consumer groups: who coordinates them, which there are, their members and their offsets.

mod classic;
mod coordinator;
mod delete;
mod describe;
mod list;
mod membership;
mod offsets;
mod range;

use std::collections::BTreeMap;

pub(crate) use self::delete::GroupDeletion;
pub(crate) use self::list::{GroupListing, ListedGroup};
pub(crate) use self::membership::{Membership, Standing};
pub(crate) use self::offsets::CommittedOffset;
use super::address::Address;

/// The protocol type of consumers; members of others (Connect's workers) say something else in their bytes.
const PROTOCOL_TYPE_CONSUMER: &str = "consumer";

/// Partitions by topic, both rising.
pub(crate) type Assignment = BTreeMap<String, Vec<i32>>;

/// A group as its coordinator describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GroupDescription {
    pub(crate) group: String,
    pub(crate) group_type: GroupType,
    /// In Kafka's words: `Stable`, `Empty`, ...
    pub(crate) state: String,
    /// `consumer`, `connect`, ...; empty where the group never had a member.
    pub(crate) protocol_type: String,
    /// The assignor; `None` where none was chosen.
    pub(crate) assignor: Option<String>,
    pub(crate) coordinator: Coordinator,
    /// Only of `GroupType::Consumer`.
    pub(crate) epochs: Option<GroupEpochs>,
    /// By member id.
    pub(crate) members: Vec<GroupMember>,
}

/// Which protocol a group speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GroupType {
    /// JoinGroup and SyncGroup: a member assigns the partitions.
    Classic,
    /// ConsumerGroupHeartbeat (KIP-848): the coordinator assigns them.
    Consumer,
}

impl GroupType {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Classic => "classic",
            Self::Consumer => "consumer",
        }
    }
}

/// The broker that coordinates a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Coordinator {
    pub(crate) node_id: i32,
    pub(crate) address: Option<Address>,
}

/// The members have what the group wants when all three epochs (these and each member's) are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GroupEpochs {
    pub(crate) group: i32,
    pub(crate) assignment: i32,
}

/// One member of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct GroupMember {
    pub(crate) member_id: String,
    /// `group.instance.id`, of a static member.
    pub(crate) instance_id: Option<String>,
    pub(crate) client_id: String,
    pub(crate) host: String,
    pub(crate) rack: Option<String>,
    /// The topics that it subscribes to by name.
    pub(crate) topics: Vec<String>,
    /// What it subscribes to by pattern.
    pub(crate) topic_pattern: Option<String>,
    /// What it has; `None` where that cannot be read, for the group is not one of consumers.
    pub(crate) assignment: Option<Assignment>,
    /// What it shall have, of a group of `GroupType::Consumer`.
    pub(crate) target: Option<Assignment>,
    /// Of a member of a group of `GroupType::Consumer`.
    pub(crate) epoch: Option<i32>,
    /// Whether it speaks the classic protocol in a group of `GroupType::Consumer`.
    pub(crate) is_classic: bool,
}
