//! What a node tells of itself: the inventory of metrics, their text form, and histograms.
//!
//! Names are those that the JMX exporter's customary rules give Kafka's MBeans, and those of kafka_exporter for groups,
//! so that dashboards made for Kafka work; what only a Jackdaw has begins with `jackdaw_`.

mod exposition;
mod family;
mod histogram;
pub mod inventory;

pub use exposition::{CONTENT_TYPE, Exposition, Value};
pub use family::{Family, Kind};
pub use histogram::{Histogram, Snapshot};
