//! Configuration: one table of keys with type, default, range, scope and text; parsing; the typed result.
//!
//! `Settings` gathers what the operator wrote, `BrokerConfig::new` judges it, `TopicConfig::resolve` lays a
//! topic's keys over it.

mod broker;
mod describe;
mod dynamic;
mod error;
mod group;
mod ip_overrides;
mod listener;
mod notice;
mod properties;
mod quorum;
mod row;
mod settings;
pub mod table;
mod topic;
mod value;
mod values;

pub use broker::{
    BrokerConfig, HttpListener, LogCleanerConfig, LogConfig, MetadataLogConfig, NetworkConfig, NodeConfig,
    QuotaConfig, TopicCreation,
};
pub use describe::{ConfigSource, DescribedConfig, DescribedSynonym};
pub use dynamic::{ConfigRefusal, Overrides, check_client_metrics};
pub use error::{ConfigError, ConfigErrors};
pub use group::{ClassicGroupConfig, ConsumerGroupConfig, GroupConfig, OffsetsConfig};
pub use ip_overrides::IpOverrides;
pub use listener::{Listener, ListenerError, SecurityProtocol};
pub use notice::Notice;
pub use properties::BadEscape;
pub use quorum::{Quorum, QuorumError, Voter};
pub use row::{ConfigKey, Importance, Kind, Scope, Synonym, Treatment, Unit, Valid};
pub use settings::{ENVIRONMENT_PREFIX, Setting, Settings, SettingsError, Source, nearest_key};
pub use topic::{
    CleanupPolicy, CompressionType, DynamicBroker, TimestampType, TopicConfig, TopicConfigError,
};
pub use value::{Bound, Refusal, Value};
