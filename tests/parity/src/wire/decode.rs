//! The bytes of a message as a value tree.

use jackdaw_core::uuid::Uuid;

use crate::schema::{Field, Message, Struct, Type};
use crate::value::Value;

use super::{is_flexible, is_nullable};

/// The whole body at this version. Tagged fields stand in the tree when they were sent; unknown ones as `tag N`.
pub(crate) fn decode(message: &Message, bytes: &[u8], version: i16) -> Result<Value, String> {
    let mut decoder = Decoder { message, version, flexible: is_flexible(message, version), rest: bytes };
    let value = decoder.structure(message.root())?;
    match decoder.rest.len() {
        0 => Ok(value),
        count => Err(format!("{} {version} is followed by {count} bytes", message.name)),
    }
}

struct Decoder<'a> {
    message: &'a Message,
    version: i16,
    flexible: bool,
    rest: &'a [u8],
}

impl<'a> Decoder<'a> {
    fn structure(&mut self, structure: &Struct) -> Result<Value, String> {
        let mut fields = Vec::new();
        let known = || structure.fields.iter().filter(|field| field.versions.contains(self.version));
        let (tagged, plain): (Vec<_>, Vec<_>) =
            known().partition(|field| self.flexible && field.tag.is_some());
        for field in plain {
            fields.push((field.name.clone(), self.field(field)?));
        }
        if self.flexible {
            for _ in 0..self.varint()? {
                fields.push(self.tag(&tagged)?);
            }
        }
        Ok(Value::Struct(fields))
    }

    fn tag(&mut self, known: &[&Field]) -> Result<(String, Value), String> {
        let tag = self.varint()?;
        let size = self.varint()?;
        let bytes = self.take(size)?;
        let Some(field) = known.iter().find(|field| field.tag.is_some_and(|t| t as usize == tag)) else {
            return Ok((format!("tag {tag}"), Value::Bytes(bytes.to_vec())));
        };
        let mut inner = Decoder { rest: bytes, ..*self };
        let value = inner.field(field)?;
        match inner.rest.len() {
            0 => Ok((field.name.clone(), value)),
            count => Err(format!("tag {tag} ends with {count} more bytes")),
        }
    }

    fn field(&mut self, field: &Field) -> Result<Value, String> {
        let nullable_struct = matches!(field.kind, Type::Struct(_)) && is_nullable(field, self.version);
        if nullable_struct && self.int(1)? < 0 {
            return Ok(Value::Null);
        }
        self.value(&field.kind).map_err(|error| format!("{}: {error}", field.name))
    }

    fn value(&mut self, kind: &Type) -> Result<Value, String> {
        Ok(match kind {
            Type::Bool => Value::Bool(self.int(1)? != 0),
            Type::Int8 => Value::Int(self.int(1)?),
            Type::Int16 => Value::Int(self.int(2)?),
            Type::Uint16 => Value::Int(self.int(2)? & 0xffff),
            Type::Int32 => Value::Int(self.int(4)?),
            Type::Uint32 => Value::Int(self.int(4)? & 0xffff_ffff),
            Type::Int64 => Value::Int(self.int(8)?),
            Type::Float64 => Value::Float(f64::from_bits(self.int(8)? as u64)),
            Type::Uuid => {
                let bytes = self.take(16)?;
                Value::Uuid(Uuid(bytes.try_into().map_err(|_| "16 bytes are 16 bytes")?))
            }
            Type::String => match self.sized(2)? {
                Some(bytes) => {
                    Value::Text(String::from_utf8(bytes.to_vec()).map_err(|error| error.to_string())?)
                }
                None => Value::Null,
            },
            Type::Bytes | Type::Records => {
                self.sized(4)?.map_or(Value::Null, |bytes| Value::Bytes(bytes.to_vec()))
            }
            Type::Struct(name) => {
                let structure = self.message.find(name).ok_or_else(|| format!("no struct {name}"))?;
                self.structure(structure)?
            }
            Type::Array(element) => self.array(element)?,
        })
    }

    fn array(&mut self, element: &Type) -> Result<Value, String> {
        let Some(count) = self.length(4)? else { return Ok(Value::Null) };
        let elements = (0..count).map(|_| self.value(element));
        Ok(Value::List(elements.collect::<Result<_, _>>()?))
    }

    fn sized(&mut self, width: usize) -> Result<Option<&'a [u8]>, String> {
        self.length(width)?.map(|length| self.take(length)).transpose()
    }

    fn length(&mut self, width: usize) -> Result<Option<usize>, String> {
        if self.flexible { Ok(self.varint()?.checked_sub(1)) } else { Ok(self.int(width)?.try_into().ok()) }
    }

    fn int(&mut self, width: usize) -> Result<i64, String> {
        let bytes = self.take(width)?;
        let sign = if bytes[0] & 0x80 == 0 { 0 } else { -1 };
        Ok(bytes.iter().fold(sign, |value, byte| value << 8 | i64::from(*byte)))
    }

    fn varint(&mut self) -> Result<usize, String> {
        let mut value = 0;
        for shift in (0..35).step_by(7) {
            let byte = self.take(1)?[0];
            value |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err("a varint of more than five bytes".to_owned())
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        if count > self.rest.len() {
            return Err(format!("{count} bytes are wanted and {} are left", self.rest.len()));
        }
        let (taken, rest) = self.rest.split_at(count);
        self.rest = rest;
        Ok(taken)
    }
}
