//! ListConfigResources (74): what may be described, by type.

use std::rc::Rc;

use jackdaw_core::{
    error_code::ErrorCode,
    metadata::ResourceType,
    protocol::messages::list_config_resources::{
        ConfigResource, ListConfigResourcesRequest, ListConfigResourcesResponse,
    },
};

use crate::{service::RequestContext, shard::Shard, view::View};

const TOPIC: i8 = ResourceType::Topic as i8;
const BROKER: i8 = ResourceType::Broker as i8;
const BROKER_LOGGER: i8 = 8;
const CLIENT_METRICS: i8 = ResourceType::ClientMetrics as i8;
const GROUP: i8 = ResourceType::Group as i8;

/// In the order of Kafka's answers.
const ALL: [i8; 5] = [GROUP, CLIENT_METRICS, BROKER_LOGGER, BROKER, TOPIC];

pub(crate) async fn handle(
    shard: Rc<Shard>,
    context: RequestContext,
    request: ListConfigResourcesRequest,
) -> ListConfigResourcesResponse {
    let view = shard.view();
    let asked = &request.resource_types;
    if asked.iter().any(|kind| !ALL.contains(kind)) {
        let error_code = ErrorCode::UnsupportedVersion.code();
        return ListConfigResourcesResponse { error_code, ..ListConfigResourcesResponse::default() };
    }
    // Version 0 knew client metrics alone.
    let is_asked = |kind: &i8| match context.version {
        0 => *kind == CLIENT_METRICS,
        _ => asked.is_empty() || asked.contains(kind),
    };
    let resources = ALL.into_iter().filter(is_asked).flat_map(|kind| names(&view, kind));
    ListConfigResourcesResponse {
        config_resources: resources.collect(),
        ..ListConfigResourcesResponse::default()
    }
}

fn names(view: &View, kind: i8) -> Vec<ConfigResource> {
    let names: Vec<String> = match kind {
        TOPIC => view.topics_by_name().map(|topic| topic.name.to_string()).collect(),
        BROKER | BROKER_LOGGER => {
            let alive = view.brokers.iter().filter(|broker| !broker.fenced);
            alive.map(|broker| broker.id.to_string()).collect()
        }
        _ => {
            let set = view.image.configs.iter().filter(|(resource, _)| resource.kind as i8 == kind);
            set.map(|(resource, _)| resource.name.clone()).collect()
        }
    };
    let resource = |resource_name| ConfigResource { resource_name, resource_type: kind };
    names.into_iter().map(resource).collect()
}
