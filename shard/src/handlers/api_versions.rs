//! ApiVersions (18): what is served, and the cluster's features.

use std::rc::Rc;

use jackdaw_core::{
    error_code::ErrorCode,
    protocol::{
        ApiKey, Message, Reader,
        messages::api_versions::{
            ApiVersion, ApiVersionsRequest, ApiVersionsResponse, FinalizedFeatureKey, SupportedFeatureKey,
        },
    },
};
use jackdaw_net::Dispatched;
use jackdaw_ring::now;

use super::SERVED;
use crate::{
    quota::throttle_time,
    service::{RequestContext, Session, unreadable},
    shard::Shard,
};

/// Requests below this version must not see supported features whose minimum is 0 (KAFKA-17011).
const FEATURES_FROM_ZERO_VERSION: i16 = 4;

/// The node id of a client that names none.
const NO_NODE: i32 = -1;

pub(crate) fn dispatch(
    shard: &Rc<Shard>,
    session: &mut Session,
    context: RequestContext,
    mut reader: Reader<'_>,
) -> Dispatched {
    let request = match ApiVersionsRequest::decode(&mut reader, context.version) {
        Ok(request) => request,
        Err(error) => return Dispatched::Done(unreadable(ApiVersionsRequest::NAME, &error)),
    };
    let begun = now();
    let mut response = answer(shard, session, &context, &request);
    let reply_to = context.reply_to;
    let Some(quotas) = context.quotas else { return Dispatched::Done(reply_to.with(&response)) };
    let (shard, took) = (Rc::clone(shard), now().since(begun));
    Dispatched::later(async move {
        let throttle_ms = quotas.charge_time(&shard, took).await;
        response.set_throttle_time_ms(throttle_time(throttle_ms));
        quotas.mute(throttle_ms);
        reply_to.with(&response)
    })
}

fn answer(
    shard: &Shard,
    session: &mut Session,
    context: &RequestContext,
    request: &ApiVersionsRequest,
) -> ApiVersionsResponse {
    if context.version >= 3 {
        let names = [&request.client_software_name, &request.client_software_version];
        if !names.into_iter().all(|name| is_software_name(name)) {
            return failed(ErrorCode::InvalidRequest);
        }
        if session.software.is_none() {
            tracing::debug!(peer = %session.peer, name = request.client_software_name,
                version = request.client_software_version, "client software");
        }
        session.software =
            Some((request.client_software_name.clone(), request.client_software_version.clone()));
    }
    if request.cluster_id.is_none() != (request.node_id == NO_NODE) {
        return failed(ErrorCode::InvalidRequest);
    }
    if is_of_another_node(shard, request) {
        return failed(ErrorCode::RebootstrapRequired);
    }
    versions(shard, context.version)
}

/// A client of version 5 names the node that it means; after an address was reused that may be another one.
fn is_of_another_node(shard: &Shard, request: &ApiVersionsRequest) -> bool {
    request.cluster_id.as_ref().is_some_and(|cluster_id| {
        *cluster_id != shard.identity.cluster_id || request.node_id != shard.identity.node_id
    })
}

fn versions(shard: &Shard, version: i16) -> ApiVersionsResponse {
    let view = shard.view();
    let features = view.supported_features();
    ApiVersionsResponse {
        api_keys: SERVED.iter().map(|key| served_versions(*key)).collect(),
        supported_features: features
            .iter()
            .filter(|(_, min, _)| *min > 0 || version >= FEATURES_FROM_ZERO_VERSION)
            .map(|(name, min, max)| SupportedFeatureKey {
                name: (*name).to_owned(),
                min_version: *min,
                max_version: *max,
            })
            .collect(),
        finalized_features_epoch: view.finalized_features_epoch(),
        finalized_features: view
            .finalized_features()
            .into_iter()
            .filter(|(_, level)| *level > 0)
            .map(|(name, level)| FinalizedFeatureKey {
                name,
                max_version_level: level,
                min_version_level: level,
            })
            .collect(),
        ..ApiVersionsResponse::default()
    }
}

fn served_versions(key: ApiKey) -> ApiVersion {
    let info = key.info();
    ApiVersion {
        api_key: info.key,
        min_version: info.advertised_min_version,
        max_version: info.stable_max_version,
    }
}

fn failed(error: ErrorCode) -> ApiVersionsResponse {
    ApiVersionsResponse { error_code: error.code(), ..ApiVersionsResponse::default() }
}

/// The answer, in version 0, to a version that is not served: clients retry with the one named.
pub(crate) fn unsupported_version() -> ApiVersionsResponse {
    ApiVersionsResponse {
        api_keys: vec![served_versions(ApiKey::ApiVersions)],
        ..failed(ErrorCode::UnsupportedVersion)
    }
}

/// `[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?` (KIP-511).
fn is_software_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    edge(bytes.first())
        && edge(bytes.last())
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn software_names_are_as_kip_511_says() {
        for name in ["a", "apache-kafka-java", "4.4.0", "x-1.y"] {
            assert!(is_software_name(name), "{name}");
        }
        for name in ["", "-a", "a-", ".", "a b", "ü"] {
            assert!(!is_software_name(name), "{name}");
        }
    }
}
