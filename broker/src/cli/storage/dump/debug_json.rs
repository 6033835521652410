//! Decoded records as JSON, out of their `Debug` text: every generated message has that one and no other.
//!
//! A struct becomes an object with its name as `type`, an option its value or null; what is not understood stays text.

use std::fmt::Debug;

use serde_json::{Map, Value};

use super::super::super::base64;

/// The JSON of a value.
pub(super) fn to_json(value: &impl Debug) -> Value {
    let text = format!("{value:?}");
    let mut parser = Parser { rest: &text };
    match parser.value() {
        Some(value) if parser.rest.is_empty() => value,
        _ => Value::String(text),
    }
}

struct Parser<'a> {
    rest: &'a str,
}

impl Parser<'_> {
    fn value(&mut self) -> Option<Value> {
        self.space();
        match self.rest.chars().next()? {
            '"' => self.quoted().map(|bytes| Value::String(String::from_utf8_lossy(&bytes).into_owned())),
            '[' => {
                self.take("[");
                self.list("]").map(Value::Array)
            }
            _ => self.named(),
        }
    }

    /// A number, a word, a struct, or one with places instead of names.
    fn named(&mut self) -> Option<Value> {
        let end =
            self.rest.find(|c: char| !(c.is_alphanumeric() || "_-.+".contains(c))).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        if word.is_empty() {
            return None;
        }
        let word = word.to_owned();
        self.rest = rest;
        if word == "b" && self.rest.starts_with('"') {
            return self.quoted().map(bytes);
        }
        if self.take("(") {
            let mut values = self.list(")")?;
            return Some(match (values.len(), values.pop()?) {
                (1, value) if word == "Some" || value.get("type").is_some() => value,
                (_, last) => {
                    values.push(last);
                    object(&word, [("values".to_owned(), Value::Array(values))])
                }
            });
        }
        if self.rest.starts_with(" {") {
            self.take(" {");
            return self.fields(&word);
        }
        Some(match word.as_str() {
            "None" => Value::Null,
            "true" => true.into(),
            "false" => false.into(),
            _ => word.parse().map(Value::Number).unwrap_or(Value::String(word)),
        })
    }

    fn fields(&mut self, name: &str) -> Option<Value> {
        let mut fields = Vec::new();
        loop {
            self.space();
            if self.take("}") {
                return Some(object(name, fields));
            }
            let (field, rest) = self.rest.split_once(": ")?;
            let field = field.trim_start_matches("r#").to_owned();
            self.rest = rest;
            fields.push((field, self.value()?));
            self.take(",");
        }
    }

    fn list(&mut self, end: &str) -> Option<Vec<Value>> {
        let mut values = Vec::new();
        loop {
            self.space();
            if self.take(end) {
                return Some(values);
            }
            values.push(self.value()?);
            self.take(",");
        }
    }

    /// The bytes of a literal, its escapes undone.
    fn quoted(&mut self) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut characters = self.rest.strip_prefix('"')?.chars();
        loop {
            match characters.next()? {
                '"' => break,
                '\\' => match characters.next()? {
                    'n' => bytes.push(b'\n'),
                    'r' => bytes.push(b'\r'),
                    't' => bytes.push(b'\t'),
                    '0' => bytes.push(0),
                    'x' => {
                        let digits: String = characters.by_ref().take(2).collect();
                        bytes.push(u8::from_str_radix(&digits, 16).ok()?);
                    }
                    'u' => {
                        let digits: String = characters.by_ref().skip(1).take_while(|c| *c != '}').collect();
                        let character = char::from_u32(u32::from_str_radix(&digits, 16).ok()?)?;
                        bytes.extend(character.encode_utf8(&mut [0; 4]).as_bytes());
                    }
                    other => bytes.extend(other.encode_utf8(&mut [0; 4]).as_bytes()),
                },
                other => bytes.extend(other.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        self.rest = characters.as_str();
        Some(bytes)
    }

    fn space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn take(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }
}

fn object(name: &str, fields: impl IntoIterator<Item = (String, Value)>) -> Value {
    let mut object: Map<String, Value> = fields.into_iter().collect();
    // A record's own field of that name, as of ConfigRecord's cousins, is the one that counts.
    object.entry("type").or_insert_with(|| name.into());
    Value::Object(object)
}

/// Bytes inside a message: mostly other messages.
fn bytes(bytes: Vec<u8>) -> Value {
    let mut object = Map::new();
    object.insert("base64".to_owned(), base64::encode(&bytes).into());
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use jackdaw_core::{
        protocol::records::{GroupValue, MetadataRecord, group::GroupMetadataValue, metadata::TopicRecord},
        uuid::Uuid,
    };
    use serde_json::json;

    use super::*;

    #[test]
    fn records_become_objects() {
        let topic = TopicRecord { name: "a \"b\" {c}, é\n".to_owned(), topic_id: Uuid([1; 16]) };
        let expected =
            json!({"type": "TopicRecord", "name": "a \"b\" {c}, é\n", "topic_id": Uuid([1; 16]).to_string()});
        assert_eq!(to_json(&MetadataRecord::Topic(topic)), expected);
        let group = to_json(&GroupValue::GroupMetadata(GroupMetadataValue::default()));
        assert_eq!((&group["type"], &group["members"]), (&json!("GroupMetadataValue"), &json!([])));
    }

    #[test]
    fn parts_of_them() {
        assert_eq!(to_json(&(Some(1), -5)), json!("(Some(1), -5)"), "no generated message has a tuple");
        assert_eq!(to_json(&vec![Some(1.5), None]), json!([1.5, null]));
        assert_eq!(to_json(&Bytes::from_static(b"\x00a\"\xff")), json!({"base64": "AGEi/w=="}));
        assert_eq!(to_json(&Some(Uuid([0; 16]))), json!("AAAAAAAAAAAAAAAAAAAAAA"));
    }
}
