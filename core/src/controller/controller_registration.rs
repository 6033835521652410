//! ControllerRegistration (70): a controller says where it listens and what it can run.

use super::{Context, Controller, Outcome, features};
use crate::{
    error_code::ErrorCode,
    metadata::VersionedRecord,
    protocol::{
        messages::controller_registration::{
            ControllerRegistrationRequest, ControllerRegistrationResponse, Feature, Listener,
        },
        records::metadata::{ControllerEndpoint, ControllerFeature, RegisterControllerRecord},
    },
};

impl Controller {
    pub(super) fn register_controller(
        &self,
        _context: &Context,
        request: &ControllerRegistrationRequest,
    ) -> Outcome<ControllerRegistrationResponse> {
        let features = &self.image().features;
        let refuse = |message: String| {
            let error_code = ErrorCode::UnsupportedVersion.code();
            let error_message = Some(message);
            Outcome::only(ControllerRegistrationResponse { error_code, error_message, ..Default::default() })
        };
        if !features.metadata_version().has_controller_registration() {
            let level = features.metadata_version().level();
            return refuse(format!("metadata.version {level} has no registration of controllers."));
        }
        let range_of = |name: &str| {
            let feature = request.features.iter().find(|feature| feature.name == name)?;
            Some(feature.min_supported_version..=feature.max_supported_version)
        };
        if let Some(name) = features::unsupported(features, range_of) {
            let level = features.level(name);
            return refuse(format!("The controller does not support {name} {level}, which is finalized."));
        }
        let response = ControllerRegistrationResponse { error_message: None, ..Default::default() };
        Outcome::with(vec![record(request)], response)
    }
}

fn record(request: &ControllerRegistrationRequest) -> VersionedRecord {
    let endpoint = |listener: &Listener| ControllerEndpoint {
        name: listener.name.clone(),
        host: listener.host.clone(),
        port: listener.port,
        security_protocol: listener.security_protocol,
    };
    let feature = |feature: &Feature| ControllerFeature {
        name: feature.name.clone(),
        min_supported_version: feature.min_supported_version,
        max_supported_version: feature.max_supported_version,
    };
    let record = RegisterControllerRecord {
        controller_id: request.controller_id,
        incarnation_id: request.incarnation_id,
        zk_migration_ready: false,
        end_points: request.listeners.iter().map(endpoint).collect(),
        features: request.features.iter().map(feature).collect(),
    };
    VersionedRecord::new(record, 0)
}
