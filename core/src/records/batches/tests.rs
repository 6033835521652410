//! Frames: short, corrupt and whole, at every cut.

use super::*;
use crate::records::test_random::Random;

fn batch(base_offset: i64, records_count: i32, body: &[u8]) -> Vec<u8> {
    let mut header = BatchHeader::empty();
    header.set_base_offset(base_offset);
    header.set_counts(records_count, records_count - 1);
    header.set_size_bytes(HEADER_SIZE_BYTES + body.len());
    header.seal(body);
    [header.as_bytes(), body].concat()
}

#[test]
fn walks_to_a_short_tail() {
    let bytes = [batch(10, 3, b"abc"), batch(13, 1, b""), batch(14, 2, b"defg")].concat();
    let last = bytes.len() - 65;
    for cut in 0..=bytes.len() {
        let mut batches = Batches::new(&bytes[..cut]);
        let offsets: Vec<i64> = batches.by_ref().map(|batch| batch.unwrap().header().base_offset()).collect();
        let whole = [64, 125, 190].iter().filter(|end| **end <= cut).count();
        assert_eq!(offsets, [10, 13, 14][..whole], "cut to {cut}");
        assert_eq!(batches.position(), [0, 64, 125, 190][whole]);
        assert_eq!(batches.rest().len(), cut - batches.position());
    }
    assert_eq!(last, 125);
}

#[test]
fn a_short_frame_tells_the_size_it_needs() {
    let bytes = batch(0, 1, b"hello");
    for (cut, needed) in [(0, 17), (16, 17), (17, 66), (60, 66), (65, 66)] {
        let Frame::Short { size_bytes } = BatchView::parse(&bytes[..cut]) else { panic!("cut to {cut}") };
        assert_eq!(size_bytes, needed, "cut to {cut}");
    }
    assert!(matches!(BatchView::parse(&bytes), Frame::Complete(_)));
}

#[test]
fn corrupt_differs_from_short() {
    let patched = |position: usize, patch: &[u8]| {
        let mut bytes = batch(0, 1, b"hello");
        bytes[position..position + patch.len()].copy_from_slice(patch);
        match BatchView::parse(&bytes) {
            Frame::Corrupt(corrupt) => Err(corrupt),
            Frame::Complete(batch) => batch.check(),
            Frame::Short { .. } => panic!("short"),
        }
    };
    assert_eq!(patched(8, &13i32.to_be_bytes()), Err(CorruptBatch::Length(13)));
    assert_eq!(patched(8, &48i32.to_be_bytes()), Err(CorruptBatch::Length(48)));
    assert_eq!(patched(8, &(-1i32).to_be_bytes()), Err(CorruptBatch::Length(-1)));
    assert_eq!(patched(16, &[3]), Err(CorruptBatch::Magic(3)));
    assert_eq!(patched(16, &[0xff]), Err(CorruptBatch::Magic(-1)));
    assert_eq!(patched(16, &[1]), Err(CorruptBatch::LegacyMagic(1)));
    assert!(matches!(patched(64, &[0]), Err(CorruptBatch::Crc { .. })));
    assert_eq!(patched(22, &[5]), Err(CorruptBatch::Codec(5)));
    let counts = CorruptBatch::Counts { last_offset_delta: 0, records_count: 2 };
    assert_eq!(patched(57, &2i32.to_be_bytes()), Err(counts));
    assert_eq!(patched(0, &(-1i64).to_be_bytes()), Err(CorruptBatch::Offsets(-1, 0)));
    assert_eq!(patched(0, &i64::MAX.to_be_bytes()), Err(CorruptBatch::Offsets(i64::MAX, 0)));
    // Offset and leader epoch lie outside the CRC.
    assert_eq!(patched(0, &77i64.to_be_bytes()), Ok(()));
    assert_eq!(patched(12, &5i32.to_be_bytes()), Ok(()));
}

#[test]
fn a_compacted_batch_may_be_empty() {
    let mut header = BatchHeader::empty();
    header.set_counts(0, 41);
    header.set_size_bytes(HEADER_SIZE_BYTES);
    header.seal(b"");
    let bytes = header.to_bytes();
    let Frame::Complete(batch) = BatchView::parse(&bytes) else { panic!() };
    assert_eq!(batch.check(), Ok(()));
    assert_eq!(batch.header().last_offset(), 41);
}

#[test]
fn random_bytes_never_panic() {
    let mut random = Random::new(21);
    for _ in 0..5_000 {
        let size = random.below(200) as usize;
        let mut bytes: Vec<u8> = (0..size).map(|_| random.next() as u8).collect();
        if size > 17 {
            bytes[8..10].fill(0);
            bytes[16] = 2;
        }
        for batch in Batches::new(&bytes).flatten() {
            let _ = batch.check();
        }
    }
}
