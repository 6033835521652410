//! What the operator has set: the properties file under the environment under `--override`.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::sync::Arc;

use super::properties::{self, BadEscape};
use super::table::{broker_key, broker_keys};

/// What an environment variable begins with that sets a key.
pub const ENVIRONMENT_PREFIX: &str = "JACKDAW_";

/// Variables with that beginning that are no keys: the log's levels, and what tests are told.
const NO_KEYS: &[&str] = &["BIN", "LOG", "TEST_"];

/// Where a value comes from; the later of these goes before the earlier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    File { path: Arc<str>, line: usize },
    Environment { variable: Arc<str> },
    Override,
}

impl Source {
    fn rank(&self) -> u8 {
        match self {
            Source::File { .. } => 0,
            Source::Environment { .. } => 1,
            Source::Override => 2,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::File { path, line } => write!(f, "{path}:{line}"),
            Source::Environment { variable } => write!(f, "environment variable {variable}"),
            Source::Override => f.write_str("--override"),
        }
    }
}

/// A value as it was written, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    pub value: String,
    pub source: Source,
}

/// A source cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    #[error("{path}: {problem}")]
    File { path: String, problem: BadEscape },
    #[error("--override {text}: write it as key=value")]
    Override { text: String },
    #[error(
        "environment variable {variable} fits both {first} and {second}: set the key in the file instead"
    )]
    Ambiguous { variable: String, first: String, second: String },
}

/// All values that the operator has set, the strongest source of each key. Nothing is judged yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    by_key: BTreeMap<String, Setting>,
    unknown_variables: Vec<String>,
}

impl Settings {
    /// Takes in the text of a properties file; `path` is what messages call it.
    pub fn read_file(&mut self, path: &str, text: &str) -> Result<(), SettingsError> {
        let properties = properties::parse(text)
            .map_err(|problem| SettingsError::File { path: path.to_owned(), problem })?;
        let path: Arc<str> = path.into();
        for property in properties {
            let source = Source::File { path: path.clone(), line: property.line };
            self.set(property.key, property.value, source);
        }
        Ok(())
    }

    /// Takes in those variables of the environment that begin with `JACKDAW_` and name a key: upper case,
    /// dots as underscores. Others with that beginning are remembered, to be warned of.
    pub fn read_environment(
        &mut self,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<(), SettingsError> {
        for (variable, value) in variables {
            let Some(name) = variable.strip_prefix(ENVIRONMENT_PREFIX) else { continue };
            if NO_KEYS.iter().any(|other| name == *other || other.ends_with('_') && name.starts_with(other)) {
                continue;
            }
            match key_of_variable(&variable, name)? {
                Some(key) => {
                    let source = Source::Environment { variable: variable.as_str().into() };
                    self.set(key, value, source);
                }
                None => self.unknown_variables.push(variable),
            }
        }
        Ok(())
    }

    /// Takes in one `key=value` of the command line.
    pub fn read_override(&mut self, text: &str) -> Result<(), SettingsError> {
        match text.split_once('=') {
            Some((key, value)) if !key.trim().is_empty() => {
                self.set(key.trim().to_owned(), value.to_owned(), Source::Override);
                Ok(())
            }
            _ => Err(SettingsError::Override { text: text.to_owned() }),
        }
    }

    /// What was set for a key.
    pub fn get(&self, key: &str) -> Option<&Setting> {
        self.by_key.get(key)
    }

    /// Every key that was set, in the order of names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Setting)> {
        self.by_key.iter().map(|(key, setting)| (key.as_str(), setting))
    }

    /// Variables that begin like ours and name no key.
    pub fn unknown_variables(&self) -> &[String] {
        &self.unknown_variables
    }

    fn set(&mut self, key: String, value: String, source: Source) {
        match self.by_key.entry(key) {
            Entry::Vacant(entry) => {
                entry.insert(Setting { value, source });
            }
            Entry::Occupied(mut entry) if source.rank() >= entry.get().source.rank() => {
                entry.insert(Setting { value, source });
            }
            Entry::Occupied(_) => {}
        }
    }
}

fn variable_name(key: &str) -> String {
    key.replace(['.', '-'], "_").to_ascii_uppercase()
}

/// The key that a variable names. Our own keys begin with `jackdaw.` themselves: `JACKDAW_SHARDS` will do.
fn key_of_variable(variable: &str, name: &str) -> Result<Option<String>, SettingsError> {
    let own = format!("{ENVIRONMENT_PREFIX}{name}");
    let mut found: Option<&str> = None;
    for key in broker_keys().map(|key| key.name) {
        let as_variable = variable_name(key);
        if as_variable != name && as_variable != own {
            continue;
        }
        if let Some(first) = found {
            return Err(SettingsError::Ambiguous {
                variable: variable.to_owned(),
                first: first.to_owned(),
                second: key.to_owned(),
            });
        }
        found = Some(key);
    }
    Ok(found.map(str::to_owned).or_else(|| listener_key_of_variable(name)))
}

/// `LISTENER_NAME_INTERNAL_SSL_KEYSTORE_LOCATION` is `listener.name.internal.ssl.keystore.location`: the
/// longest known key at the end, the rest is the listener.
fn listener_key_of_variable(name: &str) -> Option<String> {
    let rest = name.strip_prefix("LISTENER_NAME_")?;
    broker_keys()
        .filter_map(|key| {
            let listener = rest.strip_suffix(&variable_name(key.name))?.strip_suffix('_')?;
            (!listener.is_empty()).then_some((listener, key.name))
        })
        .max_by_key(|(_, key)| key.len())
        .map(|(listener, key)| format!("listener.name.{}.{key}", listener.to_ascii_lowercase()))
}

/// Letters that are missing or too many in a key that is still known again.
const MISTAKES_MAX: usize = 20;

/// The known key that a wrong one most likely means; `None` when nothing is near.
pub fn nearest_key(wrong: &str) -> Option<&'static str> {
    // Beyond a third of its letters a guess helps nobody; the distance is at least the difference in length.
    let most = wrong.len() / 3;
    let wrong_lower = wrong.to_ascii_lowercase();
    let (distance, name) = broker_keys()
        .filter(|key| key.name.len().abs_diff(wrong.len()) <= most.min(MISTAKES_MAX))
        .map(|key| (strsim::damerau_levenshtein(&wrong_lower, key.name), key.name))
        .min_by_key(|&(distance, _)| distance)?;
    (distance <= most).then_some(name)
}

/// The key behind `listener.name.<listener>.` and, for SASL, `<mechanism>.`.
pub(super) fn listener_key(key: &str) -> Option<&'static str> {
    let (_listener, rest) = key.strip_prefix("listener.name.")?.split_once('.')?;
    let without_mechanism = || rest.split_once('.').and_then(|(_mechanism, rest)| broker_key(rest));
    broker_key(rest).or_else(without_mechanism).map(|key| key.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(names: &[(&str, &str)]) -> Vec<(String, String)> {
        names.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn a_later_source_goes_before_whatever_the_order_of_reading() {
        let mut settings = Settings::default();
        settings.read_override("num.partitions=4").unwrap();
        settings
            .read_environment(variables(&[("JACKDAW_NUM_PARTITIONS", "3"), ("JACKDAW_NODE_ID", "7")]))
            .unwrap();
        settings.read_file("a.properties", "node.id=5\nnum.partitions=1\nlog.dirs=x\nlog.dirs=y").unwrap();
        let found: Vec<_> =
            settings.iter().map(|(k, s)| (k, s.value.as_str(), s.source.to_string())).collect();
        assert_eq!(
            found,
            [
                ("log.dirs", "y", "a.properties:4".to_owned()),
                ("node.id", "7", "environment variable JACKDAW_NODE_ID".to_owned()),
                ("num.partitions", "4", "--override".to_owned()),
            ]
        );
    }

    #[test]
    fn variables_name_keys() {
        let cases = [
            ("JACKDAW_LOG_DIRS", Some("log.dirs")),
            ("JACKDAW_SHARDS", Some("jackdaw.shards")),
            ("JACKDAW_JACKDAW_SHARDS", Some("jackdaw.shards")),
            (
                "JACKDAW_LISTENER_NAME_MY_NET_SSL_KEYSTORE_LOCATION",
                Some("listener.name.my_net.ssl.keystore.location"),
            ),
            ("JACKDAW_NO_SUCH_KEY", None),
        ];
        for (variable, key) in cases {
            let mut settings = Settings::default();
            settings
                .read_environment(variables(&[
                    (variable, "1"),
                    ("PATH", "/bin"),
                    ("JACKDAW_LOG", "x"),
                    ("JACKDAW_TEST_A", "x"),
                ]))
                .unwrap();
            assert_eq!(settings.iter().map(|(key, _)| key).next(), key, "{variable}");
            assert_eq!(settings.unknown_variables().is_empty(), key.is_some(), "{variable}");
        }
    }

    /// The error for an ambiguous variable can only be met after two keys of the table collide.
    #[test]
    fn no_two_keys_share_a_variable() {
        for key in broker_keys() {
            let name = variable_name(key.name);
            let variable = format!("{ENVIRONMENT_PREFIX}{name}");
            assert_eq!(key_of_variable(&variable, &name), Ok(Some(key.name.to_owned())));
        }
    }

    #[test]
    fn an_override_is_key_and_value() {
        let mut settings = Settings::default();
        settings.read_override("listeners=PLAINTEXT://a:1?x=y").unwrap();
        assert_eq!(settings.get("listeners").unwrap().value, "PLAINTEXT://a:1?x=y");
        for text in ["listeners", "=x"] {
            assert_eq!(settings.read_override(text), Err(SettingsError::Override { text: text.to_owned() }));
        }
    }

    #[test]
    fn a_wrong_key_has_a_nearest() {
        let cases = [
            ("log.segment.byte", Some("log.segment.bytes")),
            ("log.dir.s", Some("log.dirs")),
            ("advertised.listener", Some("advertised.listeners")),
            ("my.plugin.secret", None),
        ];
        for (wrong, nearest) in cases {
            assert_eq!(nearest_key(wrong), nearest, "{wrong}");
        }
    }
}
