//! Messages as bytes and back, by the schema: an interpreter that shares nothing with the broker's generated codec.

mod decode;
mod encode;

pub(crate) use decode::decode;
pub(crate) use encode::encode;

use crate::schema::{Field, Message, Type};
use crate::value::Value;

/// Whether the version has compact types and tags.
pub(crate) fn is_flexible(message: &Message, version: i16) -> bool {
    message.flexible.is_some_and(|first| version >= first)
}

fn is_nullable(field: &Field, version: i16) -> bool {
    field.nullable.is_some_and(|versions| versions.contains(version))
}

/// What stands in a field that a case does not mention.
fn default(field: &Field) -> Result<Value, String> {
    let wrong = |text: &str| format!("{}: {text} is no default of it", field.name);
    Ok(match (field.default.as_deref(), &field.kind) {
        (Some("null"), _) => Value::Null,
        (Some(text), Type::Bool) => Value::Bool(text == "true"),
        (Some(text), Type::Float64) => Value::Float(text.parse().map_err(|_| wrong(text))?),
        (Some(text), Type::String) => Value::Text(text.to_owned()),
        (Some(text), _) => Value::Int(number(text).ok_or_else(|| wrong(text))?),
        (None, Type::Bool) => Value::Bool(false),
        (None, Type::Float64) => Value::Float(0.0),
        (None, Type::Uuid) => Value::Uuid(jackdaw_core::uuid::Uuid::ZERO),
        (None, Type::String) => Value::Text(String::new()),
        (None, Type::Bytes | Type::Records) => Value::Bytes(Vec::new()),
        (None, Type::Array(_)) => Value::List(Vec::new()),
        (None, Type::Struct(_)) => Value::Struct(Vec::new()),
        (None, _) => Value::Int(0),
    })
}

fn number(text: &str) -> Option<i64> {
    match text.strip_prefix("0x") {
        Some(digits) => i64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::parse;

    const MESSAGE: &str = "\
@ThingRequest key=1 versions=0-2 flexible=2+
  Names []string v0+ null@1+
  Inner Inner v0+ null@2+ =null
    Number int32 v0+ =-1
    Late uuid v1+
  Extra string v2+ tag0
";

    fn there_and_back(value: &Value, version: i16) -> Value {
        let message = &parse(MESSAGE).expect("a schema")[0];
        let bytes = encode(message, value, version).expect("a message");
        decode(message, &bytes, version).expect("the same message")
    }

    #[test]
    fn fields_of_other_versions_are_dropped_and_missing_ones_are_defaults() {
        let names = ("Names".to_owned(), Value::List(vec![Value::Text("a".into()), Value::Null]));
        let extra = ("Extra".to_owned(), Value::Text("x".into()));
        let inner = ("Inner".to_owned(), Value::Struct(Vec::new()));
        let value = Value::Struct(vec![extra.clone(), inner, names.clone()]);
        let number = ("Number".to_owned(), Value::Int(-1));
        let inner = ("Inner".to_owned(), Value::Struct(vec![number.clone()]));
        assert_eq!(there_and_back(&value, 0), Value::Struct(vec![names.clone(), inner]));
        let late = ("Late".to_owned(), Value::Uuid(jackdaw_core::uuid::Uuid::ZERO));
        let inner = ("Inner".to_owned(), Value::Struct(vec![number, late]));
        assert_eq!(there_and_back(&value, 2), Value::Struct(vec![names, inner, extra]));
    }

    #[test]
    fn a_misspelt_field_is_an_error() {
        let message = &parse(MESSAGE).expect("a schema")[0];
        let value = Value::Struct(vec![("Nmaes".to_owned(), Value::Null)]);
        assert!(encode(message, &value, 2).is_err());
    }

    #[test]
    fn bytes_beyond_the_end_are_an_error() {
        let message = &parse(MESSAGE).expect("a schema")[0];
        let mut bytes = encode(message, &Value::Struct(Vec::new()), 2).expect("a message");
        bytes.push(0);
        assert!(decode(message, &bytes, 2).is_err());
        assert!(decode(message, &bytes[..1], 2).is_err());
    }
}
