//! Record batches that a case describes, sound or broken.

use jackdaw_core::records::compression::{Compressor, Levels};
use jackdaw_core::records::crc::crc32c;
use jackdaw_core::records::{BatchBuilder, Codec, NewRecord};

use crate::value::{Value, parse_hex};

/// Where the checksum stands, and where the bytes begin that it is made of.
const CRC_POSITION: usize = 17;
const CRC_BEGIN: usize = 21;

/// One batch of `{ values, keys, codec, timestamp_ms, producer = [id, epoch, sequence], transactional, control, patch, cut,
/// stale_crc }`.
///
/// `patch` is a list of `[position, "0x…"]`; the checksum is made again unless `stale_crc` is true. `cut` takes so many
/// bytes off the end.
pub(crate) fn batch(given: &Value, now_ms: i64) -> Result<Vec<u8>, String> {
    let builder = builder(given, now_ms)?;
    let codec = text(given, "codec").unwrap_or("none");
    let codec = Codec::from_name(codec).ok_or_else(|| format!("{codec} is no codec"))?;
    let built = builder.build(codec, &Levels::default(), &mut Compressor::default());
    let mut bytes = built.map_err(|error| error.to_string())?.to_vec();
    patch(&mut bytes, given)?;
    if given.field("stale_crc") != Some(&Value::Bool(true)) && bytes.len() > CRC_BEGIN {
        let crc = crc32c(&bytes[CRC_BEGIN..]);
        bytes[CRC_POSITION..CRC_BEGIN].copy_from_slice(&crc.to_be_bytes());
    }
    let cut = int(given, "cut").unwrap_or(0);
    bytes.truncate(bytes.len().saturating_sub(usize::try_from(cut).map_err(|error| error.to_string())?));
    Ok(bytes)
}

fn builder(given: &Value, now_ms: i64) -> Result<BatchBuilder, String> {
    let mut builder = BatchBuilder::new();
    if let Some(Value::List(producer)) = given.field("producer") {
        let [Value::Int(id), Value::Int(epoch), Value::Int(sequence)] = producer.as_slice() else {
            return Err("producer is [id, epoch, sequence]".to_owned());
        };
        let narrow = |error: std::num::TryFromIntError| error.to_string();
        let (epoch, sequence) =
            ((*epoch).try_into().map_err(narrow)?, (*sequence).try_into().map_err(narrow)?);
        builder = builder.producer(*id, epoch, sequence);
    }
    if given.field("transactional") == Some(&Value::Bool(true)) {
        builder = builder.transactional();
    }
    if given.field("control") == Some(&Value::Bool(true)) {
        builder = builder.control();
    }
    let Some(Value::List(values)) = given.field("values") else {
        return Err("a batch needs values".to_owned());
    };
    let keys = given.field("keys");
    for (index, value) in values.iter().enumerate() {
        let key = keys.and_then(|keys| keys.at(&index.to_string()));
        let timestamp_ms = int(given, "timestamp_ms").unwrap_or(now_ms);
        builder.append(&NewRecord {
            timestamp_ms,
            key: key.and_then(bytes),
            value: bytes(value),
            headers: &[],
        });
    }
    Ok(builder)
}

fn patch(bytes: &mut [u8], given: &Value) -> Result<(), String> {
    let Some(Value::List(patches)) = given.field("patch") else { return Ok(()) };
    for patch in patches {
        let (Some(Value::Int(position)), Some(Value::Text(hex))) = (patch.at("0"), patch.at("1")) else {
            return Err("a patch is [position, \"0x…\"]".to_owned());
        };
        let new = parse_hex(hex.trim_start_matches("0x"))?;
        let position = usize::try_from(*position).map_err(|error| error.to_string())?;
        let old = bytes.get_mut(position..position + new.len()).ok_or("a patch beyond the batch")?;
        old.copy_from_slice(&new);
    }
    Ok(())
}

fn bytes(value: &Value) -> Option<&[u8]> {
    match value {
        Value::Text(text) => Some(text.as_bytes()),
        _ => None,
    }
}

fn text<'a>(given: &'a Value, name: &str) -> Option<&'a str> {
    match given.field(name)? {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

fn int(given: &Value, name: &str) -> Option<i64> {
    match given.field(name)? {
        Value::Int(value) => Some(*value),
        _ => None,
    }
}
