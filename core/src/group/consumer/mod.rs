//! Consumer groups of KIP-848: the broker assigns, and members come to their assignment one by one, by epochs.
//!
//! [`ConsumerGroup`] is what the records say. A heartbeat is decided in steps, each in its own file: who sends it
//! (`membership`), what it asks for (`heartbeat`), the group epoch and the topics (`epoch`), the target (`target`,
//! `assignor`), the member's next step (`reconcile`). [`SoftState`] is what no record says: timers, and which image
//! was looked at.
//!
//! Invariant: a partition is assigned to, or has yet to be given up by, one member at most.

pub mod assignor;
mod classic_member;
mod convert;
mod delete;
mod describe;
mod draft;
mod epoch;
mod group;
mod heartbeat;
mod leave;
mod member;
mod membership;
mod metadata_hash;
mod offsets;
mod partitions;
mod reconcile;
mod records;
mod refusal;
mod regex;
mod replay;
mod settings;
mod soft_state;
mod subscriptions;
mod target;
#[cfg(test)]
mod tests;
mod validate;

pub(crate) use convert::upgrade;
pub use describe::describe_absent;
pub use draft::{Changes, Scope};
pub use group::{ConsumerGroup, GroupState};
pub use heartbeat::{refused, unknown_group, wanted};
pub use member::{JOIN_EPOCH, LEAVE_EPOCH, Member, MemberState, STATIC_LEAVE_EPOCH};
pub use partitions::{AssignedPartitions, TopicPartitions};
pub use refusal::Refusal;
pub use regex::is_pattern;
pub use replay::{ends_group, group_of};
pub use settings::GroupSettings;
pub use soft_state::{Effect, SeenImage, SoftState, Timer, TimerKind};
