//! Records that the page cache does not have: memory is set aside for them first, and they are read as far as it goes.

use std::{collections::BTreeMap, rc::Rc};

use jackdaw_net::budget::Permit;
use jackdaw_ring::spawn;

use super::{
    plan::Plan,
    read::{ask, take},
};
use crate::{
    limits::COLD_READ_LEAST_BYTES,
    message::{FetchCall, FetchRead, Fetched, FetchedData},
    shard::Shard,
};

/// Read what is cold in `fetched`. The memory is this shard's, wherever the records are read: here they are held until
/// the answer has been sent. Where it is short, less is read, but never nothing.
pub(super) async fn fill(shard: &Rc<Shard>, plan: &Plan, fetched: &mut [Fetched]) -> Option<Permit> {
    let mut least = first_size(fetched)?.min(COLD_READ_LEAST_BYTES);
    let mut memory = shard.memory.answer_permit();
    let mut set_aside = 0;
    loop {
        let wanted = fetched.iter().filter_map(cold_size).sum::<usize>();
        set_aside += memory.grow_up_to(least - set_aside, wanted.saturating_sub(set_aside)).await;
        let calls = calls(plan, fetched, set_aside);
        // A task of its own: if the client goes, the memory is held until the disk is done with it.
        let asking = Rc::clone(shard);
        let read = spawn(async move { (ask(&asking, calls).await, memory) });
        let (replies, held) = read.await;
        memory = held;
        replies.into_iter().for_each(|reply| take(fetched, reply));
        let first = first_size(fetched);
        if fetched.iter().any(has_data) || first.is_none() {
            break;
        }
        // Its first batch is larger than what was set aside.
        least = first.unwrap_or(0).max(set_aside);
    }
    let read: usize = fetched.iter().map(in_memory).sum();
    memory.shrink(set_aside.saturating_sub(read));
    for partition in fetched {
        if cold_size(partition).is_some() {
            partition.data = FetchedData::None;
        }
    }
    Some(memory)
}

/// The cold partitions by owner, in the request's order, until the memory is used up.
fn calls(plan: &Plan, fetched: &[Fetched], memory_bytes: usize) -> Vec<(usize, FetchCall)> {
    let mut left = memory_bytes;
    let mut allowed = BTreeMap::new();
    for partition in fetched {
        let size_bytes = cold_size(partition).unwrap_or(0).min(left);
        if size_bytes > 0 {
            allowed.insert(partition.index, size_bytes);
            left -= size_bytes;
        }
    }
    let calls = plan.calls.iter().map(|(owner, call)| {
        let reads = call.reads.iter().filter_map(|read| {
            allowed.get(&read.index).map(|max_bytes| FetchRead { max_bytes: *max_bytes, ..*read })
        });
        let reads: Vec<_> = reads.collect();
        let max_bytes = reads.iter().map(|read| read.max_bytes).sum();
        (*owner, FetchCall { watch: None, max_bytes, memory_bytes: max_bytes, reads, ..*call })
    });
    calls.filter(|(_, call)| !call.reads.is_empty()).collect()
}

fn cold_size(fetched: &Fetched) -> Option<usize> {
    match fetched.data {
        FetchedData::Cold { size_bytes } => Some(size_bytes),
        _ => None,
    }
}

fn first_size(fetched: &[Fetched]) -> Option<usize> {
    fetched.iter().find_map(cold_size)
}

fn has_data(fetched: &Fetched) -> bool {
    cold_size(fetched).is_none() && fetched.data.size_bytes() > 0
}

fn in_memory(fetched: &Fetched) -> usize {
    match &fetched.data {
        FetchedData::Memory(bytes) => bytes.len(),
        _ => 0,
    }
}
