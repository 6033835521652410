//! A line as a record: text with or without a key, or a JSON object.

use serde_json::{Map, Value};

use crate::cli::base64;
use crate::cli::client::producer::OutgoingRecord;

/// How lines are read.
#[derive(Clone, Debug)]
pub(super) enum LineFormat {
    Text { key_separator: Option<Vec<u8>>, null: Option<Vec<u8>> },
    Json,
}

/// What a JSON line may have; some of it only `consume` writes, and it is passed over.
const FIELDS: [&str; 10] = [
    "topic",
    "partition",
    "offset",
    "timestamp",
    "timestamp_type",
    "key",
    "key_base64",
    "value",
    "value_base64",
    "headers",
];

impl LineFormat {
    /// # Errors
    /// What is wrong with the line, for people.
    pub(super) fn parse(&self, line: Vec<u8>) -> Result<OutgoingRecord, String> {
        match self {
            Self::Text { key_separator, null } => parse_text(line, key_separator.as_deref(), null.as_deref()),
            Self::Json => parse_json(&line),
        }
    }
}

fn parse_text(
    line: Vec<u8>,
    separator: Option<&[u8]>,
    null: Option<&[u8]>,
) -> Result<OutgoingRecord, String> {
    let (key, value) = match separator {
        None => (None, line),
        Some(separator) => {
            let at =
                line.windows(separator.len()).position(|window| window == separator).ok_or_else(|| {
                    format!("there is no separator {:?} in it", String::from_utf8_lossy(separator))
                })?;
            (Some(line[..at].to_vec()), line[at + separator.len()..].to_vec())
        }
    };
    let not_null = |bytes: &Vec<u8>| null != Some(bytes.as_slice());
    Ok(OutgoingRecord {
        key: key.filter(not_null),
        value: Some(value).filter(not_null),
        ..Default::default()
    })
}

fn parse_json(line: &[u8]) -> Result<OutgoingRecord, String> {
    let value: Value = serde_json::from_slice(line).map_err(|error| format!("not JSON: {error}"))?;
    let Value::Object(object) = value else { return Err("not a JSON object".to_owned()) };
    if let Some(unknown) = object.keys().find(|name| !FIELDS.contains(&name.as_str())) {
        return Err(format!("{unknown:?} is not a field of a record; they are {}", FIELDS.join(", ")));
    }
    let integer = |name: &str| match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value.as_i64().map(Some).ok_or_else(|| format!("{name} is not a whole number")),
    };
    let partition = match integer("partition")? {
        Some(partition) => {
            Some(i32::try_from(partition).map_err(|_| "partition is out of range".to_owned())?)
        }
        None => None,
    };
    let headers = match object.get("headers") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(headers)) => headers.iter().map(parse_header).collect::<Result<_, _>>()?,
        Some(Value::Object(headers)) => {
            headers.iter().map(|(key, value)| (key.clone(), to_bytes(value))).collect()
        }
        Some(_) => return Err("headers is neither an array nor an object".to_owned()),
    };
    Ok(OutgoingRecord {
        partition,
        timestamp_ms: integer("timestamp")?,
        key: bytes_field(&object, "key")?,
        value: bytes_field(&object, "value")?,
        headers,
    })
}

fn parse_header(header: &Value) -> Result<(String, Option<Vec<u8>>), String> {
    let wrong = || "a header is not an object with key and value".to_owned();
    let header = header.as_object().ok_or_else(wrong)?;
    let key = header.get("key").and_then(Value::as_str).ok_or_else(wrong)?;
    Ok((key.to_owned(), bytes_field(header, "value")?))
}

/// `name`, or `name` with `_base64` behind it.
fn bytes_field(object: &Map<String, Value>, name: &str) -> Result<Option<Vec<u8>>, String> {
    let encoded_name = format!("{name}_base64");
    match (object.get(name), object.get(&encoded_name)) {
        (Some(_), Some(_)) => Err(format!("{name} and {encoded_name} are both there")),
        (Some(value), None) => Ok(to_bytes(value)),
        (None, Some(encoded)) => {
            let bytes = encoded.as_str().and_then(base64::decode);
            bytes.map(Some).ok_or_else(|| format!("{encoded_name} is not base64"))
        }
        (None, None) => Ok(None),
    }
}

/// A string is its text, null is null, all else is itself as JSON.
fn to_bytes(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone().into_bytes()),
        other => Some(other.to_string().into_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Option<Vec<u8>> {
        Some(text.as_bytes().to_vec())
    }

    #[test]
    fn text_lines_have_a_value_and_maybe_a_key() {
        let text = |separator: Option<&str>, null: Option<&str>, line: &str| {
            let owned = |text: &str| text.as_bytes().to_vec();
            let format = LineFormat::Text { key_separator: separator.map(owned), null: null.map(owned) };
            format.parse(line.as_bytes().to_vec()).map(|record| (record.key, record.value))
        };
        assert_eq!(text(None, None, "a:b"), Ok((None, bytes("a:b"))));
        assert_eq!(text(None, None, ""), Ok((None, bytes(""))));
        assert_eq!(text(Some(":"), None, "a:b:c"), Ok((bytes("a"), bytes("b:c"))));
        assert_eq!(text(Some("=>"), None, "a=b=>"), Ok((bytes("a=b"), bytes(""))));
        assert_eq!(text(Some(":"), Some("-"), "-:-"), Ok((None, None)));
        assert!(text(Some(":"), None, "ab").unwrap_err().contains("\":\""));
    }

    #[test]
    fn json_lines_have_every_field_of_a_record() {
        let line = r#"{"key":"k","value_base64":"AP8=","partition":2,"timestamp":5,"offset":9,
            "headers":[{"key":"a","value":"1"},{"key":"a","value":null}]}"#;
        let record = LineFormat::Json.parse(line.as_bytes().to_vec()).unwrap();
        let expected = OutgoingRecord {
            partition: Some(2),
            timestamp_ms: Some(5),
            key: bytes("k"),
            value: Some(vec![0, 255]),
            headers: vec![("a".to_owned(), bytes("1")), ("a".to_owned(), None)],
        };
        assert_eq!(record, expected);
    }

    #[test]
    fn json_values_of_any_kind_become_bytes() {
        let cases = [
            ("{}", None),
            (r#"{"value":null}"#, None),
            (r#"{"value":{"a":[1,true]}}"#, bytes(r#"{"a":[1,true]}"#)),
            (r#"{"value":7}"#, bytes("7")),
            (r#"{"value":"é"}"#, bytes("é")),
        ];
        for (line, value) in cases {
            assert_eq!(
                LineFormat::Json.parse(line.as_bytes().to_vec()).map(|r| r.value),
                Ok(value),
                "{line}"
            );
        }
    }

    #[test]
    fn wrong_json_lines_say_why() {
        let cases = [
            ("", "not JSON"),
            ("[]", "not a JSON object"),
            (r#"{"valeu":1}"#, "valeu"),
            (r#"{"partition":"1"}"#, "whole number"),
            (r#"{"partition":3000000000}"#, "out of range"),
            (r#"{"key":"a","key_base64":"YQ=="}"#, "both"),
            (r#"{"value_base64":"?"}"#, "base64"),
            (r#"{"headers":[1]}"#, "header"),
        ];
        for (line, reason) in cases {
            let error = LineFormat::Json.parse(line.as_bytes().to_vec()).unwrap_err();
            assert!(error.contains(reason), "{line}: {error}");
        }
    }
}
