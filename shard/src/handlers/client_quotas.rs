//! DescribeClientQuotas (48), which any shard can answer, and AlterClientQuotas (49), passed to the controller.

use std::{collections::BTreeMap, rc::Rc};

use jackdaw_core::{
    error_code::ErrorCode,
    metadata::QuotaEntity,
    protocol::messages::{
        alter_client_quotas::{
            AlterClientQuotasRequest, AlterClientQuotasResponse, AlterClientQuotasResponseEntryData,
        },
        describe_client_quotas::{
            ComponentData, DescribeClientQuotasRequest, DescribeClientQuotasResponse, EntityData, EntryData,
            ValueData,
        },
    },
};

use crate::{service::RequestContext, shard::Shard};

const EXACT: i8 = 0;
const DEFAULT: i8 = 1;
const SPECIFIED: i8 = 2;

const TYPES: [&str; 3] = ["user", "client-id", "ip"];

pub(crate) async fn alter(
    shard: Rc<Shard>,
    _context: RequestContext,
    request: AlterClientQuotasRequest,
) -> AlterClientQuotasResponse {
    let refused = request.entries.iter().map(|_| AlterClientQuotasResponseEntryData {
        error_code: ErrorCode::NotController.code(),
        ..Default::default()
    });
    let refused = AlterClientQuotasResponse { entries: refused.collect(), ..Default::default() };
    shard.controller(request).await.unwrap_or(refused)
}

pub(crate) async fn describe(
    shard: Rc<Shard>,
    _context: RequestContext,
    request: DescribeClientQuotasRequest,
) -> DescribeClientQuotasResponse {
    let filter = match Filter::new(&request) {
        Ok(filter) => filter,
        Err((error, text)) => {
            return DescribeClientQuotasResponse {
                error_code: error.code(),
                error_message: Some(text),
                entries: None,
                ..Default::default()
            };
        }
    };
    let view = shard.view();
    let matching = view.image.client_quotas.iter().filter(|(entity, _)| filter.takes(entity));
    let entries = matching.map(|(entity, quotas)| EntryData {
        entity: entity
            .iter()
            .map(|(kind, name)| EntityData { entity_type: kind.clone(), entity_name: name.clone() })
            .collect(),
        values: quotas.iter().map(|(key, value)| ValueData { key: key.clone(), value: *value }).collect(),
    });
    DescribeClientQuotasResponse {
        error_message: Some(String::new()),
        entries: Some(entries.collect()),
        ..Default::default()
    }
}

/// Which entities are asked for.
struct Filter<'a> {
    /// By type.
    components: BTreeMap<&'a str, &'a ComponentData>,
    /// Entities with a further type do not match.
    is_strict: bool,
}

impl<'a> Filter<'a> {
    fn new(request: &'a DescribeClientQuotasRequest) -> Result<Self, (ErrorCode, String)> {
        let invalid = |text: String| Err((ErrorCode::InvalidRequest, text));
        let mut components = BTreeMap::new();
        for component in &request.components {
            let kind = component.entity_type.as_str();
            match (kind, component.match_type) {
                ("", _) => return invalid("Invalid empty entity type.".to_owned()),
                _ if components.contains_key(kind) => {
                    return invalid(format!(
                        "Entity type {kind} cannot appear more than once in the filter."
                    ));
                }
                _ if !TYPES.contains(&kind) => {
                    return Err((ErrorCode::UnsupportedVersion, format!("Unsupported entity type {kind}")));
                }
                (_, EXACT) if component.r#match.is_none() => {
                    let text = "Request specified MATCH_TYPE_EXACT, but set match string to null.";
                    return invalid(text.to_owned());
                }
                (_, DEFAULT) if component.r#match.is_some() => {
                    let text = "Request specified MATCH_TYPE_DEFAULT, but also specified a match string.";
                    return invalid(text.to_owned());
                }
                (_, EXACT | DEFAULT | SPECIFIED) => {}
                (_, other) => return invalid(format!("Unknown match type {other}")),
            }
            components.insert(kind, component);
        }
        if components.contains_key("ip") && components.len() > 1 {
            let text = "Invalid entity filter component combination. IP filter component should not be used with user \
                        or clientId filter component.";
            return invalid(text.to_owned());
        }
        Ok(Self { components, is_strict: request.strict })
    }

    fn takes(&self, entity: &QuotaEntity) -> bool {
        let matches = |(kind, component): (&&str, &&ComponentData)| match entity.get(*kind) {
            None => false,
            Some(name) => match component.match_type {
                EXACT => name.is_some() && *name == component.r#match,
                DEFAULT => name.is_none(),
                _ => true,
            },
        };
        let has_no_other = !self.is_strict || entity.len() == self.components.len();
        has_no_other && self.components.iter().all(matches)
    }
}
