//! A cursor over one frame: no allocation on a peer's claim, byte fields are slices of the frame.

use bytes::Bytes;

use super::DecodeError;
use crate::{limits::DECODED_MESSAGE_BYTES_MAX, uuid::Uuid};

type Result<T> = std::result::Result<T, DecodeError>;

/// Reads a frame front to back. As lenient as Java: any non-zero byte is true, text that is not UTF-8 is
/// replaced, tags may come in any order, what follows the message is ignored.
#[derive(Debug)]
pub struct Reader<'a> {
    frame: &'a Bytes,
    position: usize,
    /// What the structures of this message may still take beyond the frame, in bytes.
    memory_bytes: usize,
}

impl<'a> Reader<'a> {
    pub fn new(frame: &'a Bytes) -> Self {
        Self { frame, position: 0, memory_bytes: DECODED_MESSAGE_BYTES_MAX }
    }

    /// All of the frame, read or not.
    pub fn frame(&self) -> &'a Bytes {
        self.frame
    }

    /// The position of the next byte, counted from the frame's first.
    pub fn position(&self) -> usize {
        self.position
    }

    pub fn remaining(&self) -> usize {
        self.frame.len() - self.position
    }

    /// The bytes not yet read, as a slice of the frame.
    pub fn rest(&self) -> Bytes {
        self.frame.slice(self.position..)
    }

    /// The next `length` bytes, borrowed from the frame.
    pub fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        if length > self.remaining() {
            return Err(self.truncated(length));
        }
        let start = self.position;
        self.position += length;
        Ok(&self.frame[start..self.position])
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N]> {
        let bytes = self.take(N)?;
        let mut fixed = [0; N];
        fixed.copy_from_slice(bytes);
        Ok(fixed)
    }

    fn truncated(&self, needed: usize) -> DecodeError {
        DecodeError::Truncated { position: self.position, needed, remaining: self.remaining() }
    }

    fn null(&self) -> DecodeError {
        DecodeError::Null { position: self.position }
    }

    /// Counts `bytes` of memory against the message's allowance before they are reserved.
    fn charge(&mut self, bytes: usize) -> Result<()> {
        match self.memory_bytes.checked_sub(bytes) {
            Some(left) => self.memory_bytes = left,
            None => return Err(DecodeError::Memory { limit_bytes: DECODED_MESSAGE_BYTES_MAX }),
        }
        Ok(())
    }

    pub fn bool(&mut self) -> Result<bool> {
        Ok(self.fixed::<1>()?[0] != 0)
    }

    pub fn i8(&mut self) -> Result<i8> {
        self.fixed().map(i8::from_be_bytes)
    }

    pub fn i16(&mut self) -> Result<i16> {
        self.fixed().map(i16::from_be_bytes)
    }

    pub fn u16(&mut self) -> Result<u16> {
        self.fixed().map(u16::from_be_bytes)
    }

    pub fn i32(&mut self) -> Result<i32> {
        self.fixed().map(i32::from_be_bytes)
    }

    pub fn u32(&mut self) -> Result<u32> {
        self.fixed().map(u32::from_be_bytes)
    }

    pub fn i64(&mut self) -> Result<i64> {
        self.fixed().map(i64::from_be_bytes)
    }

    pub fn f64(&mut self) -> Result<f64> {
        self.fixed().map(f64::from_be_bytes)
    }

    pub fn uuid(&mut self) -> Result<Uuid> {
        self.fixed().map(Uuid)
    }

    /// An unsigned varint of at most five bytes.
    pub fn uvarint(&mut self) -> Result<u32> {
        let start = self.position;
        let mut value = 0u32;
        for shift in (0..35).step_by(7) {
            let byte = self.fixed::<1>()?[0];
            value |= u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(DecodeError::Varint { position: start, limit: 5 })
    }

    /// A compact length: stored plus one, nought is null.
    fn compact_length(&mut self) -> Result<Option<usize>> {
        Ok((self.uvarint()? as usize).checked_sub(1))
    }

    /// A classic length: any negative one is null, as Java takes it.
    fn length32(&mut self) -> Result<Option<usize>> {
        Ok(usize::try_from(self.i32()?).ok())
    }

    fn string_length(&mut self, flexible: bool) -> Result<Option<usize>> {
        let position = self.position;
        let length = if flexible { self.compact_length()? } else { usize::try_from(self.i16()?).ok() };
        match length {
            Some(length) if length > i16::MAX as usize => Err(DecodeError::StringLength { position, length }),
            _ => Ok(length),
        }
    }

    /// The bytes of a string, or `None` for null, borrowed: for the paths that must not allocate.
    pub fn string_bytes(&mut self, flexible: bool) -> Result<Option<&'a [u8]>> {
        match self.string_length(flexible)? {
            Some(length) => self.take(length).map(Some),
            None => Ok(None),
        }
    }

    /// A string, or null where `nullable`.
    pub fn opt_string(&mut self, flexible: bool, nullable: bool) -> Result<Option<String>> {
        match self.string_bytes(flexible)? {
            Some(bytes) => {
                self.charge(bytes.len())?;
                Ok(Some(String::from_utf8_lossy(bytes).into_owned()))
            }
            None if nullable => Ok(None),
            None => Err(self.null()),
        }
    }

    pub fn string(&mut self, flexible: bool) -> Result<String> {
        Ok(self.opt_string(flexible, false)?.unwrap_or_default())
    }

    /// The length of bytes or records, or `None` for null.
    pub fn bytes_length(&mut self, flexible: bool) -> Result<Option<usize>> {
        if flexible { self.compact_length() } else { self.length32() }
    }

    /// Bytes or records as a slice of the frame, or null where `nullable`.
    pub fn opt_bytes(&mut self, flexible: bool, nullable: bool) -> Result<Option<Bytes>> {
        match self.bytes_length(flexible)? {
            Some(length) => {
                let start = self.position;
                self.take(length)?;
                Ok(Some(self.frame.slice(start..start + length)))
            }
            None if nullable => Ok(None),
            None => Err(self.null()),
        }
    }

    pub fn bytes(&mut self, flexible: bool) -> Result<Bytes> {
        Ok(self.opt_bytes(flexible, false)?.unwrap_or_default())
    }

    /// An array's count, or `None` for null. At `element_bytes` at least each, the elements must fit what remains.
    pub fn count(&mut self, flexible: bool, element_bytes: usize) -> Result<Option<usize>> {
        let position = self.position;
        let count = if flexible { self.compact_length()? } else { self.length32()? };
        let remaining = self.remaining();
        match count {
            Some(count) if count > remaining / element_bytes.max(1) => {
                Err(DecodeError::Count { position, count, remaining })
            }
            _ => Ok(count),
        }
    }

    /// As `count` where null is refused, with room for the elements reserved in `elements` behind those it has.
    pub fn reserve<T>(
        &mut self,
        flexible: bool,
        element_bytes: usize,
        elements: &mut Vec<T>,
    ) -> Result<usize> {
        let count = self.count(flexible, element_bytes)?.ok_or_else(|| self.null())?;
        self.charge(count.saturating_mul(size_of::<T>()))?;
        elements.reserve(count);
        Ok(count)
    }

    /// An array of elements of at least `element_bytes` each, or null where `nullable`.
    pub fn opt_array<T>(
        &mut self,
        flexible: bool,
        nullable: bool,
        element_bytes: usize,
        mut element: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<Option<Vec<T>>> {
        let Some(count) = self.count(flexible, element_bytes)? else {
            return if nullable { Ok(None) } else { Err(self.null()) };
        };
        self.charge(count.saturating_mul(size_of::<T>()))?;
        let mut elements = Vec::with_capacity(count);
        for _ in 0..count {
            elements.push(element(self)?);
        }
        Ok(Some(elements))
    }

    pub fn array<T>(
        &mut self,
        flexible: bool,
        element_bytes: usize,
        element: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<Vec<T>> {
        Ok(self.opt_array(flexible, false, element_bytes, element)?.unwrap_or_default())
    }

    /// A struct behind its marker byte: negative is null.
    pub fn opt_struct<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T>) -> Result<Option<T>> {
        if self.i8()? < 0 { Ok(None) } else { read(self).map(Some) }
    }

    /// As `opt_struct` inside a tagged field, where the marker is a varint and nought is null.
    pub fn opt_tagged_struct<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T>) -> Result<Option<T>> {
        if self.uvarint()? == 0 { Ok(None) } else { read(self).map(Some) }
    }

    /// The tagged fields at the end of a struct. `field` reads the tags it knows; the cursor then stands
    /// behind the tag's announced size, whatever was read of it.
    pub fn tags(&mut self, mut field: impl FnMut(&mut Self, u32) -> Result<()>) -> Result<()> {
        for _ in 0..self.uvarint()? {
            let tag = self.uvarint()?;
            let size = self.uvarint()? as usize;
            if size > self.remaining() {
                return Err(self.truncated(size));
            }
            let end = self.position + size;
            field(self, tag)?;
            self.position = end;
        }
        Ok(())
    }

    /// The tagged fields of a struct that has none of its own.
    pub fn skip_tags(&mut self) -> Result<()> {
        self.tags(|_, _| Ok(()))
    }

    /// Passes over `length` bytes.
    pub fn skip(&mut self, length: usize) -> Result<()> {
        self.take(length).map(|_| ())
    }
}
