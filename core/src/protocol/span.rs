//! A place in a frame: what the hand-written decoders keep instead of copies.

use std::{borrow::Cow, ops::Range};

use bytes::Bytes;

use super::{DecodeError, Reader};

/// A range of bytes in a frame. Frames are below 4 GiB: their size is an int32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// The `length` bytes that the reader has just passed.
    fn before(reader: &Reader<'_>, length: usize) -> Self {
        let end = reader.position();
        Self { start: (end - length) as u32, end: end as u32 }
    }

    /// Passes over a string; `None` is null.
    pub(super) fn string(reader: &mut Reader<'_>, flexible: bool) -> Result<Option<Self>, DecodeError> {
        let text = reader.string_bytes(flexible)?;
        Ok(text.map(|text| Self::before(reader, text.len())))
    }

    /// Passes over bytes or records; `None` is null.
    pub(super) fn bytes(reader: &mut Reader<'_>, flexible: bool) -> Result<Option<Self>, DecodeError> {
        let length = reader.bytes_length(flexible)?;
        if let Some(length) = length {
            reader.take(length)?;
        }
        Ok(length.map(|length| Self::before(reader, length)))
    }

    /// Passes over a string that may not be null.
    pub(super) fn text(reader: &mut Reader<'_>, flexible: bool) -> Result<Self, DecodeError> {
        let position = reader.position();
        Self::string(reader, flexible)?.ok_or(DecodeError::Null { position })
    }

    fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// The text at this place; it is copied only when it is not UTF-8.
    pub(super) fn str(self, frame: &Bytes) -> Cow<'_, str> {
        String::from_utf8_lossy(&frame[self.range()])
    }

    /// The bytes at this place, as a slice of the frame.
    pub(super) fn slice(self, frame: &Bytes) -> Bytes {
        frame.slice(self.range())
    }
}
