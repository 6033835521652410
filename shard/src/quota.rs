//! Client quotas of this shard's connections: what binds a client, charging what it uses, and muting it.
//!
//! The use of one quota is counted by one shard, whichever shards its clients are connected to: a hash of whom it binds says
//! which. A client that no quota binds costs a look at an empty map.

use std::{
    cell::{Cell, RefCell},
    future::{Future, poll_fn},
    pin::pin,
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use jackdaw_core::{
    metadata::ClientQuotas,
    quota::{Charge, ClientLimits, Keep, Limit, QuotaKind},
};
use jackdaw_ring::{Instant, now};

use crate::{
    message::{Call, Reply},
    shard::Shard,
};

/// Who everybody is on a listener without authentication.
const ANONYMOUS: &str = "ANONYMOUS";

/// A percent of a core's time for a second.
const NANOS_PER_PERCENT: f64 = 1e7;

/// What is known of one connection's quotas.
#[derive(Debug, Default)]
pub(crate) struct ConnectionQuotas {
    mute: Rc<Mute>,
    /// What bound its last request: the next mostly has the same client id.
    last: RefCell<Option<Known>>,
}

/// Until when a connection is not read from; the start of time where it is.
#[derive(Debug, Default)]
struct Mute(Cell<Instant>);

#[derive(Debug)]
struct Known {
    quotas: Arc<ClientQuotas>,
    client_id: Option<String>,
    limits: Rc<ClientLimits>,
}

/// What binds one request.
#[derive(Clone, Debug)]
pub(crate) struct RequestQuotas {
    limits: Rc<ClientLimits>,
    mute: Rc<Mute>,
}

impl ConnectionQuotas {
    /// The quotas of a request with this client id; `None` where it has none.
    pub(crate) fn of_request(&self, shard: &Shard, client_id: Option<&str>) -> Option<RequestQuotas> {
        let quotas = shard.client_quotas()?;
        let mut last = self.last.borrow_mut();
        let known = last
            .take()
            .filter(|known| Arc::ptr_eq(&known.quotas, &quotas) && known.client_id.as_deref() == client_id);
        let known = known.unwrap_or_else(|| Known {
            limits: Rc::new(ClientLimits::new(&quotas, ANONYMOUS, client_id.unwrap_or_default())),
            client_id: client_id.map(str::to_owned),
            quotas,
        });
        let limits = Rc::clone(&last.insert(known).limits);
        (!limits.is_empty()).then(|| RequestQuotas { limits, mute: Rc::clone(&self.mute) })
    }

    /// Until when nothing is read; `None` where nothing stands against it.
    pub(crate) fn muted_until(&self) -> Option<Instant> {
        let until = self.mute.0.get();
        (until > Instant::default() && until > now()).then_some(until)
    }
}

impl RequestQuotas {
    pub(crate) fn limit(&self, kind: QuotaKind) -> Option<&Limit> {
        self.limits.of(kind)
    }

    /// Read nothing from the connection for so long.
    pub(crate) fn mute(&self, throttle_ms: u32) {
        if throttle_ms > 0 {
            let until = now() + Duration::from_millis(throttle_ms.into());
            self.mute.0.set(self.mute.0.get().max(until));
        }
    }

    /// Charge what a request used; for how long its client has to wait.
    pub(crate) async fn charge(&self, shard: &Rc<Shard>, kind: QuotaKind, value: f64, keep: Keep) -> u32 {
        match self.limit(kind) {
            None => 0,
            Some(limit) => charge(shard, limit, kind, value, keep).await,
        }
    }

    /// Charge a core's time.
    pub(crate) async fn charge_time(&self, shard: &Rc<Shard>, took: Duration) -> u32 {
        let percent_seconds = took.as_nanos() as f64 / NANOS_PER_PERCENT;
        self.charge(shard, QuotaKind::Request, percent_seconds, Keep::Always).await
    }
}

/// Charge one use of a quota with the shard that counts it.
pub(crate) async fn charge(shard: &Rc<Shard>, limit: &Limit, kind: QuotaKind, value: f64, keep: Keep) -> u32 {
    let charge = Charge { scope: Arc::clone(&limit.scope), kind, bound: limit.bound, value, keep };
    let owner = (limit.scope.spread() % shard.rpc.shards() as u64) as usize;
    if owner == shard.rpc.own() {
        return shard.charge(&charge);
    }
    match shard.rpc.call(owner, Call::Quota(charge)).await {
        Reply::Quota { throttle_ms } => throttle_ms,
        _ => 0,
    }
}

impl Shard {
    /// Charge what this shard counts.
    pub(crate) fn charge(&self, charge: &Charge) -> u32 {
        self.quota_ledger.borrow_mut().charge(charge, now().as_millis()).throttle_ms
    }
}

/// What a future gives, and for how long it kept this core busy.
pub(crate) async fn measured<T>(future: impl Future<Output = T>) -> (T, Duration) {
    let mut future = pin!(future);
    let mut busy = Duration::ZERO;
    let output = poll_fn(|context| {
        let begun = now();
        let polled = future.as_mut().poll(context);
        busy += now().since(begun);
        polled
    })
    .await;
    (output, busy)
}

/// As the wire has it.
pub(crate) fn throttle_time(throttle_ms: u32) -> i32 {
    i32::try_from(throttle_ms).unwrap_or(i32::MAX)
}
