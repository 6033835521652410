//! What stands in a request or an answer, as a tree that knows no API.

use std::fmt;

use jackdaw_core::uuid::Uuid;

/// A field's value, or a whole message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    Bytes(Vec<u8>),
    Uuid(Uuid),
    List(Vec<Self>),
    /// Fields in the order of the wire.
    Struct(Vec<(String, Self)>),
}

impl Value {
    /// The field of a struct.
    pub(crate) fn field(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Struct(fields) => fields.iter().find(|(field, _)| field == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// What stands at a path like `Topics.0.TopicId`.
    pub(crate) fn at(&self, path: &str) -> Option<&Self> {
        path.split('.').try_fold(self, |value, segment| match value {
            Self::List(elements) => elements.get(segment.parse::<usize>().ok()?),
            other => other.field(segment),
        })
    }

    /// The text that this value has inside other texts, such as error messages.
    pub(crate) fn as_text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            other => other.to_string(),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{value}"),
            Self::Text(value) => write!(f, "{value:?}"),
            Self::Bytes(bytes) => write_bytes(bytes, f),
            Self::Uuid(id) => write!(f, "{id}"),
            Self::List(elements) if elements.is_empty() => f.write_str("[]"),
            Self::List(elements) => write!(f, "[{} elements]", elements.len()),
            Self::Struct(_) => f.write_str("{}"),
        }
    }
}

fn write_bytes(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("0x")?;
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

/// Bytes of `0x…`.
pub(crate) fn parse_hex(digits: &str) -> Result<Vec<u8>, String> {
    let wrong = || format!("0x{digits} is not in hexadecimal digits");
    if !digits.is_ascii() || !digits.len().is_multiple_of(2) {
        return Err(wrong());
    }
    let pairs = (0..digits.len()).step_by(2);
    pairs.map(|at| u8::from_str_radix(&digits[at..at + 2], 16).map_err(|_| wrong())).collect()
}
