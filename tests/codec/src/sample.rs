//! Random bytes that are a message, written straight from its schema: what any codec must read, and write back
//! byte by byte.

use std::ops::RangeInclusive;

use bytes::Bytes;

use crate::{
    random::Random,
    schema::{Field, Message, Struct, Type},
    schema_of,
};

/// How many samples of either kind `for_each_sample` makes of a version.
const SAMPLES: usize = 40;

/// How samples are made.
#[derive(Clone, Copy)]
pub struct Shape {
    /// The most elements of an array, and a measure for texts.
    pub size: usize,
    /// Tags that no schema knows, behind those that it knows.
    pub unknown_tags: bool,
}

impl Shape {
    pub const PLAIN: Self = Self { size: 3, unknown_tags: false };
    pub const WITH_UNKNOWN_TAGS: Self = Self { size: 2, unknown_tags: true };
}

/// A message of this version in the one form in which Kafka writes it: defaults are not tagged, tags rise, null
/// stands only where the version has it.
pub fn sample(message: &Message, version: i16, random: &mut Random, shape: Shape) -> Vec<u8> {
    let mut sampler = Sampler { message, version, random, shape };
    let mut out = Vec::new();
    sampler.structure(message.root(), &mut out);
    out
}

/// What `sample` makes, with and without unknown tags, from the same values.
pub fn sample_pair(message: &Message, version: i16, seed: u64) -> (Vec<u8>, Vec<u8>) {
    let make = |unknown_tags| {
        let mut random = Random::named(seed, &message.name, version);
        sample(message, version, &mut random, Shape { unknown_tags, ..Shape::WITH_UNKNOWN_TAGS })
    };
    (make(true), make(false))
}

/// Hands `check` samples of this message at each of `versions` that it has, with and without unknown tags. Returns
/// how many versions there were.
pub fn for_each_sample(
    name: &str,
    versions: RangeInclusive<i16>,
    seed: u64,
    mut check: impl FnMut(i16, Bytes),
) -> usize {
    let schema = schema_of(name);
    let versions = schema.versions.first.max(*versions.start())..=schema.versions.last.min(*versions.end());
    for version in versions.clone() {
        let mut random = Random::named(seed, name, version);
        for _ in 0..SAMPLES {
            check(version, sample(schema, version, &mut random, Shape::PLAIN).into());
            let (with_unknown_tags, _) = sample_pair(schema, version, random.draw());
            check(version, with_unknown_tags.into());
        }
    }
    versions.count()
}

struct Sampler<'a> {
    message: &'a Message,
    version: i16,
    random: &'a mut Random,
    shape: Shape,
}

impl Sampler<'_> {
    fn flexible(&self) -> bool {
        self.message.flexible.is_some_and(|first| self.version >= first)
    }

    /// Appends a struct and says whether all of it stands at its defaults.
    fn structure(&mut self, structure: &Struct, out: &mut Vec<u8>) -> bool {
        let mut all_default = true;
        let present = |field: &&Field| field.versions.contains(self.version);
        let fields: Vec<&Field> = structure.fields.iter().filter(present).collect();
        for field in fields.iter().filter(|field| field.tag.is_none()) {
            all_default &= self.field(field, out);
        }
        if !self.flexible() {
            return all_default;
        }
        let mut tagged: Vec<&&Field> = fields.iter().filter(|field| field.tag.is_some()).collect();
        tagged.sort_by_key(|field| field.tag);
        let mut tags: Vec<(u32, Vec<u8>)> = Vec::new();
        for field in tagged {
            let mut value = Vec::new();
            if !self.field(field, &mut value) {
                tags.push((field.tag.expect("a tag"), value));
                all_default = false;
            }
        }
        // Drawn in any case, so that a sample with unknown tags has the same values as one without.
        let unknown = (self.random.below(3), self.random.below(200), self.random.draw());
        if self.shape.unknown_tags && unknown.0 == 0 {
            tags.push((1000 + unknown.1 as u32, vec![7; unknown.1]));
            tags.push((100_000, unknown.2.to_be_bytes().to_vec()));
        }
        uvarint(out, tags.len() as u32);
        for (tag, value) in tags {
            uvarint(out, tag);
            uvarint(out, value.len() as u32);
            out.extend(value);
        }
        all_default
    }

    /// Appends a field's value and says whether it is the default.
    fn field(&mut self, field: &Field, out: &mut Vec<u8>) -> bool {
        let nullable = field.nullable.is_some_and(|versions| versions.contains(self.version));
        let null_default =
            nullable && (field.default.as_deref() == Some("null") || field.kind == Type::Records);
        if nullable && self.random.once_in(4) {
            self.null(field, out);
            return null_default;
        }
        if nullable && matches!(field.kind, Type::Struct(_)) {
            out.push(1);
        }
        let at_default = self.value(&field.kind, field.default.as_deref(), out);
        at_default && !null_default
    }

    fn null(&self, field: &Field, out: &mut Vec<u8>) {
        match field.kind {
            // The marker of a struct is an int8, in a tagged field a varint.
            Type::Struct(_) => out.push(if field.tag.is_some() { 0 } else { 0xff }),
            _ if self.flexible() => out.push(0),
            Type::String => out.extend((-1i16).to_be_bytes()),
            _ => out.extend((-1i32).to_be_bytes()),
        }
    }

    fn value(&mut self, kind: &Type, default: Option<&str>, out: &mut Vec<u8>) -> bool {
        match kind {
            Type::Bool => {
                let value = self.random.once_in(2);
                out.push(u8::from(value));
                value == (default == Some("true"))
            }
            Type::Int8 => self.integer(1, default, out),
            Type::Int16 | Type::Uint16 => self.integer(2, default, out),
            Type::Int32 | Type::Uint32 => self.integer(4, default, out),
            Type::Int64 => self.integer(8, default, out),
            Type::Float64 => {
                let value = self.random.below(1 << 20) as f64 / 8.0;
                out.extend(value.to_be_bytes());
                value == 0.0
            }
            Type::Uuid => {
                let value = if self.random.once_in(5) { [0; 16] } else { [self.random.draw() as u8; 16] };
                out.extend(value);
                value == [0; 16]
            }
            Type::String => {
                let text = self.text();
                self.length(text.len(), true, out);
                out.extend(text.as_bytes());
                text == default.unwrap_or_default()
            }
            Type::Bytes | Type::Records => {
                let length = self.random.below(8 * self.shape.size);
                self.length(length, false, out);
                out.extend((0..length).map(|_| self.random.draw() as u8));
                length == 0
            }
            Type::Array(element) => {
                let count = self.random.below(self.shape.size + 1);
                self.length(count, false, out);
                for _ in 0..count {
                    self.value(element, None, out);
                }
                count == 0
            }
            Type::Struct(name) => {
                let structure = self.message.find(name).expect("a checked schema").clone();
                self.structure(&structure, out)
            }
        }
    }

    fn integer(&mut self, width: usize, default: Option<&str>, out: &mut Vec<u8>) -> bool {
        let default = match default {
            Some(text) if text.starts_with("0x") => i64::from_str_radix(&text[2..], 16).expect("a number"),
            Some(text) => text.parse().expect("a number"),
            None => 0,
        };
        let value = match self.random.below(6) {
            0 => default,
            1 => -1,
            2 => i64::MAX,
            3 => self.random.below(100) as i64,
            _ => self.random.draw() as i64,
        };
        let bytes = value.to_be_bytes();
        out.extend(&bytes[8 - width..]);
        bytes[8 - width..] == default.to_be_bytes()[8 - width..]
    }

    fn text(&mut self) -> String {
        match self.random.below(5) {
            0 => String::new(),
            1 => "zwölf Dohlen 🐦".to_owned(),
            // Long enough for a compact length of two bytes.
            2 if self.shape.size > 2 && self.random.once_in(8) => "x".repeat(130 + self.random.below(40)),
            _ => (0..1 + self.random.below(9))
                .map(|_| char::from(b'a' + self.random.below(26) as u8))
                .collect(),
        }
    }

    fn length(&self, length: usize, is_string: bool, out: &mut Vec<u8>) {
        match (self.flexible(), is_string) {
            (true, _) => uvarint(out, length as u32 + 1),
            (false, true) => out.extend((length as i16).to_be_bytes()),
            (false, false) => out.extend((length as i32).to_be_bytes()),
        }
    }
}

fn uvarint(out: &mut Vec<u8>, mut value: u32) {
    while value >= 0x80 {
        out.push((value as u8) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
