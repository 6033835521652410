//! Damages input in the ways in which a peer, a disk or a hand could.

use jackdaw_codec_tests::random::Random;

/// The longest input.
const INPUT_BYTES_MAX: usize = 64 << 10;

/// What lengths, counts and offsets claim when they lie: int16, int32, int64, varints.
const CLAIMS: &[&[u8]] = &[
    &[0x7f, 0xff],
    &[0xff, 0xff],
    &[0x80, 0x00],
    &[0x7f, 0xff, 0xff, 0xff],
    &[0xff, 0xff, 0xff, 0xff],
    &[0x80, 0x00, 0x00, 0x00],
    &[0x00, 0xff, 0xff, 0xff],
    &[0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    &[0x80, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00],
    &[0xff; 8],
    &[0xff, 0xff, 0xff, 0xff, 0x07],
    &[0xff, 0xff, 0xff, 0xff, 0x0f],
    &[0xfe, 0xff, 0xff, 0xff, 0x0f],
    &[0x80; 10],
    &[0],
];

/// Text that means something where text is read.
const WORDS: &[&str] = &[
    "\n",
    "\r",
    "\\",
    "\\u",
    "=",
    ":",
    ",",
    "*",
    "{",
    "}",
    "[[:",
    "(?i)",
    "(?P<",
    "\\p{",
    "{1000}",
    "{0,999}",
    "(",
    "|",
    "$",
    "-1",
    "9223372036854775807",
    "99999999999999999999",
    "0x",
    "NaN",
    "\0",
    "\u{feff}",
    "../",
    " ",
    "GET ",
    " HTTP/1.1\r\n",
];

/// A damaged `input`, perhaps with a part of `other` in it.
pub fn mutate(input: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..=random.below(3) {
        once(&mut bytes, other, random);
    }
    bytes.truncate(INPUT_BYTES_MAX);
    bytes
}

fn once(bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    let at = random.below(bytes.len() + 1);
    match random.below(11) {
        0 => bytes.truncate(at),
        1 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
        2 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = random.draw() as u8;
            }
        }
        3 | 4 => overwrite(bytes, at, CLAIMS[random.below(CLAIMS.len())]),
        5 => insert(bytes, at, WORDS[random.below(WORDS.len())].as_bytes()),
        6 => {
            let end = (at + 1 + random.below(16)).min(bytes.len());
            bytes.drain(at.min(end)..end);
        }
        7 => {
            let end = (at + 1 + random.below(64)).min(bytes.len());
            let part = bytes[at.min(end)..end].to_vec();
            for _ in 0..=random.below(4) {
                insert(bytes, at, &part);
            }
        }
        8 if !other.is_empty() => {
            let from = random.below(other.len());
            let end = (from + 1 + random.below(128)).min(other.len());
            if random.once_in(2) {
                overwrite(bytes, at, &other[from..end]);
            } else {
                insert(bytes, at, &other[from..end]);
            }
        }
        9 => nudge(bytes, at, random),
        _ => bytes.iter_mut().for_each(|byte| {
            if random.once_in(24) {
                *byte = random.draw() as u8;
            }
        }),
    }
}

/// A number that is a little off.
fn nudge(bytes: &mut [u8], at: usize, random: &mut Random) {
    let Some(field) = bytes.get_mut(at..at + 4) else { return };
    if let Ok(number) = <[u8; 4]>::try_from(&*field) {
        let by = [1, -1, 2, -2, 256, -256][random.below(6)];
        field.copy_from_slice(&i32::from_be_bytes(number).wrapping_add(by).to_be_bytes());
    }
}

fn overwrite(bytes: &mut [u8], at: usize, with: &[u8]) {
    for (byte, new) in bytes[at..].iter_mut().zip(with) {
        *byte = *new;
    }
}

fn insert(bytes: &mut Vec<u8>, at: usize, what: &[u8]) {
    if bytes.len() + what.len() <= INPUT_BYTES_MAX {
        bytes.splice(at..at, what.iter().copied());
    }
}
