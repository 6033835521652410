//! CRC-32C (Castagnoli), the checksum of record batches and producer snapshots.

/// CRC-32C of `bytes`.
pub fn crc32c(bytes: &[u8]) -> u32 {
    crc_fast::crc32_iscsi(bytes)
}

/// CRC-32C of `head` followed by `tail`, for a batch whose header was copied away from its records.
pub fn crc32c_of_two(head: &[u8], tail: &[u8]) -> u32 {
    let mut digest = crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc32Iscsi);
    digest.update(head);
    digest.update(tail);
    digest.finalize() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        assert_eq!(crc32c(b""), 0);
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(&[0u8; 32]), 0x8a91_36aa);
    }

    #[test]
    fn two_parts_equal_one() {
        let bytes: Vec<u8> = (0..5000u32).map(|i| ((i * 31) >> 3) as u8).collect();
        for split in [0, 1, 40, 61, 4096, 5000] {
            assert_eq!(crc32c_of_two(&bytes[..split], &bytes[split..]), crc32c(&bytes), "split at {split}");
        }
    }
}
