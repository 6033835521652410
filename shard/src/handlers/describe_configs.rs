//! DescribeConfigs (32): the values of topics, brokers, groups and client metrics, and what stands behind each.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use jackdaw_core::{
    config::{BrokerConfig, DescribedConfig, DescribedSynonym},
    controller::check_topic_name,
    error_code::ErrorCode,
    metadata::ResourceType,
    protocol::messages::describe_configs::{
        DescribeConfigsRequest, DescribeConfigsResource, DescribeConfigsResourceResult,
        DescribeConfigsResponse, DescribeConfigsResult, DescribeConfigsSynonym,
    },
};

use crate::{
    answer::{Counted, memory_for},
    limits::{DESCRIBED_RESOURCE_BYTES, DESCRIBED_RESOURCES_MAX},
    service::RequestContext,
    shard::Shard,
    view::View,
};

/// The levels of a node's loggers; there are none here that a client may see or change.
const BROKER_LOGGER: i8 = 8;

/// What Kafka says of every resource type that it does not know.
const MALFORMED: &str = "This most likely occurs because of a request being malformed by the client library or the \
                         message was sent to an incompatible broker. See the broker logs for more details.";

type Refusal = (ErrorCode, String);

pub(crate) async fn handle(
    shard: Rc<Shard>,
    _context: RequestContext,
    request: DescribeConfigsRequest,
) -> Counted<DescribeConfigsResponse> {
    let asked = distinct(&request.resources);
    let described_count = asked.len().min(DESCRIBED_RESOURCES_MAX);
    let memory = memory_for(&shard, described_count * DESCRIBED_RESOURCE_BYTES).await;
    let view = shard.view();
    let results = asked.into_iter().enumerate().map(|(index, resource)| {
        let described = match index < DESCRIBED_RESOURCES_MAX {
            true => describe(&shard, &view, resource),
            false => Err((ErrorCode::InvalidRequest, too_many())),
        };
        result(&request, resource, described)
    });
    let results = results.collect();
    Counted { response: DescribeConfigsResponse { results, ..Default::default() }, memory }
}

/// Each resource once, where it is named first, and again only with other keys: a name costs a few bytes, its answer
/// is long.
fn distinct(resources: &[DescribeConfigsResource]) -> Vec<&DescribeConfigsResource> {
    let mut seen = BTreeSet::new();
    resources.iter().filter(|resource| seen.insert(identity(resource))).collect()
}

fn identity(resource: &DescribeConfigsResource) -> (i8, Result<i32, &str>, &[String]) {
    let (kind, name) = (resource.resource_type, resource.resource_name.as_str());
    // A number may be written in many ways.
    let name = name.parse().ok().filter(|_| is_broker(kind)).ok_or(name);
    (kind, name, resource.configuration_keys.as_deref().unwrap_or_default())
}

fn is_broker(resource_type: i8) -> bool {
    resource_type == BROKER_LOGGER || ResourceType::new(resource_type) == Some(ResourceType::Broker)
}

fn too_many() -> String {
    format!("more than {DESCRIBED_RESOURCES_MAX} resources in one request: ask for fewer at a time")
}

fn describe(
    shard: &Shard,
    view: &View,
    resource: &DescribeConfigsResource,
) -> Result<Vec<DescribedConfig>, Refusal> {
    let (config, name) = (&shard.identity.config, resource.resource_name.as_str());
    let invalid = |text: &str| Err((ErrorCode::InvalidRequest, text.to_owned()));
    let dynamic = view.dynamic_broker(shard.identity.node_id);
    let nothing = BTreeMap::new();
    let set = |kind| view.image.configs.of(kind, name).unwrap_or(&nothing);
    match ResourceType::new(resource.resource_type) {
        Some(ResourceType::Topic) => {
            check_topic_name(name).map_err(|error| (ErrorCode::InvalidTopicException, error.to_string()))?;
            if view.topic_by_name(name).is_none() {
                return Err((ErrorCode::UnknownTopicOrPartition, String::new()));
            }
            Ok(config.describe_topic(dynamic, set(ResourceType::Topic)))
        }
        Some(ResourceType::Broker) if name.is_empty() => {
            Ok(config.describe_cluster(set(ResourceType::Broker)))
        }
        Some(ResourceType::Broker) => {
            check_broker_id(name, shard.identity.node_id, " or empty string,")?;
            Ok(config.describe(dynamic))
        }
        Some(ResourceType::ClientMetrics) if name.is_empty() => {
            invalid("Client metrics subscription name must not be empty")
        }
        Some(ResourceType::ClientMetrics) => {
            Ok(BrokerConfig::describe_client_metrics(set(ResourceType::ClientMetrics)))
        }
        Some(ResourceType::Group) if name.is_empty() => invalid("Group name must not be empty"),
        Some(ResourceType::Group) => Ok(config.describe_group(dynamic, set(ResourceType::Group))),
        None if resource.resource_type == BROKER_LOGGER && name.is_empty() => {
            invalid("Broker id must not be empty")
        }
        None if resource.resource_type == BROKER_LOGGER => {
            check_broker_id(name, shard.identity.node_id, "")?;
            Ok(Vec::new())
        }
        None => invalid(MALFORMED),
    }
}

/// `name` must be the number of this node; `alternative` is what else the text allows.
fn check_broker_id(name: &str, own: i32, alternative: &str) -> Result<(), Refusal> {
    let text = match name.parse::<i32>() {
        Ok(id) if id == own => return Ok(()),
        Ok(id) => format!("Unexpected broker id, expected {own}{alternative} but received {id}"),
        Err(_) => format!("Broker id must be an integer, but it is: {name}"),
    };
    Err((ErrorCode::InvalidRequest, text))
}

fn result(
    request: &DescribeConfigsRequest,
    resource: &DescribeConfigsResource,
    described: Result<Vec<DescribedConfig>, Refusal>,
) -> DescribeConfigsResult {
    let (error, text, configs) = match described {
        Ok(configs) => (ErrorCode::None, String::new(), configs),
        Err((error, text)) => (error, text, Vec::new()),
    };
    let asked = resource.configuration_keys.as_deref().unwrap_or_default();
    let is_asked = |config: &DescribedConfig| asked.is_empty() || asked.contains(&config.name);
    let configs = configs.into_iter().filter(is_asked).map(|config| entry(request, config));
    DescribeConfigsResult {
        error_code: error.code(),
        error_message: Some(text),
        resource_type: resource.resource_type,
        resource_name: resource.resource_name.clone(),
        configs: configs.collect(),
    }
}

fn entry(request: &DescribeConfigsRequest, config: DescribedConfig) -> DescribeConfigsResourceResult {
    let synonyms = if request.include_synonyms { config.synonyms } else { Vec::new() };
    let synonym = |synonym: DescribedSynonym| DescribeConfigsSynonym {
        name: synonym.name,
        value: synonym.value,
        source: synonym.source as i8,
    };
    DescribeConfigsResourceResult {
        name: config.name,
        value: config.value,
        read_only: config.read_only,
        config_source: config.source as i8,
        is_sensitive: config.sensitive,
        synonyms: synonyms.into_iter().map(synonym).collect(),
        config_type: config.kind.map_or(0, |kind| kind as i8),
        documentation: request.include_documentation.then(|| config.documentation.to_owned()),
    }
}
