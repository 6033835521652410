//! Quotas: waits as Kafka computes them, which quota binds whom, and what is forgotten.

use std::{net::IpAddr, sync::Arc};

use super::*;
use crate::{
    metadata::ClientQuotas,
    protocol::records::metadata::{ClientQuotaRecord, EntityData},
};

const WINDOWS: Windows = Windows { count: 11, size_ms: 1000 };

fn scope(client_id: &str) -> Arc<QuotaScope> {
    Arc::new(QuotaScope::Client { user: None, client_id: Some(client_id.to_owned()) })
}

fn charge(kind: QuotaKind, bound: f64, value: f64, keep: Keep) -> Charge {
    Charge { scope: scope("c"), kind, bound, value, keep }
}

/// The waits that follow from uses at these moments.
fn waits(kind: QuotaKind, bound: f64, keep: Keep, uses: &[(u64, f64)]) -> Vec<u32> {
    let mut ledger = Ledger::new(WINDOWS, WINDOWS);
    let wait =
        |(at_ms, value): &(u64, f64)| ledger.charge(&charge(kind, bound, *value, keep), *at_ms).throttle_ms;
    uses.iter().map(wait).collect()
}

#[test]
fn a_rate_is_weighed_against_the_whole_span() {
    use Keep::Always;
    use QuotaKind::{Connection, Produce, Request};
    // 10,000 bytes in the ten seconds before the current window are 1,000 a second: just not too many.
    assert_eq!(waits(Produce, 1000.0, Always, &[(5000, 10_000.0), (5000, 1.0)]), [0, 1]);
    // 20,000 are twice the quota: as long again as they were weighed against.
    assert_eq!(waits(Produce, 1000.0, Always, &[(5000, 20_000.0)]), [10_000]);
    // 300 ms later they are weighed against 10.3 seconds.
    assert_eq!(waits(Produce, 1000.0, Always, &[(5000, 20_000.0), (5300, 0.0)]), [10_000, 9700]);
    // After the wait the quota is kept, and a second later it is forgotten.
    assert_eq!(waits(Produce, 1000.0, Always, &[(0, 20_000.0), (10_500, 0.0)]), [10_000, 9500]);
    assert_eq!(waits(Produce, 1000.0, Always, &[(0, 20_000.0), (11_000, 0.0)]), [10_000, 0]);
    // Nobody waits longer than a window for time that he took, nor for connections.
    assert_eq!(waits(Request, 1.0, Always, &[(0, 1000.0)]), [1000]);
    assert_eq!(waits(Connection, 1.0, Always, &[(0, 10.0), (0, 0.5)]), [0, 500]);
    // An integer's range is not left.
    assert_eq!(waits(Produce, 1e-9, Always, &[(0, 1e12)]), [i32::MAX.unsigned_abs()]);
}

#[test]
fn what_is_not_kept_is_not_counted() {
    let uses = [(0, 9000.0), (10, 2000.0), (20, 1000.0), (30, 1.0)];
    // 11,000 are too many and taken back; 10,000 are not, a little more is.
    assert_eq!(waits(QuotaKind::Fetch, 1000.0, Keep::Unthrottled, &uses), [0, 990, 0, 0]);
    assert_eq!(waits(QuotaKind::Fetch, 1000.0, Keep::Never, &uses), [0, 0, 0, 0]);
}

#[test]
fn a_bucket_may_be_brought_into_debt_once() {
    use QuotaKind::ControllerMutation;
    // Full it has 11; whoever meets it without debt may take as many as he likes, and who comes next waits.
    let uses = [(0, 12.0), (0, 1.0), (400, 1.0), (1000, 3.0), (1000, 1.0)];
    assert_eq!(waits(ControllerMutation, 1.0, Keep::Unthrottled, &uses), [0, 1000, 600, 0, 3000]);
    // Who cannot be refused is told at once.
    let uses = [(0, 11.0), (0, 1.0), (500, 1.0)];
    assert_eq!(waits(ControllerMutation, 1.0, Keep::Always, &uses), [0, 1000, 1500]);
    // It is never more than full.
    let uses = [(0, 1.0), (1_000_000, 12.0)];
    assert_eq!(waits(ControllerMutation, 1.0, Keep::Always, &uses), [0, 1000]);
}

#[test]
fn what_is_remembered_is_bounded() {
    let mut ledger = Ledger::new(WINDOWS, WINDOWS).with_scopes_max(2);
    let mut used = |client_id: &str, at_ms: u64| {
        let charge =
            Charge { scope: scope(client_id), ..charge(QuotaKind::Produce, 1.0, 20.0, Keep::Always) };
        (ledger.charge(&charge, at_ms).throttle_ms, ledger.len())
    };
    assert_eq!(used("a", 0), (10_000, 1));
    assert_eq!(used("b", 1000), (10_000, 2));
    assert_eq!(used("c", 2000), (0, 2), "no room, so nobody counts");
    assert_eq!(used("a", 2000).1, 2, "who is known is counted");
    assert_eq!(used("c", 12_500), (10_000, 2), "b counts no more");
}

/// The kinds and names of an entity, a key and its value.
type Entry<'a> = (&'a [(&'a str, Option<&'a str>)], &'a str, f64);

fn quotas(entries: &[Entry<'_>]) -> ClientQuotas {
    let mut quotas = ClientQuotas::default();
    for (entity, key, value) in entries {
        let part = |(kind, name): &(&str, Option<&str>)| EntityData {
            entity_type: (*kind).to_owned(),
            entity_name: name.map(str::to_owned),
        };
        let entity = entity.iter().map(part).collect();
        quotas.replay(&ClientQuotaRecord { entity, key: (*key).to_owned(), value: *value, remove: false });
    }
    quotas
}

#[test]
fn the_most_particular_quota_binds() {
    let key = "producer_byte_rate";
    let entities: [&[(&str, Option<&str>)]; 8] = [
        &[("user", Some("u")), ("client-id", Some("c"))],
        &[("user", Some("u")), ("client-id", None)],
        &[("user", Some("u"))],
        &[("user", None), ("client-id", Some("c"))],
        &[("user", None), ("client-id", None)],
        &[("user", None)],
        &[("client-id", Some("c"))],
        &[("client-id", None)],
    ];
    let shares = [(true, true), (true, true), (true, false), (true, true), (true, true), (true, false)];
    let shares = shares.into_iter().chain([(false, true), (false, true)]);
    for (first, (has_user, has_client_id)) in shares.enumerate() {
        let entries: Vec<_> = (first..8).map(|index| (entities[index], key, (index + 1) as f64)).collect();
        let limits = ClientLimits::new(&quotas(&entries), "u", "c");
        let limit = limits.produce.as_ref().unwrap();
        let client = |has: bool, name: &str| has.then(|| name.to_owned());
        let expected =
            QuotaScope::Client { user: client(has_user, "u"), client_id: client(has_client_id, "c") };
        assert_eq!((limit.bound, &*limit.scope), ((first + 1) as f64, &expected));
        assert_eq!(limits.fetch, None, "each kind on its own");
    }
    let others = quotas(&[(&[("user", Some("v"))], key, 1.0), (&[("client-id", Some("d"))], key, 1.0)]);
    assert!(ClientLimits::new(&others, "u", "c").is_empty());
}

#[test]
fn an_address_has_its_own_quota_or_the_default() {
    let key = "connection_creation_rate";
    let address = |text: &str| text.parse::<IpAddr>().unwrap();
    let both = quotas(&[(&[("ip", Some("1.2.3.4"))], key, 5.0), (&[("ip", None)], key, 6.0)]);
    let bound = |quotas: &ClientQuotas, text| address_limit(quotas, address(text)).map(|limit| limit.bound);
    assert_eq!(bound(&both, "1.2.3.4"), Some(5.0));
    assert_eq!(bound(&both, "::ffff:1.2.3.4"), Some(5.0));
    assert_eq!(bound(&both, "1.2.3.5"), Some(6.0));
    assert_eq!(bound(&quotas(&[(&[("ip", None)], key, 2147483647.0)]), "1.2.3.4"), None);
    assert_eq!(bound(&ClientQuotas::default(), "1.2.3.4"), None);
}

#[test]
fn settings_are_held_to_what_is_sensible() {
    assert_eq!(Windows::new(11, 1), WINDOWS);
    assert_eq!(Windows::new(0, 0), Windows { count: 1, size_ms: 1000 });
    assert_eq!(Windows::new(i32::MAX, 2), Windows { count: crate::limits::QUOTA_WINDOWS_MAX, size_ms: 2000 });
    assert_eq!(WINDOWS.most_at_once(1000.0), 10_000.0);
}
