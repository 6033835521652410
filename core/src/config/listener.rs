//! Listeners: `NAME://host:port`, their security protocols, and what must hold between them.

use std::collections::BTreeMap;
use std::fmt;
use std::net::Ipv6Addr;

/// How a listener is secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i16)]
pub enum SecurityProtocol {
    Plaintext = 0,
    Ssl = 1,
    SaslPlaintext = 2,
    SaslSsl = 3,
}

impl SecurityProtocol {
    fn parse(name: &str) -> Option<Self> {
        match name.to_ascii_uppercase().as_str() {
            "PLAINTEXT" => Some(SecurityProtocol::Plaintext),
            "SSL" => Some(SecurityProtocol::Ssl),
            "SASL_PLAINTEXT" => Some(SecurityProtocol::SaslPlaintext),
            "SASL_SSL" => Some(SecurityProtocol::SaslSsl),
            _ => None,
        }
    }
}

/// One address of a node under the name of its listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// In upper case.
    pub name: String,
    pub protocol: SecurityProtocol,
    /// `None`: every address where the node listens, its host name where it is advertised.
    pub host: Option<String>,
    /// 0 takes a free port when the node listens.
    pub port: u16,
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.host.as_deref().unwrap_or_default();
        if host.contains(':') {
            write!(f, "{}://[{host}]:{}", self.name, self.port)
        } else {
            write!(f, "{}://{host}:{}", self.name, self.port)
        }
    }
}

/// Listeners that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListenerError {
    #[error("{key}: {text} is not of the form NAME://host:port")]
    Form { key: &'static str, text: String },
    #[error("{key}: listener {name} has no entry in listener.security.protocol.map")]
    NoProtocol { key: &'static str, name: String },
    #[error("listener.security.protocol.map: {text} is not of the form NAME:PROTOCOL")]
    MapForm { text: String },
    #[error(
        "listener.security.protocol.map: {protocol} is not one of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL"
    )]
    UnknownProtocol { protocol: String },
    #[error("listener.security.protocol.map: {name} stands twice")]
    MappedTwice { name: String },
    #[error("{key}: listener {name} stands twice; each needs a name of its own")]
    NameTwice { key: &'static str, name: String },
    #[error("listeners: {first} and {second} share a port; only an IPv4 and an IPv6 address may")]
    PortTwice { first: String, second: String },
    #[error("advertised.listeners: 0.0.0.0 leads a client nowhere; give an address that clients can reach")]
    AdvertisedMetaAddress,
    #[error("advertised.listeners: {name} is not among listeners")]
    AdvertisedUnknown { name: String },
}

/// Listener names and their protocols.
pub(super) type ProtocolMap = BTreeMap<String, SecurityProtocol>;

/// Parses the elements of `listener.security.protocol.map`.
pub(super) fn parse_protocol_map(elements: &[String]) -> Result<ProtocolMap, ListenerError> {
    let mut map = ProtocolMap::new();
    for element in elements {
        let Some((name, protocol)) = element.split_once(':') else {
            return Err(ListenerError::MapForm { text: element.clone() });
        };
        let name = name.trim().to_ascii_uppercase();
        let protocol = protocol.trim();
        let Some(parsed) = SecurityProtocol::parse(protocol) else {
            return Err(ListenerError::UnknownProtocol { protocol: protocol.to_owned() });
        };
        if map.insert(name.clone(), parsed).is_some() {
            return Err(ListenerError::MappedTwice { name });
        }
    }
    Ok(map)
}

/// Parses the elements of `listeners` or `advertised.listeners`, which `key` says; names must differ.
pub(super) fn parse_listeners(
    key: &'static str,
    elements: &[String],
    protocols: &ProtocolMap,
) -> Result<Vec<Listener>, ListenerError> {
    let mut listeners: Vec<Listener> = Vec::new();
    for element in elements {
        let Some((name, host, port)) = split_endpoint(element) else {
            return Err(ListenerError::Form { key, text: element.clone() });
        };
        let name = name.to_ascii_uppercase();
        let Some(&protocol) = protocols.get(&name) else {
            return Err(ListenerError::NoProtocol { key, name });
        };
        if listeners.iter().any(|known| known.name == name) {
            return Err(ListenerError::NameTwice { key, name });
        }
        let host = (!host.is_empty()).then(|| host.to_owned());
        listeners.push(Listener { name, protocol, host, port });
    }
    Ok(listeners)
}

/// `NAME://host:port` with an IPv6 address in brackets or not.
fn split_endpoint(text: &str) -> Option<(&str, &str, u16)> {
    let (name, address) = text.split_once("://")?;
    let (host, port) = split_address(address)?;
    (!name.is_empty()).then_some((name, host, port))
}

/// `host:port`; the brackets of an IPv6 address are taken off.
pub(super) fn split_address(text: &str) -> Option<(&str, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    let host = host.strip_prefix('[').map_or(Some(host), |inner| inner.strip_suffix(']'))?;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-%._:".contains(&byte);
    host.bytes().all(fits).then_some(())?;
    Some((host, port.parse().ok()?))
}

/// Two listeners share a port only when one has an IPv4 and the other an IPv6 address, and no more than two.
pub(super) fn check_ports(listeners: &[Listener]) -> Result<(), ListenerError> {
    for (at, first) in listeners.iter().enumerate() {
        let same: Vec<_> = listeners[at + 1..].iter().filter(|other| other.port == first.port).collect();
        let apart = |second: &Listener| {
            family(first).is_some() && family(second).is_some_and(|f| Some(f) != family(first))
        };
        match same.as_slice() {
            [] => {}
            _ if first.port == 0 => {}
            [second] if apart(second) => {}
            [second, ..] => {
                return Err(ListenerError::PortTwice {
                    first: first.to_string(),
                    second: second.to_string(),
                });
            }
        }
    }
    Ok(())
}

/// `true` for an IPv6 and `false` for an IPv4 address; `None` for a name.
fn family(listener: &Listener) -> Option<bool> {
    let host = listener.host.as_deref()?;
    if host.parse::<Ipv6Addr>().is_ok() {
        Some(true)
    } else {
        host.parse::<std::net::Ipv4Addr>().ok().map(|_| false)
    }
}

/// Clients can reach what is advertised, and all of it is listened on.
pub(super) fn check_advertised(advertised: &[Listener], listeners: &[Listener]) -> Result<(), ListenerError> {
    for listener in advertised {
        if listener.host.as_deref() == Some("0.0.0.0") {
            return Err(ListenerError::AdvertisedMetaAddress);
        }
        if !listeners.iter().any(|own| own.name == listener.name) {
            return Err(ListenerError::AdvertisedUnknown { name: listener.name.clone() });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map() -> ProtocolMap {
        let elements = ["PLAINTEXT:PLAINTEXT", "controller:plaintext", "SSL:SSL"].map(str::to_owned);
        parse_protocol_map(&elements).unwrap()
    }

    fn parse(text: &str) -> Result<Vec<Listener>, ListenerError> {
        let elements: Vec<_> = text.split(',').map(str::to_owned).collect();
        parse_listeners("listeners", &elements, &map())
    }

    #[test]
    fn forms_of_a_listener() {
        let cases = [
            ("PLAINTEXT://127.0.0.1:9092", "PLAINTEXT://127.0.0.1:9092"),
            ("plaintext://:9092", "PLAINTEXT://:9092"),
            ("SSL://[::1]:0", "SSL://[::1]:0"),
            ("SSL://::1:9093", "SSL://[::1]:9093"),
            ("controller://host-1.example:65535", "CONTROLLER://host-1.example:65535"),
        ];
        for (text, shown) in cases {
            assert_eq!(parse(text).unwrap()[0].to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_listener() {
        let form = |text: &str| ListenerError::Form { key: "listeners", text: text.to_owned() };
        for text in
            ["garbage", "://a:1", "SSL://a", "SSL://a:65536", "SSL://a:-1", "SSL://[::1:5", "SSL://a/b:1"]
        {
            assert_eq!(parse(text), Err(form(text)));
        }
        let twice = ListenerError::NameTwice { key: "listeners", name: "SSL".to_owned() };
        assert_eq!(parse("SSL://:1,ssl://:2"), Err(twice));
        let unmapped = ListenerError::NoProtocol { key: "listeners", name: "FOO".to_owned() };
        assert_eq!(parse("FOO://:1"), Err(unmapped));
    }

    #[test]
    fn ports() {
        let cases = [
            ("PLAINTEXT://:1,SSL://:2", true),
            ("PLAINTEXT://:0,SSL://:0", true),
            ("PLAINTEXT://:1,SSL://:1", false),
            ("PLAINTEXT://127.0.0.1:1,SSL://[::1]:1", true),
            ("PLAINTEXT://127.0.0.1:1,SSL://127.0.0.2:1", false),
            ("PLAINTEXT://127.0.0.1:1,SSL://[::1]:1,CONTROLLER://[::2]:1", false),
            ("PLAINTEXT://a:1,SSL://[::1]:1", false),
        ];
        for (text, good) in cases {
            assert_eq!(check_ports(&parse(text).unwrap()).is_ok(), good, "{text}");
        }
    }

    #[test]
    fn a_protocol_map_is_checked() {
        let bad = [
            ("A", ListenerError::MapForm { text: "A".to_owned() }),
            ("A:NOPE", ListenerError::UnknownProtocol { protocol: "NOPE".to_owned() }),
        ];
        for (text, error) in bad {
            assert_eq!(parse_protocol_map(&[text.to_owned()]), Err(error));
        }
        let twice = ["A:SSL".to_owned(), "a:SSL".to_owned()];
        assert_eq!(parse_protocol_map(&twice), Err(ListenerError::MappedTwice { name: "A".to_owned() }));
    }
}
