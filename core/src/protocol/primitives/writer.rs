//! Appends Kafka's primitive types to a buffer.

use bytes::{BufMut, Bytes, BytesMut};

use super::EncodeError;
use crate::uuid::Uuid;

type Result<T> = std::result::Result<T, EncodeError>;

/// Writes a message behind what the buffer already holds.
#[derive(Debug, Default)]
pub struct Writer {
    buffer: BytesMut,
}

impl Writer {
    pub fn new() -> Self {
        Self::default()
    }

    /// Continues `buffer`; `into_inner` gives it back.
    pub fn over(buffer: BytesMut) -> Self {
        Self { buffer }
    }

    pub fn into_inner(self) -> BytesMut {
        self.buffer
    }

    pub fn freeze(self) -> Bytes {
        self.buffer.freeze()
    }

    pub fn len(&self) -> usize {
        self.buffer.len()
    }

    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// Forgets what was written; the room stays.
    pub fn clear(&mut self) {
        self.buffer.clear();
    }

    /// Takes what was written so far, leaving the writer empty.
    pub fn split(&mut self) -> BytesMut {
        self.buffer.split()
    }

    pub fn raw(&mut self, bytes: &[u8]) {
        self.buffer.put_slice(bytes);
    }

    pub fn bool(&mut self, value: bool) {
        self.buffer.put_u8(u8::from(value));
    }

    pub fn i8(&mut self, value: i8) {
        self.buffer.put_i8(value);
    }

    pub fn i16(&mut self, value: i16) {
        self.buffer.put_i16(value);
    }

    pub fn u16(&mut self, value: u16) {
        self.buffer.put_u16(value);
    }

    pub fn i32(&mut self, value: i32) {
        self.buffer.put_i32(value);
    }

    pub fn u32(&mut self, value: u32) {
        self.buffer.put_u32(value);
    }

    pub fn i64(&mut self, value: i64) {
        self.buffer.put_i64(value);
    }

    pub fn f64(&mut self, value: f64) {
        self.buffer.put_f64(value);
    }

    pub fn uuid(&mut self, value: Uuid) {
        self.buffer.put_slice(&value.0);
    }

    pub fn uvarint(&mut self, value: u32) {
        let (bytes, length) = uvarint_bytes(value);
        self.buffer.put_slice(&bytes[..length]);
    }

    /// A compact length or count: stored plus one, null is nought.
    fn compact_length(&mut self, what: &'static str, length: Option<usize>) -> Result<()> {
        let stored = match length {
            None => 0,
            Some(length) => i32::try_from(length)
                .ok()
                .and_then(|length| length.checked_add(1))
                .ok_or(EncodeError::TooLong { what, length })?,
        };
        self.uvarint(stored.cast_unsigned());
        Ok(())
    }

    fn length32(&mut self, what: &'static str, length: Option<usize>) -> Result<()> {
        let stored = match length {
            None => -1,
            Some(length) => i32::try_from(length).map_err(|_| EncodeError::TooLong { what, length })?,
        };
        self.i32(stored);
        Ok(())
    }

    pub fn opt_string(&mut self, flexible: bool, value: Option<&str>) -> Result<()> {
        let length = value.map(str::len);
        let stored = match length {
            None => -1,
            Some(length) => {
                i16::try_from(length).map_err(|_| EncodeError::TooLong { what: "a string", length })?
            }
        };
        if flexible {
            self.compact_length("a string", length)?;
        } else {
            self.i16(stored);
        }
        self.raw(value.unwrap_or_default().as_bytes());
        Ok(())
    }

    pub fn string(&mut self, flexible: bool, value: &str) -> Result<()> {
        self.opt_string(flexible, Some(value))
    }

    /// The length that stands before `length` bytes of data; the data follow from elsewhere.
    pub fn bytes_length(&mut self, flexible: bool, length: Option<usize>) -> Result<()> {
        if flexible { self.compact_length("bytes", length) } else { self.length32("bytes", length) }
    }

    pub fn opt_bytes(&mut self, flexible: bool, value: Option<&[u8]>) -> Result<()> {
        self.bytes_length(flexible, value.map(<[u8]>::len))?;
        self.raw(value.unwrap_or_default());
        Ok(())
    }

    pub fn bytes(&mut self, flexible: bool, value: &[u8]) -> Result<()> {
        self.opt_bytes(flexible, Some(value))
    }

    /// An array's count, or null.
    pub fn count(&mut self, flexible: bool, count: Option<usize>) -> Result<()> {
        if flexible { self.compact_length("an array", count) } else { self.length32("an array", count) }
    }

    pub fn opt_array<T>(
        &mut self,
        flexible: bool,
        elements: Option<&[T]>,
        mut element: impl FnMut(&mut Self, &T) -> Result<()>,
    ) -> Result<()> {
        self.count(flexible, elements.map(<[T]>::len))?;
        elements.unwrap_or_default().iter().try_for_each(|value| element(self, value))
    }

    pub fn array<T>(
        &mut self,
        flexible: bool,
        elements: &[T],
        element: impl FnMut(&mut Self, &T) -> Result<()>,
    ) -> Result<()> {
        self.opt_array(flexible, Some(elements), element)
    }

    /// An array of values of fixed width, or null.
    pub fn opt_array_of<T: Copy>(
        &mut self,
        flexible: bool,
        elements: Option<&[T]>,
        write: fn(&mut Self, T),
    ) -> Result<()> {
        self.opt_array(flexible, elements, |writer, value| {
            write(writer, *value);
            Ok(())
        })
    }

    pub fn array_of<T: Copy>(
        &mut self,
        flexible: bool,
        elements: &[T],
        write: fn(&mut Self, T),
    ) -> Result<()> {
        self.opt_array_of(flexible, Some(elements), write)
    }

    /// A struct behind its marker byte, or null.
    pub fn opt_struct<T>(
        &mut self,
        value: Option<&T>,
        write: impl FnOnce(&mut Self, &T) -> Result<()>,
    ) -> Result<()> {
        self.i8(if value.is_some() { 1 } else { -1 });
        value.map_or(Ok(()), |value| write(self, value))
    }

    /// As `opt_struct` inside a tagged field, where the marker is a varint and nought is null.
    pub fn opt_tagged_struct<T>(
        &mut self,
        value: Option<&T>,
        write: impl FnOnce(&mut Self, &T) -> Result<()>,
    ) -> Result<()> {
        self.uvarint(u32::from(value.is_some()));
        value.map_or(Ok(()), |value| write(self, value))
    }

    /// Leaves room for a frame's size; `end_size` fills it in.
    pub fn begin_size(&mut self) -> usize {
        self.i32(0);
        self.buffer.len()
    }

    /// Fills in the size of the frame that began at `start`: what was written since, and `elsewhere_bytes` that
    /// go out with it without being in this buffer.
    pub fn end_size(&mut self, start: usize, elsewhere_bytes: usize) -> Result<()> {
        let length = self.buffer.len() - start + elsewhere_bytes;
        let size = i32::try_from(length).map_err(|_| EncodeError::TooLong { what: "a frame", length })?;
        self.buffer[start - 4..start].copy_from_slice(&size.to_be_bytes());
        Ok(())
    }

    /// One tagged field: its tag, its size, and what `write` appends. The size is put before the value
    /// once the value stands.
    pub fn tag(&mut self, tag: u32, write: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        self.uvarint(tag);
        let start = self.buffer.len();
        write(self)?;
        let end = self.buffer.len();
        let length = end - start;
        let size = u32::try_from(length).map_err(|_| EncodeError::TooLong { what: "a tag", length })?;
        let (bytes, width) = uvarint_bytes(size);
        self.buffer.put_slice(&bytes[..width]);
        self.buffer.copy_within(start..end, start + width);
        self.buffer[start..start + width].copy_from_slice(&bytes[..width]);
        Ok(())
    }
}

fn uvarint_bytes(mut value: u32) -> ([u8; 5], usize) {
    let mut bytes = [0; 5];
    let mut length = 0;
    while value >= 0x80 {
        bytes[length] = (value as u8) | 0x80;
        value >>= 7;
        length += 1;
    }
    bytes[length] = value as u8;
    (bytes, length + 1)
}
