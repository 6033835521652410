//! What a fetch uses of its client's quotas. One that is over them is answered at once, and without records.

use std::{rc::Rc, time::Duration};

use jackdaw_core::quota::{Keep, QuotaKind};

use crate::{
    message::{Fetched, FetchedData},
    quota::RequestQuotas,
    shard::Shard,
};

/// What an answer takes besides its records, about: itself, and each partition that has any.
const RESPONSE_BYTES: usize = 32;
const PARTITION_BYTES: usize = 64;

/// More than this could never be sent without a wait, so no more is read.
pub(super) fn most_at_once(shard: &Shard, quotas: Option<&RequestQuotas>) -> usize {
    let Some(limit) = quotas.and_then(|quotas| quotas.limit(QuotaKind::Fetch)) else { return usize::MAX };
    shard.quota_ledger.borrow().windows().most_at_once(limit.bound) as usize
}

/// Charge the answer and the time it took; for how long the client has to wait, which mutes the connection. What is not
/// sent is not kept as used.
pub(super) async fn charge(
    shard: &Rc<Shard>,
    quotas: &RequestQuotas,
    fetched: &[Fetched],
    took: Duration,
) -> u32 {
    let of_time = quotas.charge_time(shard, took).await;
    let keep = if of_time > 0 { Keep::Never } else { Keep::Unthrottled };
    let of_bytes = quotas.charge(shard, QuotaKind::Fetch, size_bytes(fetched) as f64, keep).await;
    let throttle_ms = of_time.max(of_bytes);
    quotas.mute(throttle_ms);
    throttle_ms
}

fn size_bytes(fetched: &[Fetched]) -> usize {
    let sizes = fetched.iter().map(|fetched| fetched.data.size_bytes());
    sizes.filter(|size| *size > 0).map(|size| size + PARTITION_BYTES).sum::<usize>() + RESPONSE_BYTES
}

/// Let go of what was read.
pub(super) fn empty(fetched: &mut [Fetched]) {
    fetched.iter_mut().for_each(|fetched| fetched.data = FetchedData::None);
}
