//! Records as the client programs read and print them, and made ones to send.

use std::fmt::Write as _;
use std::path::Path;

use sha2::{Digest, Sha256};

/// The size of the one large value of a big set: below the default limit of a batch, above any buffer of a client's.
pub const BIG_VALUE_BYTES: usize = 900_000;

/// What the programs print of a field longer than this is its length and hash.
const PRINTED_WHOLE_BYTES: usize = 256;

/// Time between the records of a made set.
pub const STEP_MS: i64 = 10;

pub type Field = Option<Vec<u8>>;

/// One record with its time of creation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub timestamp_ms: i64,
    pub key: Field,
    pub value: Field,
    pub headers: Vec<(String, Field)>,
}

/// What a library can say of a record; a made set keeps within it.
#[derive(Clone, Copy)]
pub struct Expressible {
    pub null_headers: bool,
    /// Whether the library tells an empty field from a null one.
    pub empty: bool,
    /// Whether a record may have neither key nor value.
    pub neither: bool,
}

/// Everything that Kafka's format can say.
pub const EVERYTHING: Expressible = Expressible { null_headers: true, empty: true, neither: true };

impl Record {
    /// The record as a line of a program's input, every field whole.
    pub fn line(&self) -> String {
        self.text(hex)
    }

    /// The record as the programs print it.
    pub fn printed(&self) -> String {
        self.text(|bytes| match bytes.len() {
            0..=PRINTED_WHOLE_BYTES => hex(bytes),
            length => format!("{length}:{}", hex(&Sha256::digest(bytes))),
        })
    }

    fn text(&self, field: impl Fn(&[u8]) -> String) -> String {
        let field = |data: &Field| match data {
            None => "null".to_owned(),
            Some(bytes) if bytes.is_empty() => ".".to_owned(),
            Some(bytes) => field(bytes),
        };
        let headers: Vec<String> = self
            .headers
            .iter()
            .map(|(name, value)| format!("{}={}", field(&Some(name.clone().into_bytes())), field(value)))
            .collect();
        let headers = if headers.is_empty() { "none".to_owned() } else { headers.join(",") };
        format!("{} {} {} {headers}", self.timestamp_ms, field(&self.key), field(&self.value))
    }
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A small generator of the harness's own: the same seed makes the same records.
struct Random(u64);

impl Random {
    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next() as u8).collect()
    }

    /// splitmix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// Makes `count` records from `seed`, created from `start_ms` on, `STEP_MS` apart: null, empty, text and binary
/// keys and values, no, one and several headers, one name twice.
pub fn make(seed: u64, count: usize, start_ms: i64, within: Expressible) -> Vec<Record> {
    let mut random = Random(seed);
    let empty = |or: &str| Some(if within.empty { Vec::new() } else { or.as_bytes().to_vec() });
    let null = if within.null_headers { None } else { empty("null") };
    (0..count)
        .map(|i| Record {
            timestamp_ms: start_ms + i as i64 * STEP_MS,
            key: match i % 4 {
                0 if within.neither || (i / 2) % 5 != 1 => None,
                0 | 1 => empty("empty"),
                2 => Some(format!("key-{seed}-{i}").into_bytes()),
                _ => Some(random.bytes(7)),
            },
            value: match (i / 2) % 5 {
                0 => Some(format!("value {i} of {seed}").into_bytes()),
                1 => None,
                2 => empty("empty"),
                3 => Some(random.bytes(300)),
                _ => Some(b"compresses well ".repeat(400)),
            },
            headers: match i % 3 {
                0 => vec![],
                1 => vec![("name".to_owned(), Some(random.bytes(3)))],
                _ => vec![
                    ("a".to_owned(), null.clone()),
                    ("a".to_owned(), empty("twice")),
                    ("größe".to_owned(), Some(b"\x00\xff".to_vec())),
                ],
            },
        })
        .collect()
}

/// As `make`, with one value of `BIG_VALUE_BYTES` in the middle.
pub fn make_big(seed: u64, count: usize, start_ms: i64, within: Expressible) -> Vec<Record> {
    let mut records = make(seed, count, start_ms, within);
    // Half of it random: no codec makes it small, none fails to make it smaller.
    let mut value = Random(seed ^ 1).bytes(BIG_VALUE_BYTES / 2);
    value.resize(BIG_VALUE_BYTES, b'.');
    records[count / 2].value = Some(value);
    records
}

/// Writes records for a program to read.
pub fn write(path: &Path, records: &[Record]) {
    let text: String = records.iter().map(|record| record.line() + "\n").collect();
    std::fs::write(path, text).unwrap_or_else(|e| panic!("cannot write {}: {e}", path.display()));
}

/// What a program prints of these records when it reads them from `partition`, the first of them at `offset`.
pub fn printed(partition: usize, offset: usize, records: &[Record]) -> Vec<String> {
    records
        .iter()
        .enumerate()
        .map(|(i, record)| format!("{partition} {} {}", offset + i, record.printed()))
        .collect()
}
