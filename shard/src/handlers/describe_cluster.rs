//! DescribeCluster (60).

use std::rc::Rc;

use jackdaw_core::{
    authorized_operations as operations,
    error_code::ErrorCode,
    protocol::messages::describe_cluster::{
        DescribeClusterBroker, DescribeClusterRequest, DescribeClusterResponse,
    },
};

use super::metadata::any_broker;
use crate::{service::RequestContext, shard::Shard};

/// The endpoint type of broker listeners; 2 is the controllers'.
const BROKERS: i8 = 1;

pub(crate) async fn handle(
    shard: Rc<Shard>,
    context: RequestContext,
    request: DescribeClusterRequest,
) -> DescribeClusterResponse {
    if request.endpoint_type != BROKERS {
        return wrong_endpoint_type(request.endpoint_type);
    }
    let view = shard.view();
    let listener = shard.listener_name(context.listener);
    let brokers = view
        .brokers
        .iter()
        .filter(|broker| !broker.fenced || request.include_fenced_brokers)
        .filter_map(|broker| broker.endpoints.get(listener).map(|endpoint| (broker, endpoint)));
    DescribeClusterResponse {
        endpoint_type: BROKERS,
        cluster_id: shard.identity.cluster_id.clone(),
        controller_id: any_broker(&view, listener),
        brokers: brokers
            .map(|(broker, endpoint)| DescribeClusterBroker {
                broker_id: broker.id,
                host: endpoint.host.clone(),
                port: i32::from(endpoint.port),
                rack: broker.rack.clone(),
                is_fenced: broker.fenced,
            })
            .collect(),
        cluster_authorized_operations: operations::where_asked(
            request.include_cluster_authorized_operations,
            operations::CLUSTER,
        ),
        ..DescribeClusterResponse::default()
    }
}

fn wrong_endpoint_type(endpoint_type: i8) -> DescribeClusterResponse {
    let (error, text) = match endpoint_type {
        2 => (
            ErrorCode::MismatchedEndpointType,
            "The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER"
                .to_owned(),
        ),
        other => (ErrorCode::UnsupportedEndpointType, format!("Unsupported endpoint type {other}")),
    };
    DescribeClusterResponse {
        error_code: error.code(),
        error_message: Some(text),
        ..DescribeClusterResponse::default()
    }
}
