//! Who votes on metadata: this node alone, a fixed set, or a set that is asked for.

use super::listener::split_address;

/// A voter of a fixed quorum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voter {
    pub id: i32,
    pub host: String,
    pub port: u16,
}

/// Where the voters are known from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Quorum {
    /// Nothing was said about a cluster: this node is the only voter and needs no listener for controllers.
    Alone,
    /// `controller.quorum.voters`.
    Fixed(Vec<Voter>),
    /// `controller.quorum.bootstrap.servers`: host and port of nodes that know the voters.
    Bootstrap(Vec<(String, u16)>),
}

/// Values that describe no quorum.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuorumError {
    #[error("controller.quorum.voters: {text} is not of the form id@host:port")]
    VoterForm { text: String },
    #[error("controller.quorum.voters: voter {id} stands twice")]
    VoterTwice { id: i32 },
    #[error("controller.quorum.bootstrap.servers: {text} is not of the form host:port")]
    AddressForm { text: String },
}

/// Parses the elements of `controller.quorum.voters`.
pub(super) fn parse_voters(elements: &[String]) -> Result<Vec<Voter>, QuorumError> {
    let mut voters: Vec<Voter> = Vec::new();
    for element in elements {
        let Some(voter) = parse_voter(element) else {
            return Err(QuorumError::VoterForm { text: element.clone() });
        };
        if voters.iter().any(|known| known.id == voter.id) {
            return Err(QuorumError::VoterTwice { id: voter.id });
        }
        voters.push(voter);
    }
    Ok(voters)
}

fn parse_voter(text: &str) -> Option<Voter> {
    let (id, address) = text.split_once('@')?;
    let id = id.trim().parse().ok().filter(|&id: &i32| id >= 0)?;
    let (host, port) = split_address(address)?;
    (!host.is_empty()).then(|| Voter { id, host: host.to_owned(), port })
}

/// Parses the elements of `controller.quorum.bootstrap.servers`.
pub(super) fn parse_addresses(elements: &[String]) -> Result<Vec<(String, u16)>, QuorumError> {
    let parse = |text: &String| match split_address(text) {
        Some((host, port)) if !host.is_empty() => Ok((host.to_owned(), port)),
        _ => Err(QuorumError::AddressForm { text: text.clone() }),
    };
    elements.iter().map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn voters() {
        let good = parse_voters(&["1@a:9093".to_owned(), "2@[::1]:9094".to_owned()]).unwrap();
        let shown: Vec<_> = good.iter().map(|v| (v.id, v.host.as_str(), v.port)).collect();
        assert_eq!(shown, [(1, "a", 9093), (2, "::1", 9094)]);
        for text in ["a:9093", "x@a:1", "-1@a:1", "1@a", "1@:5"] {
            assert_eq!(
                parse_voters(&[text.to_owned()]),
                Err(QuorumError::VoterForm { text: text.to_owned() })
            );
        }
        let twice = ["1@a:1".to_owned(), "1@b:1".to_owned()];
        assert_eq!(parse_voters(&twice), Err(QuorumError::VoterTwice { id: 1 }));
    }

    #[test]
    fn bootstrap_addresses() {
        assert_eq!(parse_addresses(&["a:1".to_owned()]), Ok(vec![("a".to_owned(), 1)]));
        assert_eq!(
            parse_addresses(&["a".to_owned()]),
            Err(QuorumError::AddressForm { text: "a".to_owned() })
        );
    }
}
