//! UpdateFeatures (57): finalized levels go up or down, all of a request's or none.

use super::{Context, Controller, Outcome, features::SUPPORTED_FEATURES};
use crate::{
    error_code::ErrorCode,
    metadata::{
        ELIGIBLE_LEADER_REPLICAS_VERSION, KRAFT_VERSION, METADATA_VERSION, ResourceType, VersionedRecord,
    },
    protocol::{
        messages::update_features::{
            FeatureUpdateKey, UpdatableFeatureResult, UpdateFeaturesRequest, UpdateFeaturesResponse,
        },
        records::metadata::{ConfigRecord, FeatureLevelRecord},
    },
};

const UPGRADE: i8 = 1;
const SAFE_DOWNGRADE: i8 = 2;
const UNSAFE_DOWNGRADE: i8 = 3;

const MIN_INSYNC_REPLICAS: &str = "min.insync.replicas";

impl Controller {
    pub(super) fn update_features(
        &self,
        _context: &Context,
        request: &UpdateFeaturesRequest,
    ) -> Outcome<UpdateFeaturesResponse> {
        let mut records = Vec::new();
        for update in &request.feature_updates {
            match self.update_feature(update) {
                Ok(changes) => records.extend(changes),
                Err(text) => {
                    let begin =
                        "The update failed for all features since the following feature had an error:";
                    return Outcome::only(UpdateFeaturesResponse {
                        error_code: ErrorCode::InvalidUpdateVersion.code(),
                        error_message: Some(format!("{begin} {text}")),
                        ..Default::default()
                    });
                }
            }
        }
        if request.validate_only {
            records.clear();
        }
        let result = |update: &FeatureUpdateKey| UpdatableFeatureResult {
            feature: update.feature.clone(),
            error_code: 0,
            error_message: Some("NONE".to_owned()),
        };
        let results = request.feature_updates.iter().map(result).collect();
        let response = UpdateFeaturesResponse { error_message: None, results, ..Default::default() };
        Outcome::with(records, response)
    }

    fn update_feature(&self, update: &FeatureUpdateKey) -> Result<Vec<VersionedRecord>, String> {
        let (name, level) = (update.feature.as_str(), update.max_version_level);
        let refuse = |why: String| Err(format!("Invalid update version {level} for feature {name}. {why}"));
        let id = self.settings.broker.node.id;
        let Some(supported) = SUPPORTED_FEATURES.iter().find(|feature| feature.name == name) else {
            return refuse(format!("Local controller {id} does not support this feature."));
        };
        if level < 0 {
            return refuse("A feature version cannot be less than 0.".to_owned());
        }
        let (min, max) = (supported.min_level, supported.max_level);
        if !(min..=max).contains(&level) {
            return refuse(format!("Local controller {id} only supports versions {min}-{max}"));
        }
        let before = self.image().features.level(name);
        let kind = if update.allow_downgrade { SAFE_DOWNGRADE } else { update.upgrade_type };
        match kind {
            UPGRADE if level < before => {
                let text = "Can't downgrade the version of this feature without setting the upgrade type to either \
                            safe or unsafe downgrade.";
                return refuse(text.to_owned());
            }
            SAFE_DOWNGRADE | UNSAFE_DOWNGRADE if level > before => {
                return refuse("Can't downgrade to a newer version.".to_owned());
            }
            UPGRADE | SAFE_DOWNGRADE | UNSAFE_DOWNGRADE => {}
            _ => {
                return refuse("The controller does not support the given upgrade type.".to_owned());
            }
        }
        if level == before {
            return Ok(Vec::new());
        }
        match name {
            METADATA_VERSION if level < before => {
                let why = match kind {
                    UNSAFE_DOWNGRADE => "Unsafe metadata downgrade is not supported in this version.",
                    _ => {
                        "Refusing to perform the requested downgrade because it might delete metadata information."
                    }
                };
                Err(format!("Unsupported metadata.version downgrade from {before} to {level}. {why}"))
            }
            KRAFT_VERSION => refuse("This release keeps the voters that the quorum began with.".to_owned()),
            _ => Ok(self.records_of_level(name, level)),
        }
    }

    fn records_of_level(&self, name: &str, level: i16) -> Vec<VersionedRecord> {
        let record = FeatureLevelRecord { name: name.to_owned(), feature_level: level };
        let mut records = vec![VersionedRecord::new(record, 0)];
        let begins_elr = name == ELIGIBLE_LEADER_REPLICAS_VERSION
            && !self.overrides(ResourceType::Broker, "").contains_key(MIN_INSYNC_REPLICAS);
        if begins_elr && level > 0 {
            // From here on every broker must have the same value.
            let value = self.settings.broker.topic_defaults.min_insync_replicas.to_string();
            let record = ConfigRecord {
                resource_type: ResourceType::Broker as i8,
                resource_name: String::new(),
                name: MIN_INSYNC_REPLICAS.to_owned(),
                value: Some(value),
            };
            records.push(VersionedRecord::new(record, 0));
        }
        records
    }
}
