//! A broker's address as it is written on the command line: `HOST[:PORT]`.

use std::fmt;
use std::str::FromStr;

pub(crate) const DEFAULT_PORT: u16 = 9092;

/// Host and port; the host is resolved when a connection is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// The text is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write HOST:PORT, such as 127.0.0.1:9092 or [::1]:9092")]
pub(crate) struct InvalidAddress;

impl FromStr for Address {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let text = text.trim();
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, after) = rest.split_once(']').ok_or(InvalidAddress)?;
                (
                    host,
                    if after.is_empty() {
                        None
                    } else {
                        Some(after.strip_prefix(':').ok_or(InvalidAddress)?)
                    },
                )
            }
            None => match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            },
        };
        let port = port.map_or(Ok(DEFAULT_PORT), |port| port.parse().map_err(|_| InvalidAddress))?;
        let is_host = !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || c == '/');
        if is_host && port != 0 { Ok(Self { host: host.to_owned(), port }) } else { Err(InvalidAddress) }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_printed() {
        let cases = [
            ("localhost", Some("localhost:9092")),
            ("127.0.0.1:19092", Some("127.0.0.1:19092")),
            (" broker-1:9093 ", Some("broker-1:9093")),
            ("[::1]:9094", Some("[::1]:9094")),
            ("[::1]", Some("[::1]:9092")),
            ("", None),
            (":9092", None),
            ("host:", None),
            ("host:0", None),
            ("host:70000", None),
            ("::1", None),
            ("[::1]9092", None),
            ("http://host:9092", None),
        ];
        for (text, printed) in cases {
            let address = text.parse::<Address>().ok().map(|address| address.to_string());
            assert_eq!(address.as_deref(), printed, "{text}");
        }
    }
}
