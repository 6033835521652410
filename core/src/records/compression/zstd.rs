//! Zstandard: one frame written, concatenated frames read.

use zstd::zstd_safe::{
    CCtx, CParameter, DCtx, DParameter, InBuffer, OutBuffer, ResetDirective, compress_bound,
};

use super::{Codec, CompressError, DecompressError, output::Output};
use crate::limits;

/// Space for one call of the decoder: a block of the format.
const CHUNK_SIZE_BYTES: usize = 128 * 1024;

/// The decoder's memory, made at the first zstd batch.
#[derive(Default)]
pub(super) struct Context(Option<DCtx<'static>>);

impl Context {
    pub(super) fn decompress(&mut self, body: &[u8], output: &mut Output) -> Result<(), DecompressError> {
        let mut context = match self.0.take() {
            Some(context) => context,
            None => new_decoder()?,
        };
        stream(&mut context, body, output)?;
        // A decoder that failed, or that a large window swelled, is not kept.
        if context.sizeof() <= limits::DECOMPRESSION_RETAINED_BYTES {
            self.0 = Some(context);
        }
        Ok(())
    }
}

fn new_decoder() -> Result<DCtx<'static>, DecompressError> {
    let mut context = DCtx::try_create().ok_or(malformed("no memory for a decoder"))?;
    context
        .set_parameter(DParameter::WindowLogMax(limits::ZSTD_WINDOW_LOG_MAX))
        .map_err(|_| malformed("the decoder refuses our window limit"))?;
    Ok(context)
}

fn stream(context: &mut DCtx<'static>, body: &[u8], output: &mut Output) -> Result<(), DecompressError> {
    let mut input = InBuffer::around(body);
    loop {
        let mut space = OutBuffer::around(output.spare(CHUNK_SIZE_BYTES));
        let capacity = space.capacity();
        let missing = context
            .decompress_stream(&mut space, &mut input)
            .map_err(|_| malformed("not a zstd frame, damaged, or its window is too large"))?;
        let written = space.pos();
        output.advance(written)?;
        let is_input_done = input.pos() == body.len();
        if is_input_done && missing == 0 {
            return Ok(());
        }
        if is_input_done && written < capacity {
            return Err(malformed("the last frame is cut short"));
        }
    }
}

fn malformed(reason: &'static str) -> DecompressError {
    DecompressError::malformed(Codec::Zstd, reason)
}

/// The encoder's memory, made at the first zstd batch.
#[derive(Default)]
pub(super) struct CompressionContext(Option<CCtx<'static>>);

impl CompressionContext {
    pub(super) fn compress(
        &mut self,
        records: &[u8],
        level: i32,
        out: &mut Vec<u8>,
    ) -> Result<(), CompressError> {
        let mut context = match self.0.take() {
            Some(context) => context,
            None => CCtx::try_create().ok_or(failed("no memory for an encoder"))?,
        };
        context
            .reset(ResetDirective::SessionAndParameters)
            .map_err(|_| failed("the encoder cannot be reset"))?;
        context
            .set_parameter(CParameter::CompressionLevel(level))
            .map_err(|_| failed("the encoder refuses the level"))?;
        let start = out.len();
        out.resize(start + compress_bound(records.len()), 0);
        let size_bytes = context
            .compress2(&mut out[start..], records)
            .map_err(|_| failed("the encoder refused the records"))?;
        out.truncate(start + size_bytes);
        self.0 = Some(context);
        Ok(())
    }
}

fn failed(reason: &'static str) -> CompressError {
    CompressError { codec: Codec::Zstd, reason }
}
