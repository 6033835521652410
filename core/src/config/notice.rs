//! What the operator should hear about settings that are no error: unknown, removed, without effect.

use std::fmt;

use super::row::Treatment;
use super::settings::{Settings, Source, listener_key, nearest_key};
use super::table::broker_key;

/// One line about one setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// No such key. It is kept and does nothing.
    Unknown { key: String, source: Source, nearest: Option<&'static str> },
    /// Kafka had this key once.
    Removed { key: String, source: Source },
    /// The key has no meaning here.
    Meaningless { key: String, source: Source, why: &'static str },
    /// The key has no effect yet.
    NotYet { key: String, source: Source, waits_for: &'static str },
    /// The variable begins like ours and names no key.
    UnknownVariable { variable: String },
}

impl Notice {
    /// Somebody has probably mistyped a key. The others are Kafka's own keys, which its files are full of.
    pub fn is_a_slip(&self) -> bool {
        matches!(self, Self::Unknown { .. } | Self::UnknownVariable { .. })
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Notice::Unknown { key, source, nearest } => {
                let key = if key.is_empty() { "a line without a key" } else { key };
                write!(f, "{key} ({source}) is not a known key and does nothing")?;
                match nearest {
                    Some(nearest) => write!(f, "; did you mean {nearest}?"),
                    None => Ok(()),
                }
            }
            Notice::Removed { key, source } => {
                write!(f, "{key} ({source}) does nothing: Kafka has removed this key")
            }
            Notice::Meaningless { key, source, why } => write!(f, "{key} ({source}) does nothing: {why}"),
            Notice::NotYet { key, source, waits_for } => {
                write!(f, "{key} ({source}) does nothing yet: it waits for {waits_for}")
            }
            Notice::UnknownVariable { variable } => {
                write!(f, "environment variable {variable} names no key and does nothing")
            }
        }
    }
}

/// Keys that Kafka 4 no longer has and that old files still hold.
const REMOVED: &[&str] = &[
    "broker.id.generation.enable",
    "control.plane.listener.name",
    "delegation.token.master.key",
    "group.coordinator.new.enable",
    "group.share.enable",
    "group.share.max.groups",
    "inter.broker.protocol.version",
    "log.message.format.version",
    "log.message.timestamp.difference.max.ms",
    "message.downconversion.enable",
    "offsets.commit.required.acks",
    "reserved.broker.max.id",
];

/// Beginnings of keys that belong to plug-ins and are passed on unread.
const PASSED_ON: &[&str] = &["config.providers.", "rsm.config.", "rlmm.config."];

/// The notices for all settings, in the order of keys.
pub(super) fn notices(settings: &Settings) -> Vec<Notice> {
    let about_keys = settings.iter().filter_map(|(key, setting)| notice(key, &setting.source));
    let about_variables = settings
        .unknown_variables()
        .iter()
        .map(|variable| Notice::UnknownVariable { variable: variable.clone() });
    about_keys.chain(about_variables).collect()
}

fn notice(key: &str, source: &Source) -> Option<Notice> {
    let (owned, source) = (key.to_owned(), source.clone());
    let known = broker_key(key).or_else(|| broker_key(listener_key(key)?));
    match known.map(|row| row.treatment) {
        Some(Treatment::Effective) => None,
        Some(Treatment::Meaningless(why)) => Some(Notice::Meaningless { key: owned, source, why }),
        Some(Treatment::NotYet(waits_for)) => Some(Notice::NotYet { key: owned, source, waits_for }),
        None if key.starts_with("zookeeper.") || REMOVED.contains(&key) => {
            Some(Notice::Removed { key: owned, source })
        }
        None if PASSED_ON.iter().any(|prefix| key.starts_with(prefix)) => None,
        None => Some(Notice::Unknown { key: owned, source, nearest: nearest_key(key) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_setting_is_named_once() {
        let mut settings = Settings::default();
        let text = "num.partitions=3\nnum.io.threads=8\nlog.segment.byte=1\nzookeeper.connect=a\nmy.plugin.key=1\n\
                    rsm.config.bucket=b\nlistener.name.internal.ssl.keystore.location=c\ngroup.streams.max.size=5";
        settings.read_file("s", text).unwrap();
        settings.read_environment([("JACKDAW_LOG_DRS".to_owned(), "x".to_owned())]).unwrap();
        let texts: Vec<_> = notices(&settings).iter().map(Notice::to_string).collect();
        assert_eq!(
            texts,
            [
                "group.streams.max.size (s:8) does nothing yet: it waits for streams groups",
                "listener.name.internal.ssl.keystore.location (s:7) does nothing yet: it waits for TLS, SASL and \
                 authorisation",
                "log.segment.byte (s:3) is not a known key and does nothing; did you mean log.segment.bytes?",
                "my.plugin.key (s:5) is not a known key and does nothing",
                "num.io.threads (s:2) does nothing: there is one thread a core, see `jackdaw.shards`",
                "zookeeper.connect (s:4) does nothing: Kafka has removed this key",
                "environment variable JACKDAW_LOG_DRS names no key and does nothing",
            ]
        );
    }
}
