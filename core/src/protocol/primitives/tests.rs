//! Primitive types: what is written comes back, claims are refused, lenience is Java's.

use bytes::Bytes;

use super::{DecodeError, Reader, Writer};

#[test]
fn varints_of_every_width_come_back() {
    for value in [0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 268_435_455, 268_435_456, u32::MAX] {
        let mut writer = Writer::new();
        writer.uvarint(value);
        let bytes = writer.freeze();
        let mut reader = Reader::new(&bytes);
        assert_eq!(reader.uvarint(), Ok(value));
        assert_eq!(reader.remaining(), 0);
    }
    let endless = Bytes::from_static(&[0xff; 8]);
    assert_eq!(Reader::new(&endless).uvarint(), Err(DecodeError::Varint { position: 0, limit: 5 }));
}

#[test]
fn a_count_is_held_against_the_bytes_that_remain() {
    let claim = Bytes::from_static(&[0x7f, 0xff, 0xff, 0xff, 1, 2, 3, 4]);
    assert_eq!(
        Reader::new(&claim).array(false, 4, Reader::i32),
        Err(DecodeError::Count { position: 0, count: 0x7fff_ffff, remaining: 4 })
    );
}

#[test]
fn memory_is_charged_before_it_is_reserved() {
    let mut writer = Writer::new();
    writer.i32(1 << 20);
    writer.raw(&vec![0; 1 << 20]);
    let bytes = writer.freeze();
    let read = Reader::new(&bytes).array(false, 1, |reader| reader.i8().map(|_| [0u64; 64]));
    assert!(matches!(read, Err(DecodeError::Memory { .. })));
}

#[test]
fn lenient_where_java_is() {
    let frame = Bytes::from_static(&[7, 0, 2, 0xff, b'a', 0xff, 0xfe]);
    let mut reader = Reader::new(&frame);
    assert_eq!(reader.bool(), Ok(true));
    assert_eq!(reader.string(false), Ok("\u{fffd}a".to_owned()));
    assert_eq!(reader.opt_string(false, true), Ok(None));
}

#[test]
fn a_tag_ends_where_its_size_says() {
    // Two tags: the first, known, announces four bytes of which one is read; the second is unknown.
    let frame = Bytes::from_static(&[2, 9, 4, 42, 1, 1, 1, 3, 2, 0, 0, 77]);
    let mut reader = Reader::new(&frame);
    let mut seen = Vec::new();
    let read = reader.tags(|reader, tag| {
        if tag == 9 {
            seen.push(reader.i8()?);
        }
        Ok(())
    });
    assert_eq!((read, seen, reader.i8()), (Ok(()), vec![42], Ok(77)));
}

#[test]
fn a_tags_size_is_written_before_its_value() {
    for length in [0usize, 1, 127, 128, 20_000] {
        let mut writer = Writer::new();
        writer
            .tag(3, |writer| {
                writer.raw(&vec![5; length]);
                Ok(())
            })
            .expect("fits");
        let bytes = writer.freeze();
        let mut reader = Reader::new(&bytes);
        assert_eq!(reader.uvarint(), Ok(3));
        assert_eq!(reader.uvarint(), Ok(length as u32));
        assert_eq!(reader.rest(), vec![5; length]);
    }
}
