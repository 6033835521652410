//! Configuration that is changed at run time: the records, as Apache Kafka 4.4.0 wrote them.

use super::*;
use crate::protocol::messages::{
    alter_configs::{AlterConfigsRequest, AlterConfigsResource as Replaced, AlterableConfig as Given},
    incremental_alter_configs::{AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest},
};

const SET: i8 = 0;
const DELETE: i8 = 1;

impl Host {
    /// The records of a change, `name=value` or `clear topic`, and the error code.
    fn alter(&mut self, kind: i8, name: &str, changes: &[(&str, i8, &str)]) -> (Vec<String>, i16) {
        let config = |(name, operation, value): &(&str, i8, &str)| AlterableConfig {
            name: (*name).into(),
            config_operation: *operation,
            value: Some((*value).into()),
        };
        let resource = AlterConfigsResource {
            resource_type: kind,
            resource_name: name.into(),
            configs: changes.iter().map(config).collect(),
        };
        let request = IncrementalAlterConfigsRequest { resources: vec![resource], validate_only: false };
        match self.ask(Request::IncrementalAlterConfigs(request)) {
            (records, Response::IncrementalAlterConfigs(response)) => {
                (shown(&records), response.responses[0].error_code)
            }
            other => panic!("{other:?}"),
        }
    }
}

fn shown(records: &[VersionedRecord]) -> Vec<String> {
    let show = |record: &VersionedRecord| match &record.record {
        MetadataRecord::Config(record) => {
            format!("{}={}", record.name, record.value.as_deref().unwrap_or("null"))
        }
        MetadataRecord::ClearElr(record) => format!("clear {:?}", record.topic_name),
        other => panic!("{other:?}"),
    };
    records.iter().map(show).collect()
}

#[test]
fn only_what_changes_is_written() {
    let mut host = Host::new();
    host.create(vec![topic("t", 1, 1)]);
    let written = |pairs: &[&str]| (pairs.iter().map(|pair| (*pair).to_owned()).collect::<Vec<_>>(), 0);
    assert_eq!(host.alter(2, "t", &[("retention.ms", SET, "6000")]), written(&["retention.ms=6000"]));
    assert_eq!(host.alter(2, "t", &[("retention.ms", SET, "6000")]), written(&[]));
    assert_eq!(host.alter(2, "t", &[("segment.ms", DELETE, "")]), written(&[]));
    assert_eq!(host.alter(2, "t", &[("retention.ms", DELETE, "")]), written(&["retention.ms=null"]));
    let (records, error) = host.alter(2, "t", &[("retention.ms", SET, "5"), ("nonsense", SET, "1")]);
    assert_eq!((records.len(), error), (0, ErrorCode::InvalidConfig.code()), "all of a resource or nothing");
}

#[test]
fn another_minimum_of_in_sync_replicas_clears_the_eligible_ones() {
    let mut host = Host::new();
    host.create(vec![topic("t", 1, 1)]);
    let (records, _) = host.alter(2, "t", &[("min.insync.replicas", SET, "2")]);
    assert_eq!(records, ["min.insync.replicas=2", "clear \"t\""]);
    let (records, _) = host.alter(4, "", &[("min.insync.replicas", SET, "2")]);
    assert_eq!(records, ["min.insync.replicas=2", "clear \"\""]);
}

#[test]
fn values_that_are_not_given_again_go() {
    let mut host = Host::new();
    host.create(vec![topic("t", 1, 1)]);
    host.alter(2, "t", &[("retention.ms", SET, "6000"), ("segment.ms", SET, "1000")]);
    let resource = Replaced {
        resource_type: 2,
        resource_name: "t".into(),
        configs: vec![Given { name: "retention.ms".into(), value: Some("7000".into()) }],
    };
    let request = |validate_only| {
        Request::AlterConfigs(AlterConfigsRequest { resources: vec![resource.clone()], validate_only })
    };
    assert_eq!(host.ask(request(true)).0, []);
    assert_eq!(shown(&host.ask(request(false)).0), ["retention.ms=7000", "segment.ms=null"]);
}
