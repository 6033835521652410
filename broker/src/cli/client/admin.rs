//! Requests that create, delete, enlarge and describe topics.

use std::time::Duration;

use jackdaw_core::protocol::ApiKey;
use jackdaw_core::protocol::messages::create_partitions::{
    CreatePartitionsRequest, CreatePartitionsTopic, CreatePartitionsTopicResult,
};
use jackdaw_core::protocol::messages::create_topics::{
    CreatableTopic, CreatableTopicResult, CreateTopicsRequest,
};
use jackdaw_core::protocol::messages::delete_topics::{
    DeletableTopicResult, DeleteTopicState, DeleteTopicsRequest,
};
use jackdaw_core::protocol::messages::describe_configs::{
    DescribeConfigsRequest, DescribeConfigsResource, DescribeConfigsResourceResult,
};

use super::Client;
use super::error::ClientError;

const RESOURCE_TOPIC: i8 = 2;

/// A broker's time for a request, in its form.
pub(super) fn timeout_ms(timeout: Duration) -> i32 {
    i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX)
}

impl Client {
    /// Creates topics; each has its own result.
    pub(crate) fn create_topics(
        &mut self,
        topics: Vec<CreatableTopic>,
        validate_only: bool,
    ) -> Result<Vec<CreatableTopicResult>, ClientError> {
        let timeout_ms = timeout_ms(self.timeout());
        let answer = self.call_any(|_| CreateTopicsRequest { topics, timeout_ms, validate_only })?;
        Ok(answer.topics)
    }

    /// Deletes topics; each has its own result.
    pub(crate) fn delete_topics(
        &mut self,
        names: &[String],
    ) -> Result<Vec<DeletableTopicResult>, ClientError> {
        let timeout_ms = timeout_ms(self.timeout());
        let answer = self.call_any(|version| {
            // From version 6 on topics are named one by one, by name or id.
            let (topics, topic_names) = if version >= 6 {
                let state =
                    |name: &String| DeleteTopicState { name: Some(name.clone()), ..Default::default() };
                (names.iter().map(state).collect(), Vec::new())
            } else {
                (Vec::new(), names.to_vec())
            };
            DeleteTopicsRequest { topics, topic_names, timeout_ms }
        })?;
        Ok(answer.responses)
    }

    /// Adds partitions; each topic has its own result.
    pub(crate) fn create_partitions(
        &mut self,
        topics: Vec<CreatePartitionsTopic>,
        validate_only: bool,
    ) -> Result<Vec<CreatePartitionsTopicResult>, ClientError> {
        let timeout_ms = timeout_ms(self.timeout());
        let answer = self.call_any(|_| CreatePartitionsRequest { topics, timeout_ms, validate_only })?;
        Ok(answer.results)
    }

    /// The configuration of a topic; `None` where the broker does not serve DescribeConfigs.
    pub(crate) fn topic_configs(
        &mut self,
        name: &str,
    ) -> Result<Option<Vec<DescribeConfigsResourceResult>>, ClientError> {
        let answer = self.call_any(|_| DescribeConfigsRequest {
            resources: vec![DescribeConfigsResource {
                resource_type: RESOURCE_TOPIC,
                resource_name: name.to_owned(),
                configuration_keys: None,
            }],
            ..DescribeConfigsRequest::default()
        });
        let answer = match answer {
            Err(ClientError::NoCommonVersion { api: ApiKey::DescribeConfigs, .. }) => return Ok(None),
            answer => answer?,
        };
        let Some(result) = answer.results.into_iter().next() else { return Ok(None) };
        if result.error_code != 0 {
            let what = format!("configuration of topic {name:?}");
            return Err(ClientError::broker(what, result.error_code, result.error_message));
        }
        Ok(Some(result.configs))
    }
}
