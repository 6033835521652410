//! Ids of classic members.

use std::fmt::Write;

/// The name that the member goes by, and a random UUID.
pub(super) fn new_member_id(name: &str, random: [u64; 2]) -> String {
    let [high, low] = random;
    let bits = (u128::from(high) << 64) | u128::from(low);
    // Version 4, variant 1.
    let bits = (bits & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let mut id = format!("{name}-");
    for (index, byte) in bits.to_be_bytes().into_iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            id.push('-');
        }
        let _ = write!(id, "{byte:02x}");
    }
    id
}
