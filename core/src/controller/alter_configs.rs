//! AlterConfigs (33): the values given become all that a resource sets.

use super::{
    Context, Controller, Outcome,
    config_change::{NAMED_TWICE, Refusal, check_keys, invalid_request, named_twice},
};
use crate::{
    config::Overrides,
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
        let twice = named_twice(
            request
                .resources
                .iter()
                .map(|resource| (resource.resource_type, resource.resource_name.as_str())),
        );
        let mut records = Vec::new();
        let mut responses = Vec::with_capacity(request.resources.len());
        for resource in &request.resources {
            let altered = match twice.contains(&(resource.resource_type, resource.resource_name.as_str())) {
                true => invalid_request(NAMED_TWICE),
                false => self.replace_configs(resource),
            };
            let mut response = AlterConfigsResourceResponse {
                error_message: None,
                resource_type: resource.resource_type,
                resource_name: resource.resource_name.clone(),
                ..Default::default()
            };
            match altered {
                Ok(_) if request.validate_only => {}
                Ok(changes) => records.extend(changes),
                Err((error, text)) => {
                    response.error_code = error.code();
                    response.error_message = Some(text);
                }
            }
            responses.push(response);
        }
        Outcome::with(records, AlterConfigsResponse { responses, ..Default::default() }).in_parts()
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
