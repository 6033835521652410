//! How many connections there may be, and files beside them: what the configuration says, and what the process may open.

use std::{
    cell::RefCell,
    net::{IpAddr, SocketAddr},
    rc::Rc,
};

use jackdaw_core::config::IpOverrides;
use jackdaw_net::listener::Allowed;
use jackdaw_ring::descriptor_limit;
use jackdaw_storage::OpenFiles;

use crate::{
    limits::{DESCRIPTORS_RESERVED, SHARD_DESCRIPTORS_RESERVED},
    shard::Shard,
};

/// What is asked when a connection is accepted.
pub(crate) struct ConnectionLimits {
    shard: Rc<Shard>,
    /// What the limit on descriptors leaves for connections.
    descriptors: usize,
    /// The overrides as they were read last, and their text.
    overrides: RefCell<(String, IpOverrides)>,
}

/// How the limit on descriptors is divided.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct DescriptorShares {
    /// For the files of segments, each shard.
    pub(crate) files_of_shard: usize,
    /// For connections, of all shards.
    pub(crate) connections: usize,
}

impl DescriptorShares {
    /// Half of what is left after the node's own needs is for files, half for connections.
    pub(crate) fn of(limit: Option<usize>, shards: usize) -> Self {
        let Some(limit) = limit else {
            return Self { files_of_shard: usize::MAX, connections: usize::MAX };
        };
        let free = limit.saturating_sub(DESCRIPTORS_RESERVED + shards * SHARD_DESCRIPTORS_RESERVED);
        Self { files_of_shard: free / 2 / shards.max(1), connections: (free - free / 2).max(1) }
    }
}

/// Bound the files that this shard keeps open. The first shard says so where that is less than what its partitions take
/// when they are all in use.
pub(crate) fn bound_open_files(shards: usize, partitions: Option<usize>) {
    const FILES_IN_USE: usize = 3;
    let limit = descriptor_limit();
    let shares = DescriptorShares::of(limit, shards);
    OpenFiles::own().set_max(shares.files_of_shard);
    let (Some(partitions), Some(limit)) = (partitions, limit) else { return };
    let files = shares.files_of_shard.saturating_mul(shards);
    if partitions.saturating_mul(FILES_IN_USE) > files {
        tracing::warn!(
            limit,
            partitions,
            in_use_at_once = files / FILES_IN_USE,
            connections = shares.connections,
            "the limit on open files is short: all partitions are served, but files are closed and opened again where \
             more of them are in use at once; raise it (`ulimit -n`, LimitNOFILE=)"
        );
    }
}

impl ConnectionLimits {
    pub(crate) fn new(shard: Rc<Shard>) -> Self {
        let descriptors = DescriptorShares::of(descriptor_limit(), shard.rpc.shards()).connections;
        Self { shard, descriptors, overrides: RefCell::default() }
    }

    /// What is allowed when a connection of `peer` comes.
    pub(crate) fn allowed(&self, peer: SocketAddr) -> Allowed {
        let int = |name| usize::try_from(self.shard.int_in_effect(name)).unwrap_or(0);
        Allowed {
            connections: int("max.connections"),
            descriptors: self.descriptors,
            of_address: self.overridden(peer.ip()).unwrap_or_else(|| int("max.connections.per.ip")),
            creation_rate: int("max.connection.creation.rate") as u64,
        }
    }

    fn overridden(&self, address: IpAddr) -> Option<usize> {
        let text = self.shard.text_in_effect("max.connections.per.ip.overrides");
        let mut known = self.overrides.borrow_mut();
        if known.0 != text {
            let read = IpOverrides::parse(&text);
            if !read.unreadable.is_empty() {
                tracing::warn!(
                    ignored = read.unreadable.join(","),
                    "max.connections.per.ip.overrides: what is not of the form address:count is ignored; names of \
                     hosts are not looked up"
                );
            }
            *known = (text, read);
        }
        known.1.counts.get(&address).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_leaves_room_for_files_and_for_connections() {
        let shares = DescriptorShares::of(Some(20_000), 2);
        assert!(shares.files_of_shard > 4_900 && shares.connections > 9_800, "{shares:?}");
        assert!(2 * shares.files_of_shard + shares.connections < 20_000);
        let few = DescriptorShares::of(Some(256), 2);
        assert!(few.connections >= 1 && few.files_of_shard < 64, "{few:?}");
        let any = DescriptorShares::of(None, 2);
        assert_eq!((any.files_of_shard, any.connections), (usize::MAX, usize::MAX));
    }
}
