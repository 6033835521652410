//! Kafka's UUID: 16 bytes, printed as 22 characters of URL-safe base64 without padding.

use std::{fmt, str::FromStr};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// A topic, directory, cluster or incarnation id; big-endian on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Uuid(pub [u8; 16]);

/// The text was not 22 characters of URL-safe base64.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not a Kafka uuid: 22 characters of A-Z a-z 0-9 - _ are expected")]
pub struct InvalidUuid(pub String);

impl Uuid {
    /// No id: what absent ids are on the wire.
    pub const ZERO: Self = Self([0; 16]);
    /// The topic id of `__cluster_metadata` (0, 1); as a directory id: UNASSIGNED.
    pub const METADATA_TOPIC: Self = Self([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);

    /// A version 4 UUID of these 16 random bytes, or `None` where Kafka would draw again: a text form that
    /// starts with `-`, or one of the reserved values 0 to 99.
    pub fn from_random(mut bytes: [u8; 16]) -> Option<Self> {
        bytes[6] = (bytes[6] & 0x0f) | 0x40;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        let id = Self(bytes);
        (bytes[0] >> 2 != 62).then_some(id)
    }

    pub fn is_zero(&self) -> bool {
        *self == Self::ZERO
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0u8; 22];
        let value = u128::from_be_bytes(self.0);
        for (index, symbol) in text.iter_mut().enumerate() {
            // 128 bits are 21 symbols of 6 bits and one of 2 bits, which stands in the high bits of the last symbol.
            let bits = if index < 21 { (value >> (122 - 6 * index)) & 63 } else { (value << 4) & 63 };
            *symbol = ALPHABET[bits as usize];
        }
        f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Uuid {
    type Err = InvalidUuid;

    fn from_str(text: &str) -> Result<Self, InvalidUuid> {
        let invalid = || InvalidUuid(text.chars().take(64).collect());
        let symbols = text.trim_end_matches('=').as_bytes();
        if symbols.len() != 22 {
            return Err(invalid());
        }
        let mut value = 0u128;
        for (index, symbol) in symbols.iter().enumerate() {
            let bits = ALPHABET.iter().position(|known| known == symbol).ok_or_else(invalid)? as u128;
            value = if index < 21 { (value << 6) | bits } else { (value << 2) | (bits >> 4) };
        }
        Ok(Self(value.to_be_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_as_kafka_prints() {
        assert_eq!(Uuid::METADATA_TOPIC.to_string(), "AAAAAAAAAAAAAAAAAAAAAQ");
        let id = Uuid(*b"0123456789abcdef");
        assert_eq!(id.to_string(), "MDEyMzQ1Njc4OWFiY2RlZg");
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn refuses_other_text() {
        assert!("short".parse::<Uuid>().is_err());
        assert!("MDEyMzQ1Njc4OWFiY2Rl*g".parse::<Uuid>().is_err());
    }
}
