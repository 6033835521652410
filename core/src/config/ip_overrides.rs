//! `max.connections.per.ip.overrides`: addresses that may have another number of connections.

use std::{collections::HashMap, net::IpAddr};

/// What the addresses of an override list may have, and its elements that are no `address:count`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IpOverrides {
    pub counts: HashMap<IpAddr, usize>,
    pub unreadable: Vec<String>,
}

impl IpOverrides {
    /// Reads `address:count` separated by commas. The count follows the last colon; an IPv6 address may stand in brackets.
    pub fn parse(text: &str) -> Self {
        let mut overrides = Self::default();
        for element in text.split(',').map(str::trim).filter(|element| !element.is_empty()) {
            match parse_element(element) {
                Some((address, count)) => {
                    overrides.counts.insert(address, count);
                }
                None => overrides.unreadable.push(element.to_owned()),
            }
        }
        overrides
    }
}

fn parse_element(element: &str) -> Option<(IpAddr, usize)> {
    let (address, count) = element.rsplit_once(':')?;
    let address = address.trim().trim_start_matches('[').trim_end_matches(']');
    let address = if address == "localhost" { "127.0.0.1" } else { address };
    let count: i32 = count.trim().parse().ok()?;
    Some((address.parse().ok()?, usize::try_from(count).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_both_kinds() {
        let read = IpOverrides::parse(" 10.0.0.1:5, [::1]:7,::2:9,localhost:3,,");
        let expected = [("10.0.0.1", 5), ("::1", 7), ("::2", 9), ("127.0.0.1", 3)];
        let expected = expected.map(|(address, count)| (address.parse().expect("an address"), count));
        assert_eq!(read, IpOverrides { counts: expected.into(), unreadable: Vec::new() });
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        let read = IpOverrides::parse("a.example:5,10.0.0.1,10.0.0.2:x,10.0.0.3:-1");
        assert!(read.counts.is_empty());
        assert_eq!(read.unreadable, ["a.example:5", "10.0.0.1", "10.0.0.2:x", "10.0.0.3:-1"]);
    }
}
