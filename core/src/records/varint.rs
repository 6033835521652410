//! Variable-length integers of records: zig-zag LEB128 of 32 bits (varint) and 64 bits (varlong).

/// Longest encoding of a varint.
pub const VARINT_SIZE_MAX_BYTES: usize = 5;
/// Longest encoding of a varlong.
pub const VARLONG_SIZE_MAX_BYTES: usize = 10;

/// Reads a varint at the front of `bytes` and moves on; `None` where it is cut or longer than five bytes.
#[inline]
pub fn read_varint(bytes: &mut &[u8]) -> Option<i32> {
    // Most are one byte: lengths and deltas below 64.
    if let [first, rest @ ..] = *bytes
        && *first < 0x80
    {
        *bytes = rest;
        return Some(unzigzag(u64::from(*first)) as i32);
    }
    let raw = read_leb128(bytes, VARINT_SIZE_MAX_BYTES)? as u32;
    Some(unzigzag(u64::from(raw)) as i32)
}

/// Reads a varlong at the front of `bytes` and moves on; `None` where it is cut or longer than ten bytes.
#[inline]
pub fn read_varlong(bytes: &mut &[u8]) -> Option<i64> {
    if let [first, rest @ ..] = *bytes
        && *first < 0x80
    {
        *bytes = rest;
        return Some(unzigzag(u64::from(*first)));
    }
    read_leb128(bytes, VARLONG_SIZE_MAX_BYTES).map(unzigzag)
}

/// Bits past the width of the result are dropped, as Java does.
fn read_leb128(bytes: &mut &[u8], size_max_bytes: usize) -> Option<u64> {
    let mut value = 0u64;
    for (index, byte) in bytes.iter().take(size_max_bytes).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            *bytes = &bytes[index + 1..];
            return Some(value);
        }
    }
    None
}

fn unzigzag(raw: u64) -> i64 {
    (raw >> 1) as i64 ^ -((raw & 1) as i64)
}

pub fn put_varint(out: &mut Vec<u8>, value: i32) {
    put_varlong(out, i64::from(value));
}

pub fn put_varlong(out: &mut Vec<u8>, value: i64) {
    let mut raw = zigzag(value);
    while raw >= 0x80 {
        out.push(raw as u8 | 0x80);
        raw >>= 7;
    }
    out.push(raw as u8);
}

/// Bytes that `value` takes; a varint takes what the varlong of the same value takes.
pub fn varlong_size_bytes(value: i64) -> usize {
    (64 - (zigzag(value) | 1).leading_zeros() as usize).div_ceil(7)
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_at_every_edge() {
        let mut values = vec![0i64, i64::MAX, i64::MIN];
        for shift in 0..63 {
            values.extend([1i64 << shift, (1i64 << shift) - 1, -(1i64 << shift), -(1i64 << shift) - 1]);
        }
        for value in values {
            let mut out = Vec::new();
            put_varlong(&mut out, value);
            assert_eq!(out.len(), varlong_size_bytes(value), "{value}");
            let mut rest = &out[..];
            assert_eq!(read_varlong(&mut rest), Some(value));
            assert!(rest.is_empty());
            if let Ok(small) = i32::try_from(value) {
                let mut rest = &out[..];
                assert_eq!(read_varint(&mut rest), Some(small));
                assert!(rest.is_empty());
            }
        }
    }

    #[test]
    fn known_encodings() {
        for (value, bytes) in [
            (0, &[0x00][..]),
            (-1, &[0x01]),
            (1, &[0x02]),
            (63, &[0x7e]),
            (64, &[0x80, 0x01]),
            (-65, &[0x81, 0x01]),
            (i32::MAX, &[0xfe, 0xff, 0xff, 0xff, 0x0f]),
            (i32::MIN, &[0xff, 0xff, 0xff, 0xff, 0x0f]),
        ] {
            let mut out = Vec::new();
            put_varint(&mut out, value);
            assert_eq!(out, bytes, "{value}");
        }
    }

    #[test]
    fn refuses_what_is_cut_or_too_long() {
        assert_eq!(read_varint(&mut &[][..]), None);
        assert_eq!(read_varint(&mut &[0x80, 0x80][..]), None);
        assert_eq!(read_varint(&mut &[0x80; 6][..]), None);
        assert_eq!(read_varlong(&mut &[0x80; 11][..]), None);
    }
}
