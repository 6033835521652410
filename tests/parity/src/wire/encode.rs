//! A value tree as the bytes of a message.

use jackdaw_core::uuid::Uuid;

use crate::schema::{Field, Message, Struct, Type};
use crate::value::{Value, parse_hex};

use super::{default, is_flexible, is_nullable};

/// The body at this version. Fields that are not given take their defaults, those of other versions are dropped; null is
/// written wherever it is given, also where it may not stand.
pub(crate) fn encode(message: &Message, value: &Value, version: i16) -> Result<Vec<u8>, String> {
    let mut encoder =
        Encoder { message, version, flexible: is_flexible(message, version), bytes: Vec::new() };
    encoder.put_struct(message.root(), value)?;
    Ok(encoder.bytes)
}

struct Encoder<'a> {
    message: &'a Message,
    version: i16,
    flexible: bool,
    bytes: Vec<u8>,
}

impl Encoder<'_> {
    fn put_struct(&mut self, structure: &Struct, value: &Value) -> Result<(), String> {
        let Value::Struct(given) = value else {
            return Err(format!("{}: {value} is no table", structure.name));
        };
        if let Some((name, _)) =
            given.iter().find(|(name, _)| structure.fields.iter().all(|f| f.name != *name))
        {
            return Err(format!("{} has no field {name}", structure.name));
        }
        let mut tagged = Vec::new();
        let (version, flexible) = (self.version, self.flexible);
        for field in structure.fields.iter().filter(|field| field.versions.contains(version)) {
            match (field.tag.filter(|_| flexible), value.field(&field.name)) {
                (Some(tag), Some(value)) => tagged.push((tag, self.apart(field, value)?)),
                (Some(_), None) => {}
                (None, Some(value)) => self.put_field(field, value)?,
                (None, None) => self.put_field(field, &default(field)?)?,
            }
        }
        if self.flexible {
            self.put_varint(tagged.len());
            for (tag, bytes) in tagged {
                self.put_varint(tag as usize);
                self.put_varint(bytes.len());
                self.bytes.extend(bytes);
            }
        }
        Ok(())
    }

    /// The bytes of a tagged field.
    fn apart(&mut self, field: &Field, value: &Value) -> Result<Vec<u8>, String> {
        let before = std::mem::take(&mut self.bytes);
        let put = self.put_field(field, value);
        let bytes = std::mem::replace(&mut self.bytes, before);
        put.map(|()| bytes)
    }

    fn put_field(&mut self, field: &Field, value: &Value) -> Result<(), String> {
        let name = |error: String| format!("{}: {error}", field.name);
        if matches!(field.kind, Type::Struct(_)) && is_nullable(field, self.version) {
            self.bytes.push(if *value == Value::Null { 0xff } else { 1 });
            if *value == Value::Null {
                return Ok(());
            }
        }
        self.put(&field.kind, value).map_err(name)
    }

    fn put(&mut self, kind: &Type, value: &Value) -> Result<(), String> {
        match (kind, value) {
            (Type::Struct(name), value) => {
                let structure = self.message.find(name).ok_or_else(|| format!("no struct {name}"))?;
                self.put_struct(structure, value)?;
            }
            (Type::Array(_) | Type::Bytes | Type::Records, Value::Null) => self.put_length(None, 4),
            (Type::String, Value::Null) => self.put_length(None, 2),
            (Type::Array(element), Value::List(elements)) => {
                self.put_length(Some(elements.len()), 4);
                elements.iter().try_for_each(|value| self.put(element, value))?;
            }
            (Type::String, Value::Text(text)) => self.put_sized(text.as_bytes(), 2),
            (Type::Bytes | Type::Records, Value::Bytes(bytes)) => self.put_sized(bytes, 4),
            (Type::Bytes | Type::Records, Value::Text(text)) => self.put_sized(&bytes_of(text)?, 4),
            (Type::Uuid, Value::Uuid(id)) => self.bytes.extend(id.0),
            (Type::Uuid, Value::Text(text)) => {
                self.bytes.extend(text.parse::<Uuid>().map_err(|error| error.to_string())?.0);
            }
            (Type::Float64, Value::Float(value)) => self.bytes.extend(value.to_be_bytes()),
            (Type::Float64, Value::Int(value)) => self.bytes.extend((*value as f64).to_be_bytes()),
            (Type::Bool, Value::Bool(value)) => self.bytes.push(u8::from(*value)),
            (kind, Value::Int(value)) => self.put_int(kind, *value)?,
            (kind, value) => return Err(format!("{value} cannot stand where {kind:?} is wanted")),
        }
        Ok(())
    }

    fn put_int(&mut self, kind: &Type, value: i64) -> Result<(), String> {
        let (bytes, least, most) = match kind {
            Type::Int8 => (1, i64::from(i8::MIN), i64::from(i8::MAX)),
            Type::Int16 => (2, i64::from(i16::MIN), i64::from(i16::MAX)),
            Type::Uint16 => (2, 0, i64::from(u16::MAX)),
            Type::Int32 => (4, i64::from(i32::MIN), i64::from(i32::MAX)),
            Type::Uint32 => (4, 0, i64::from(u32::MAX)),
            Type::Int64 => (8, i64::MIN, i64::MAX),
            other => return Err(format!("{value} cannot stand where {other:?} is wanted")),
        };
        if !(least..=most).contains(&value) {
            return Err(format!("{value} is not within {kind:?}"));
        }
        self.bytes.extend(&value.to_be_bytes()[8 - bytes..]);
        Ok(())
    }

    fn put_sized(&mut self, bytes: &[u8], width: usize) {
        self.put_length(Some(bytes.len()), width);
        self.bytes.extend(bytes);
    }

    /// A length, or null; `width` bytes where the version is not flexible.
    fn put_length(&mut self, length: Option<usize>, width: usize) {
        if self.flexible {
            return self.put_varint(length.map_or(0, |length| length + 1));
        }
        let length = length.map_or(-1, |length| length as i64);
        self.bytes.extend(&length.to_be_bytes()[8 - width..]);
    }

    fn put_varint(&mut self, mut value: usize) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }
}

/// Bytes that a case gives as text: `0x…`, or the text itself.
fn bytes_of(text: &str) -> Result<Vec<u8>, String> {
    text.strip_prefix("0x").map_or_else(|| Ok(text.as_bytes().to_vec()), parse_hex)
}
