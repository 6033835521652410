//! One record, borrowed from an uncompressed section of a batch.

use super::varint::{read_varint, read_varlong};

/// Why a section is not the records it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRecord {
    #[error("the record at position {position} is cut short")]
    Short { position: usize },
    #[error("the record at position {position} gives its length as {length}")]
    Length { position: usize, length: i32 },
    #[error("the fields of the record at position {position} do not fill its length")]
    Fields { position: usize },
}

/// A record whose key, value and headers are slices of the section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Bytes in the section, its length field included.
    pub size_bytes: usize,
    pub attributes: i8,
    pub timestamp_delta: i64,
    pub offset_delta: i32,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    /// Key, value and headers as they are encoded.
    payload: &'a [u8],
    headers_count: u32,
    /// Checked when the record was read.
    headers: &'a [u8],
}

impl<'a> Record<'a> {
    /// Number of headers.
    pub fn headers_count(&self) -> usize {
        self.headers_count as usize
    }

    /// The headers in their order; keys may repeat.
    pub fn headers(&self) -> Headers<'a> {
        Headers { rest: self.headers, remaining: self.headers_count }
    }

    /// Key, value and headers as they are encoded: what stays when a record gets another offset.
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }
}

/// A header of a record. Keys are UTF-8 by agreement only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    pub key: &'a [u8],
    pub value: Option<&'a [u8]>,
}

/// The headers of a record, in order.
#[derive(Clone, Debug)]
pub struct Headers<'a> {
    rest: &'a [u8],
    remaining: u32,
}

impl<'a> Iterator for Headers<'a> {
    type Item = Header<'a>;

    fn next(&mut self) -> Option<Header<'a>> {
        self.remaining = self.remaining.checked_sub(1)?;
        read_header(&mut self.rest)
    }
}

/// The records of an uncompressed section, in order; after an error it ends.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    section: &'a [u8],
    position: usize,
    remaining: u32,
}

impl<'a> Records<'a> {
    /// Reads `records_count` records, as the batch's header gives it; bytes after the last one stay unread.
    pub fn new(section: &'a [u8], records_count: i32) -> Self {
        Self { section, position: 0, remaining: records_count.max(0) as u32 }
    }

    /// Where the next record begins in the section.
    pub fn position(&self) -> usize {
        self.position
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, InvalidRecord>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.remaining = self.remaining.checked_sub(1)?;
        let record = read_record(self.section, self.position);
        match &record {
            Ok(record) => self.position += record.size_bytes,
            Err(_) => self.remaining = 0,
        }
        Some(record)
    }
}

/// Reads the record at `position`. Negative lengths of key and value are null, as Java reads them.
#[inline]
fn read_record(section: &[u8], position: usize) -> Result<Record<'_>, InvalidRecord> {
    let start = &section[position..];
    let mut rest = start;
    let length = read_varint(&mut rest).ok_or(InvalidRecord::Short { position })?;
    let body_length = usize::try_from(length).map_err(|_| InvalidRecord::Length { position, length })?;
    let prefix_length = start.len() - rest.len();
    let body = rest.get(..body_length).ok_or(InvalidRecord::Short { position })?;
    read_body(body, prefix_length + body_length).ok_or(InvalidRecord::Fields { position })
}

#[inline]
fn read_body(body: &[u8], size_bytes: usize) -> Option<Record<'_>> {
    let (&attributes, mut rest) = body.split_first()?;
    let timestamp_delta = read_varlong(&mut rest)?;
    let offset_delta = read_varint(&mut rest)?;
    let payload = rest;
    let key = read_nullable(&mut rest)?;
    let value = read_nullable(&mut rest)?;
    let headers_count = u32::try_from(read_varint(&mut rest)?).ok()?;
    let headers = rest;
    for _ in 0..headers_count {
        read_header(&mut rest)?;
    }
    if !rest.is_empty() {
        return None;
    }
    let attributes = attributes as i8;
    Some(Record {
        size_bytes,
        attributes,
        timestamp_delta,
        offset_delta,
        key,
        value,
        payload,
        headers_count,
        headers,
    })
}

#[inline]
fn read_header<'a>(rest: &mut &'a [u8]) -> Option<Header<'a>> {
    let key_length = usize::try_from(read_varint(rest)?).ok()?;
    let (key, after_key) = rest.split_at_checked(key_length)?;
    *rest = after_key;
    Some(Header { key, value: read_nullable(rest)? })
}

#[inline]
fn read_nullable<'a>(rest: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    let Ok(length) = usize::try_from(read_varint(rest)?) else { return Some(None) };
    let (bytes, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(Some(bytes))
}

#[cfg(test)]
mod tests;
