//! Which quota binds a client: of those that fit it the most particular one, each kind on its own.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use super::QuotaKind;
use crate::metadata::{ClientQuotas, QuotaEntity};

const USER: &str = "user";
const CLIENT_ID: &str = "client-id";
const IP: &str = "ip";

/// Kafka's default of `connection_creation_rate`, which stands for none.
const NO_CONNECTION_RATE: f64 = i32::MAX as f64;

/// Whose use is counted together. A default binds each user or client id on its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum QuotaScope {
    /// `None` where the quota says nothing of it.
    Client {
        user: Option<String>,
        client_id: Option<String>,
    },
    Address(IpAddr),
}

impl QuotaScope {
    /// A number that is the same on every shard: who counts this use.
    pub fn spread(&self) -> u64 {
        match self {
            Self::Client { user, client_id } => {
                let user = user.iter().flat_map(|user| user.bytes());
                let client_id = client_id.iter().flat_map(|client_id| client_id.bytes());
                hash(user.chain([0]).chain(client_id))
            }
            Self::Address(IpAddr::V4(address)) => hash(address.octets()),
            Self::Address(IpAddr::V6(address)) => hash(address.octets()),
        }
    }
}

/// FNV-1a with a last mix, for a remainder by a small number.
fn hash(bytes: impl IntoIterator<Item = u8>) -> u64 {
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    let hash = bytes.into_iter().fold(0xcbf2_9ce4_8422_2325, mix);
    hash ^ (hash >> 32)
}

/// A quota that binds somebody.
#[derive(Clone, Debug, PartialEq)]
pub struct Limit {
    pub scope: Arc<QuotaScope>,
    /// A second; above 0.
    pub bound: f64,
}

/// What binds one client.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClientLimits {
    pub produce: Option<Limit>,
    pub fetch: Option<Limit>,
    pub request: Option<Limit>,
    pub controller_mutation: Option<Limit>,
}

impl ClientLimits {
    /// The quotas of a user with a client id, which is empty where the client names none.
    pub fn new(quotas: &ClientQuotas, user: &str, client_id: &str) -> Self {
        let candidates = candidates(user, client_id);
        let found: Vec<_> = candidates
            .iter()
            .filter_map(|(entity, scope)| quotas.of(entity).map(|values| (values, scope)))
            .collect();
        let limit = |kind: QuotaKind| {
            found.iter().find_map(|(values, scope)| {
                let bound = values.get(kind.key()).copied().filter(|bound| *bound > 0.0)?;
                Some(Limit { scope: Arc::clone(scope), bound })
            })
        };
        Self {
            produce: limit(QuotaKind::Produce),
            fetch: limit(QuotaKind::Fetch),
            request: limit(QuotaKind::Request),
            controller_mutation: limit(QuotaKind::ControllerMutation),
        }
    }

    pub fn of(&self, kind: QuotaKind) -> Option<&Limit> {
        match kind {
            QuotaKind::Produce => self.produce.as_ref(),
            QuotaKind::Fetch => self.fetch.as_ref(),
            QuotaKind::Request => self.request.as_ref(),
            QuotaKind::ControllerMutation => self.controller_mutation.as_ref(),
            QuotaKind::Connection => None,
        }
    }

    /// Whether nothing binds the client.
    pub fn is_empty(&self) -> bool {
        QuotaKind::OF_CLIENTS.into_iter().all(|kind| self.of(kind).is_none())
    }
}

/// The entities that fit a client, the first that has a quota going before the others, and whose use it counts.
fn candidates(user: &str, client_id: &str) -> [(QuotaEntity, Arc<QuotaScope>); 8] {
    let scope = |user: Option<&str>, client_id: Option<&str>| {
        Arc::new(QuotaScope::Client {
            user: user.map(str::to_owned),
            client_id: client_id.map(str::to_owned),
        })
    };
    let both = scope(Some(user), Some(client_id));
    let of_user = scope(Some(user), None);
    let of_client_id = scope(None, Some(client_id));
    [
        (entity(&[(USER, Some(user)), (CLIENT_ID, Some(client_id))]), Arc::clone(&both)),
        (entity(&[(USER, Some(user)), (CLIENT_ID, None)]), Arc::clone(&both)),
        (entity(&[(USER, Some(user))]), Arc::clone(&of_user)),
        (entity(&[(USER, None), (CLIENT_ID, Some(client_id))]), Arc::clone(&both)),
        (entity(&[(USER, None), (CLIENT_ID, None)]), both),
        (entity(&[(USER, None)]), of_user),
        (entity(&[(CLIENT_ID, Some(client_id))]), Arc::clone(&of_client_id)),
        (entity(&[(CLIENT_ID, None)]), of_client_id),
    ]
}

fn entity(parts: &[(&str, Option<&str>)]) -> QuotaEntity {
    let part = |(kind, name): &(&str, Option<&str>)| ((*kind).to_owned(), name.map(str::to_owned));
    parts.iter().map(part).collect::<BTreeMap<_, _>>()
}

/// How many connections a second an address may open: its own quota, else the default.
pub fn address_limit(quotas: &ClientQuotas, address: IpAddr) -> Option<Limit> {
    let address = address.to_canonical();
    let own = address.to_string();
    let found = quotas.of(&entity(&[(IP, Some(&own))])).or_else(|| quotas.of(&entity(&[(IP, None)])))?;
    let bound = found.get(QuotaKind::Connection.key()).copied()?;
    let is_limit = bound > 0.0 && bound < NO_CONNECTION_RATE;
    is_limit.then(|| Limit { scope: Arc::new(QuotaScope::Address(address)), bound })
}
