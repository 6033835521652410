//! The body of a batch that cannot stay as it came: another codec, or offset deltas that are not 0, 1, 2, …

use super::walk::Walk;
use crate::records::{
    BatchHeader, Codec, InvalidRecord, Records,
    compression::{Compressor, Levels},
    varint::{put_varint, put_varlong, varlong_size_bytes},
};

use super::ValidationError;

/// The records of `section`, numbered from 0 and compressed with `target`. Their timestamps, keys, values and
/// headers stay as they are encoded.
pub(super) fn rebuild_body(
    compressor: &mut Compressor,
    section: &[u8],
    header: &BatchHeader,
    walk: &Walk,
    target: Codec,
    levels: &Levels,
) -> Result<Vec<u8>, ValidationError> {
    let mut body = Vec::new();
    if walk.is_sequential {
        compressor.compress(target, levels, section, &mut body)?;
    } else {
        let numbered = renumber(section, header.records_count())?;
        compressor.compress(target, levels, &numbered, &mut body)?;
    }
    Ok(body)
}

fn renumber(section: &[u8], records_count: i32) -> Result<Vec<u8>, InvalidRecord> {
    let mut out = Vec::with_capacity(section.len());
    for (record, offset_delta) in Records::new(section, records_count).zip(0i32..) {
        let record = record?;
        let size_bytes = 1
            + varlong_size_bytes(record.timestamp_delta)
            + varlong_size_bytes(i64::from(offset_delta))
            + record.payload().len();
        put_varint(&mut out, size_bytes as i32);
        out.push(record.attributes as u8);
        put_varlong(&mut out, record.timestamp_delta);
        put_varint(&mut out, offset_delta);
        out.extend_from_slice(record.payload());
    }
    Ok(out)
}
