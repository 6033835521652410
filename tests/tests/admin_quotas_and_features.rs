//! Quotas of clients and levels of features: Kafka's tools, and answers that were Apache Kafka 4.4.0's.

use jackdaw_core::protocol::messages as m;
use jackdaw_tests::broker::{Broker, Options};
use jackdaw_tests::checks::eventually;
use jackdaw_tests::tool::{CONFIGS, FEATURES};
use jackdaw_tests::wire::Connection;

type Entity<'a> = [(&'a str, Option<&'a str>)];

/// The answer to a change of one quota (no value: removed), as `code text`.
fn alter(connection: &mut Connection, entity: &Entity<'_>, key: &str, value: Option<f64>) -> String {
    use m::alter_client_quotas::{
        AlterClientQuotasRequest, AlterClientQuotasRequestEntityData, AlterClientQuotasRequestEntryData,
        OpData,
    };
    let part = |(kind, name): &(&str, Option<&str>)| AlterClientQuotasRequestEntityData {
        entity_type: (*kind).to_owned(),
        entity_name: name.map(str::to_owned),
    };
    let op = OpData { key: key.to_owned(), value: value.unwrap_or(0.0), remove: value.is_none() };
    let entry =
        AlterClientQuotasRequestEntryData { entity: entity.iter().map(part).collect(), ops: vec![op] };
    let request = AlterClientQuotasRequest { entries: vec![entry], validate_only: false };
    let entry = connection.call(&request, 1).entries.remove(0);
    format!("{} {}", entry.error_code, entry.error_message.unwrap_or_default())
}

/// Type, kind of match and name.
type Asked<'a> = (&'a str, i8, Option<&'a str>);

const EXACT: i8 = 0;
const DEFAULT: i8 = 1;
const SPECIFIED: i8 = 2;

/// `code text` or the entities, `type=name,...: key=value, ...`, in order.
fn describe(connection: &mut Connection, strict: bool, asked: &[Asked<'_>]) -> Vec<String> {
    use m::describe_client_quotas::{ComponentData, DescribeClientQuotasRequest};
    let component = |(kind, match_type, name): &Asked<'_>| ComponentData {
        entity_type: (*kind).to_owned(),
        match_type: *match_type,
        r#match: name.map(str::to_owned),
    };
    let request = DescribeClientQuotasRequest { components: asked.iter().map(component).collect(), strict };
    let response = connection.call(&request, 1);
    let Some(entries) = response.entries else {
        return vec![format!("{} {}", response.error_code, response.error_message.unwrap_or_default())];
    };
    let mut shown: Vec<String> = Vec::new();
    for entry in entries {
        let name = |name: &Option<String>| name.clone().unwrap_or_else(|| "<default>".to_owned());
        let mut entity: Vec<String> =
            entry.entity.iter().map(|p| format!("{}={}", p.entity_type, name(&p.entity_name))).collect();
        entity.sort();
        let values: Vec<String> = entry.values.iter().map(|v| format!("{}={}", v.key, v.value)).collect();
        shown.push(format!("{}: {}", entity.join(","), values.join(", ")));
    }
    shown.sort();
    shown
}

#[test]
fn quotas_are_checked_kept_and_described() {
    let Some(mut broker) = Broker::start_to_stop(Options::shards(2)) else { return };
    let mut connection = Connection::open(broker.bootstrap());
    let user = [("user", Some("u1"))];
    let address = [("ip", Some("1.2.3.4"))];
    let refused: [(&Entity<'_>, &str, f64, &str); 14] = [
        (
            &[("ip", Some("not an ip"))],
            "connection_creation_rate",
            6.0,
            "not an ip is not a valid IP or resolvable host.",
        ),
        (&address, "producer_byte_rate", 6.0, "Invalid configuration key producer_byte_rate"),
        (&user, "connection_creation_rate", 6.0, "Invalid configuration key connection_creation_rate"),
        (&user, "nonsense", 6.0, "Invalid configuration key nonsense"),
        (&user, "SCRAM-SHA-256", 6.0, "Invalid configuration key SCRAM-SHA-256"),
        (&user, "producer_byte_rate", 0.0, "Quota producer_byte_rate must be greater than 0"),
        (&user, "producer_byte_rate", 1.5, "producer_byte_rate cannot be a fractional value."),
        (&user, "producer_byte_rate", 1e30, "Proposed value for producer_byte_rate is too large for a LONG."),
        (
            &address,
            "connection_creation_rate",
            1e30,
            "Proposed value for connection_creation_rate is too large for an INT.",
        ),
        (
            &[("nonsense", Some("x"))],
            "producer_byte_rate",
            6.0,
            "Unhandled client quota entity type: nonsense",
        ),
        (
            &[("user", Some("u1")), ("ip", Some("1.2.3.4"))],
            "producer_byte_rate",
            6.0,
            "Invalid quota entity combination, IP entity shouldnot be combined with User or ClientId",
        ),
        (&[("user", Some(""))], "producer_byte_rate", 6.0, "Empty user not supported"),
        (&[("client-id", Some(""))], "producer_byte_rate", 6.0, "Empty client-id not supported"),
        (&[], "producer_byte_rate", 6.0, "Invalid empty client quota entity"),
    ];
    for (entity, key, value, text) in refused {
        assert_eq!(alter(&mut connection, entity, key, Some(value)), format!("42 {text}"), "{entity:?}");
    }
    let taken: [(&Entity<'_>, &str, f64); 6] = [
        (&user, "producer_byte_rate", 1000.0),
        (&[("user", Some("u1")), ("client-id", Some("c1"))], "producer_byte_rate", 10.0),
        (&[("user", None)], "producer_byte_rate", 11.0),
        (&[("client-id", None)], "request_percentage", 12.5),
        (&[("user", Some("u1")), ("client-id", None)], "controller_mutation_rate", 1.0),
        (&[("ip", None)], "connection_creation_rate", 6.0),
    ];
    for (entity, key, value) in taken {
        assert_eq!(alter(&mut connection, entity, key, Some(value)), "0 ", "{entity:?}");
    }
    let of_u1 = "user=u1: producer_byte_rate=1000";
    let both = [
        "client-id=<default>,user=u1: controller_mutation_rate=1",
        "client-id=c1,user=u1: producer_byte_rate=10",
    ];
    let default_user = "user=<default>: producer_byte_rate=11";
    let cases: [(bool, &[Asked<'_>], Vec<&str>); 8] = [
        (true, &[], vec![]),
        (false, &[("user", EXACT, Some("u1"))], vec![both[0], both[1], of_u1]),
        (true, &[("user", EXACT, Some("u1"))], vec![of_u1]),
        (false, &[("user", DEFAULT, None)], vec![default_user]),
        (true, &[("user", SPECIFIED, None)], vec![default_user, of_u1]),
        (true, &[("user", SPECIFIED, None), ("client-id", SPECIFIED, None)], vec![both[0], both[1]]),
        (false, &[("nonsense", SPECIFIED, None)], vec!["35 Unsupported entity type nonsense"]),
        (
            false,
            &[("user", EXACT, Some("u1")), ("user", EXACT, Some("u2"))],
            vec!["42 Entity type user cannot appear more than once in the filter."],
        ),
    ];
    for (strict, asked, expected) in cases {
        assert_eq!(describe(&mut connection, strict, asked), expected, "{strict} {asked:?}");
    }
    let all = describe(&mut connection, false, &[]);
    assert_eq!(all.len(), 6);
    broker.kill();
    broker.restart();
    let mut connection = Connection::open(broker.bootstrap());
    assert_eq!(describe(&mut connection, false, &[]), all, "they are kept");
    assert_eq!(alter(&mut connection, &user, "producer_byte_rate", None), "0 ");
    assert_eq!(alter(&mut connection, &user, "nonsense", None), "0 ", "what is not there may go");
    assert_eq!(describe(&mut connection, true, &[("user", EXACT, Some("u1"))]), Vec::<String>::new());

    // Of users the tool also wants to see credentials, which are not there yet.
    let of_client = ["--entity-type", "clients", "--entity-name", "c2"];
    let add = ["--alter", "--add-config", "producer_byte_rate=2048"];
    CONFIGS.run(broker.bootstrap(), &[&add[..], &of_client].concat());
    let out = CONFIGS.run(broker.bootstrap(), &[&["--describe"][..], &of_client].concat());
    assert!(out.contains("producer_byte_rate=2048"), "{out}");
}

#[test]
fn levels_of_features_go_up_and_down() {
    let Some(broker) = Broker::start_to_stop(Options::shards(2)) else { return };
    let mut connection = Connection::open(broker.bootstrap());
    const UPGRADE: i8 = 1;
    const SAFE_DOWNGRADE: i8 = 2;
    const UNSAFE_DOWNGRADE: i8 = 3;
    let mut update = |feature: &str, level: i16, upgrade_type: i8, validate_only: bool| {
        use m::update_features::{FeatureUpdateKey, UpdateFeaturesRequest};
        let update = FeatureUpdateKey {
            feature: feature.to_owned(),
            max_version_level: level,
            upgrade_type,
            ..Default::default()
        };
        let request =
            UpdateFeaturesRequest { timeout_ms: 30_000, feature_updates: vec![update], validate_only };
        let response = connection.call(&request, 2);
        let text = response.error_message.unwrap_or_default();
        let begin = "The update failed for all features since the following feature had an error: ";
        format!("{} {}", response.error_code, text.strip_prefix(begin).unwrap_or(&text))
    };
    let invalid = |feature: &str, level: i16, why: &str| {
        format!("95 Invalid update version {level} for feature {feature}. {why}")
    };
    let unset = "Can't downgrade the version of this feature without setting the upgrade type to either safe or unsafe \
                 downgrade.";
    let lossy = "95 Unsupported metadata.version downgrade from 33 to 20.";
    let cases = [
        ("nonsense", 1, UPGRADE, invalid("nonsense", 1, "Local controller 1 does not support this feature.")),
        ("group.version", 1, UPGRADE, "0 ".to_owned()),
        (
            "group.version",
            2,
            UPGRADE,
            invalid("group.version", 2, "Local controller 1 only supports versions 0-1"),
        ),
        ("group.version", 0, UPGRADE, invalid("group.version", 0, unset)),
        (
            "metadata.version",
            99,
            UPGRADE,
            invalid("metadata.version", 99, "Local controller 1 only supports versions 7-33"),
        ),
        ("metadata.version", 20, UPGRADE, invalid("metadata.version", 20, unset)),
        (
            "metadata.version",
            20,
            SAFE_DOWNGRADE,
            format!(
                "{lossy} Refusing to perform the requested downgrade because it might delete metadata information."
            ),
        ),
        (
            "metadata.version",
            20,
            UNSAFE_DOWNGRADE,
            format!("{lossy} Unsafe metadata downgrade is not supported in this version."),
        ),
        ("transaction.version", 1, SAFE_DOWNGRADE, "0 ".to_owned()),
    ];
    for (feature, level, upgrade_type, expected) in cases {
        assert_eq!(update(feature, level, upgrade_type, true), expected, "{feature} {level} {upgrade_type}");
    }
    assert_eq!(update("streams.version", 0, SAFE_DOWNGRADE, false), "0 ");
    let newer = invalid("streams.version", 1, "Can't downgrade to a newer version.");
    assert_eq!(update("streams.version", 1, SAFE_DOWNGRADE, false), newer);
    let level_of = |feature: &str| {
        let out = FEATURES.run(broker.bootstrap(), &["describe"]);
        let line = out.lines().find(|line| line.contains(feature)).map(str::to_owned);
        line.unwrap_or_else(|| panic!("no {feature} in\n{out}"))
    };
    eventually("the level is 0", || level_of("streams.version").contains("FinalizedVersionLevel: 0"));
    let upgrade = ["upgrade", "--feature", "streams.version=1"];
    let out = FEATURES.run(broker.bootstrap(), &upgrade);
    assert!(out.contains("streams.version was upgraded to 1"), "{out}");
    assert!(level_of("streams.version").contains("FinalizedVersionLevel: 1"));
}
