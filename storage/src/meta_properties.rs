//! `meta.properties`: whose directory this is. Java's properties syntax.

use std::{collections::BTreeMap, path::Path};

use jackdaw_core::{limits, uuid::Uuid};

use crate::{
    atomic_file::{read_text, replace_file},
    error::{Result, StorageError},
    layout,
};

/// What identifies a log directory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MetaProperties {
    /// Usually a uuid; Kafka takes any text.
    pub cluster_id: String,
    pub node_id: i32,
    /// Distinct for each of a node's directories. Directories formatted by old releases have none.
    pub directory_id: Option<Uuid>,
}

impl MetaProperties {
    /// Read those of a log directory, or `None` where it was never formatted.
    pub fn read(log_dir: &Path) -> Result<Option<Self>> {
        let path = log_dir.join(layout::META_PROPERTIES);
        let Some(text) = read_text(&path, limits::META_PROPERTIES_SIZE_MAX_BYTES)? else { return Ok(None) };
        Self::parse(&text).map(Some).map_err(|reason| StorageError::layout(&path, reason))
    }

    /// Replace those of a log directory.
    pub async fn write(&self, log_dir: &Path) -> Result<()> {
        replace_file(&log_dir.join(layout::META_PROPERTIES), self.to_text().as_bytes()).await
    }

    fn to_text(&self) -> String {
        let mut text = String::from("#\n");
        text += &format!("cluster.id={}\n", escape(&self.cluster_id));
        if let Some(directory_id) = self.directory_id {
            text += &format!("directory.id={directory_id}\n");
        }
        text += &format!("node.id={}\nversion=1\n", self.node_id);
        text
    }

    fn parse(text: &str) -> Result<Self, String> {
        let properties = parse_properties(text);
        let get = |key: &str| properties.get(key).map(String::as_str);
        let version = get("version").ok_or("version is missing")?;
        let node_key = match version {
            "0" => "broker.id",
            "1" => "node.id",
            other => return Err(format!("version {other} is not known; this release reads 0 and 1")),
        };
        let node_id = get(node_key).ok_or(format!("{node_key} is missing"))?;
        let directory_id = get("directory.id")
            .map(|id| id.parse().map_err(|error| format!("directory.id: {error}")))
            .transpose()?;
        Ok(Self {
            cluster_id: get("cluster.id").ok_or("cluster.id is missing")?.to_owned(),
            node_id: node_id.parse().map_err(|_| format!("{node_key}={node_id} is not a number"))?,
            directory_id,
        })
    }
}

/// Keys and values of Java's properties syntax. Line continuations do not occur in what Kafka writes.
fn parse_properties(text: &str) -> BTreeMap<String, String> {
    let mut properties = BTreeMap::new();
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with(['#', '!']) {
            continue;
        }
        let mut unescaped = String::new();
        let mut key = None;
        let mut characters = line.chars();
        while let Some(character) = characters.next() {
            match character {
                '\\' => unescaped.extend(characters.next()),
                '=' | ':' if key.is_none() => key = Some(std::mem::take(&mut unescaped)),
                other => unescaped.push(other),
            }
        }
        if let Some(key) = key {
            properties.insert(key.trim().to_owned(), unescaped.trim().to_owned());
        }
    }
    properties
}

fn escape(value: &str) -> String {
    let mut escaped = String::new();
    for character in value.chars() {
        if matches!(character, '\\' | ':' | '=' | '#' | '!') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_dir::in_dir;

    #[test]
    fn what_was_written_is_read() {
        in_dir(|dir| async move {
            assert_eq!(MetaProperties::read(&dir).unwrap(), None);
            let properties = MetaProperties {
                cluster_id: "a=b:c\\d".into(),
                node_id: 7,
                directory_id: Some(Uuid(*b"0123456789abcdef")),
            };
            properties.write(&dir).await.unwrap();
            assert_eq!(MetaProperties::read(&dir).unwrap(), Some(properties));
        });
    }

    #[test]
    fn reads_what_kafka_writes() {
        let text = "#\n#Tue Nov 24 10:00:00 UTC 2026\ncluster.id=MkU3OEVBNTcwNTJENDM2Qg\ndirectory.id=AAAAAAAAAAAAAAAAAAAAZQ\nnode.id=1\nversion=1\n";
        let properties = MetaProperties::parse(text).unwrap();
        assert_eq!(properties.cluster_id, "MkU3OEVBNTcwNTJENDM2Qg");
        assert_eq!(properties.node_id, 1);
        assert_eq!(properties.directory_id, "AAAAAAAAAAAAAAAAAAAAZQ".parse().ok());
        let legacy = MetaProperties::parse("broker.id = 3\ncluster.id:x\nversion=0").unwrap();
        assert_eq!((legacy.node_id, legacy.directory_id), (3, None));
    }

    #[test]
    fn says_what_is_missing() {
        for (text, part) in [
            ("cluster.id=x\nnode.id=1", "version"),
            ("version=2", "version 2"),
            ("version=1\ncluster.id=x", "node.id"),
            ("version=1\nnode.id=1", "cluster.id"),
            ("version=1\nnode.id=one\ncluster.id=x", "not a number"),
            ("version=1\nnode.id=1\ncluster.id=x\ndirectory.id=short", "directory.id"),
        ] {
            assert!(MetaProperties::parse(text).unwrap_err().contains(part), "{text:?}");
        }
    }
}
