//! AlterConfigs (33): the values given become all that a resource sets.

use super::{
    Context, Controller, Outcome,
    config_change::{Refusal, change_each, check_keys},
};
use crate::{
    config::Overrides,
    error_code::ErrorCode,
    metadata::VersionedRecord,
    protocol::messages::alter_configs::{
        AlterConfigsRequest, AlterConfigsResource, AlterConfigsResourceResponse, AlterConfigsResponse,
    },
};

impl Controller {
    pub(super) fn alter_configs(
        &self,
        _context: &Context,
        request: &AlterConfigsRequest,
    ) -> Outcome<AlterConfigsResponse> {
        let (records, refusals) = change_each(
            &request.resources,
            |resource| (resource.resource_type, &resource.resource_name),
            request.validate_only,
            |resource| self.replace_configs(resource),
        );
        let responses = request.resources.iter().zip(refusals).map(|(resource, refusal)| {
            let (error, error_message) = refusal.unzip();
            AlterConfigsResourceResponse {
                error_code: error.unwrap_or(ErrorCode::None).code(),
                error_message,
                resource_type: resource.resource_type,
                resource_name: resource.resource_name.clone(),
            }
        });
        let response = AlterConfigsResponse { responses: responses.collect(), ..Default::default() };
        Outcome::with(records, response).in_parts()
    }

    fn replace_configs(&self, resource: &AlterConfigsResource) -> Result<Vec<VersionedRecord>, Refusal> {
        let (configs, name) = (&resource.configs, resource.resource_name.as_str());
        let nulls = configs.iter().filter(|config| config.value.is_none());
        check_keys(
            nulls.map(|config| config.name.as_str()),
            configs.iter().map(|config| config.name.as_str()),
        )?;
        let kind = self.config_resource(resource.resource_type, name)?;
        let wanted: Overrides =
            configs.iter().filter_map(|config| Some((config.name.clone(), config.value.clone()?))).collect();
        self.change_overrides(kind, name, &wanted, configs.iter().map(|config| config.name.as_str()))
    }
}
