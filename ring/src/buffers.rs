//! Small helpers on lists of shared buffers.

use bytes::{Buf, Bytes};

/// Drop the first `count` bytes of a list of buffers.
pub fn advance(buffers: &mut Vec<Bytes>, mut count: usize) {
    let mut whole = 0;
    for buffer in buffers.iter_mut() {
        if count < buffer.len() {
            buffer.advance(count);
            break;
        }
        count -= buffer.len();
        whole += 1;
    }
    buffers.drain(..whole);
}

/// Bytes in all buffers together.
pub fn total_bytes(buffers: &[Bytes]) -> usize {
    buffers.iter().map(Bytes::len).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advances_over_borders() {
        let mut buffers =
            vec![Bytes::from_static(b"ab"), Bytes::from_static(b""), Bytes::from_static(b"cde")];
        advance(&mut buffers, 3);
        assert_eq!(buffers, vec![Bytes::from_static(b"de")]);
        advance(&mut buffers, 2);
        assert!(buffers.is_empty());
    }
}
