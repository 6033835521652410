//! Round trips of every codec, framings of other clients, hostile input.

use super::*;
use crate::records::test_random::Random;

const LIMIT: usize = 8 * 1024 * 1024;

fn compress(codec: Codec, records: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    Compressor::default().compress(codec, &Levels::default(), records, &mut out).unwrap();
    out
}

fn text(size: usize, random: &mut Random) -> Vec<u8> {
    (0..size).map(|_| b"abcdefgh"[random.below(8) as usize]).collect()
}

#[test]
fn every_codec_round_trips_every_size() {
    let mut random = Random::new(1);
    let mut decompressor = Decompressor::default();
    for size in [1, 2, 100, 32 * 1024, 32 * 1024 + 1, 64 * 1024, 64 * 1024 + 1, 300_000, 2_000_000] {
        let compressible = text(size, &mut random);
        let noise: Vec<u8> = (0..size).map(|_| random.next() as u8).collect();
        for records in [&compressible, &noise] {
            for codec in Codec::ALL {
                let body = compress(codec, records);
                assert_eq!(decompressor.decompress(codec, &body, LIMIT).unwrap(), records, "{codec} {size}");
            }
        }
    }
}

#[test]
fn every_level_round_trips() {
    let records = text(50_000, &mut Random::new(2));
    let mut decompressor = Decompressor::default();
    for (codec, levels) in [(Codec::Gzip, vec![-1, 1, 6, 9]), (Codec::Zstd, vec![-131_072, -1, 1, 3, 19, 22])]
    {
        for level in levels {
            let mut body = Vec::new();
            let levels = Levels { gzip: level, lz4: 9, zstd: level };
            Compressor::default().compress(codec, &levels, &records, &mut body).unwrap();
            assert_eq!(decompressor.decompress(codec, &body, LIMIT).unwrap(), records, "{codec} {level}");
        }
    }
}

#[test]
fn raw_snappy_blocks_are_read() {
    let records = text(100_000, &mut Random::new(3));
    let raw = snap::raw::Encoder::new().compress_vec(&records).unwrap();
    assert_eq!(Decompressor::default().decompress(Codec::Snappy, &raw, LIMIT).unwrap(), records);
}

#[test]
fn concatenated_streams_are_read() {
    let (first, second) = (text(40_000, &mut Random::new(4)), text(70_000, &mut Random::new(5)));
    let both = [&first[..], &second[..]].concat();
    for codec in [Codec::Gzip, Codec::Snappy, Codec::Zstd] {
        let body = [compress(codec, &first), compress(codec, &second)].concat();
        assert_eq!(Decompressor::default().decompress(codec, &body, LIMIT).unwrap(), both, "{codec}");
    }
}

#[test]
fn snappy_is_written_as_xerial_blocks_of_32_kib() {
    let body = compress(Codec::Snappy, &vec![7u8; 80_000]);
    assert_eq!(&body[..16], b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01");
    let (mut position, mut sizes) = (16, Vec::new());
    while position < body.len() {
        let length = u32::from_be_bytes(body[position..position + 4].try_into().unwrap()) as usize;
        sizes.push(snap::raw::decompress_len(&body[position + 4..position + 4 + length]).unwrap());
        position += 4 + length;
    }
    assert_eq!(sizes, [32_768, 32_768, 14_464]);
}

#[test]
fn lz4_frame_header_is_the_one_java_writes() {
    assert_eq!(compress(Codec::Lz4, b"x")[..7], [0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82]);
}

#[test]
fn lz4_frames_that_java_refuses_are_refused() {
    let good = compress(Codec::Lz4, &text(1000, &mut Random::new(6)));
    let with_header = |flags: u8, descriptor: u8| {
        let checksum = (twox_hash::XxHash32::oneshot(0, &[flags, descriptor]) >> 8) as u8;
        [&good[..4], &[flags, descriptor, checksum], &good[7..]].concat()
    };
    let mut decompressor = Decompressor::default();
    assert!(decompressor.decompress(Codec::Lz4, &with_header(0x60, 0x70), LIMIT).is_ok());
    for (flags, descriptor, what) in [
        (0x40, 0x40, "dependent blocks"),
        (0xa0, 0x40, "version 2"),
        (0x61, 0x40, "a dictionary"),
        (0x62, 0x40, "a reserved flag"),
        (0x60, 0x30, "an undefined block size"),
        (0x60, 0x41, "a reserved bit of the descriptor"),
    ] {
        assert!(
            decompressor.decompress(Codec::Lz4, &with_header(flags, descriptor), LIMIT).is_err(),
            "{what}"
        );
    }
    let mut bad_checksum = good;
    bad_checksum[6] ^= 1;
    assert!(decompressor.decompress(Codec::Lz4, &bad_checksum, LIMIT).is_err());
}

#[test]
fn lz4_options_of_other_writers_are_read() {
    let records = text(1000, &mut Random::new(7));
    let plain = compress(Codec::Lz4, &records);
    let blocks = &plain[7..plain.len() - 4];
    // Content size, block checksums and a content checksum, which is not compared.
    let descriptor = [&[0x7c, 0x40][..], &1000u64.to_le_bytes()].concat();
    let mut body = [&plain[..4], &descriptor].concat();
    body.push((twox_hash::XxHash32::oneshot(0, &descriptor) >> 8) as u8);
    body.extend_from_slice(blocks);
    body.extend_from_slice(&twox_hash::XxHash32::oneshot(0, &blocks[4..]).to_le_bytes());
    body.extend_from_slice(&[0, 0, 0, 0, 1, 2, 3, 4]);
    let mut decompressor = Decompressor::default();
    assert_eq!(decompressor.decompress(Codec::Lz4, &body, LIMIT).unwrap(), records);
    let checksum_position = body.len() - 9;
    body[checksum_position] ^= 1;
    assert!(decompressor.decompress(Codec::Lz4, &body, LIMIT).is_err());
}

#[test]
fn bombs_are_cut_at_the_limit() {
    let zeros = vec![0u8; LIMIT + 1];
    let mut decompressor = Decompressor::default();
    for codec in Codec::ALL {
        let body = compress(codec, &zeros);
        let error = decompressor.decompress(codec, &body, LIMIT).unwrap_err();
        assert_eq!(error, DecompressError::TooLarge { limit_bytes: LIMIT }, "{codec}");
        assert_eq!(decompressor.decompress(codec, &body, LIMIT + 1).unwrap().len(), LIMIT + 1, "{codec}");
    }
}

#[test]
fn a_snappy_claim_reserves_nothing() {
    // A block of six bytes that says it holds 2^32-1 of them.
    let body = [0xff, 0xff, 0xff, 0xff, 0x0f, 0x00];
    let mut decompressor = Decompressor::default();
    let error = decompressor.decompress(Codec::Snappy, &body, usize::MAX).unwrap_err();
    assert!(matches!(error, DecompressError::Malformed { .. }));
    assert!(decompressor.output.spare(0).is_empty());
}

#[test]
fn cut_and_empty_data_is_refused() {
    let records = text(100_000, &mut Random::new(8));
    let mut decompressor = Decompressor::default();
    for codec in [Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd] {
        let body = compress(codec, &records);
        for keep in [0, 1, 3, 5, 10, body.len() / 2, body.len() - 1] {
            assert!(decompressor.decompress(codec, &body[..keep], LIMIT).is_err(), "{codec} cut to {keep}");
        }
        assert_eq!(decompressor.decompress(codec, &body, LIMIT).unwrap(), records, "{codec} after errors");
    }
}

#[test]
fn damaged_data_never_panics() {
    let mut random = Random::new(9);
    let mut decompressor = Decompressor::default();
    for codec in [Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd] {
        let good = compress(codec, &text(3000, &mut random));
        for _ in 0..3000 {
            let mut body = good.clone();
            for _ in 0..=random.below(4) {
                let position = random.below(body.len() as u64) as usize;
                body[position] = random.next() as u8;
            }
            if let Ok(records) = decompressor.decompress(codec, &body, 100_000) {
                assert!(records.len() <= 100_000);
            }
        }
    }
}
