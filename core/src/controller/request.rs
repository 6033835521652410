//! What may be asked of the controller: one line an API.

use super::{Context, Controller, Outcome};
use crate::protocol::messages::{
    allocate_producer_ids, alter_client_quotas, alter_configs, alter_partition_reassignments,
    broker_heartbeat, broker_registration, controller_registration, create_partitions, create_topics,
    delete_topics, elect_leaders, incremental_alter_configs, unregister_broker, update_features,
};

/// A request that the active controller answers, by its message.
pub trait ControllerRequest: crate::protocol::Request {
    fn into_request(self) -> Request;

    /// The answer to such a request; `None` for that to another.
    fn response(response: Response) -> Option<Self::Response>;
}

/// Each line: the API, its module and messages, and the method that decides.
macro_rules! requests {
    ($($api:ident $module:ident $request:ident $response:ident by $decide:ident;)*) => {
        /// A request that the active controller answers.
        #[derive(Clone, Debug)]
        pub enum Request {
            $($api($module::$request),)*
        }

        /// The answer, of the same kind as the request. Fields that the request's version lacks are left out by the
        /// codec.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Response {
            $($api($module::$response),)*
        }

        $(impl ControllerRequest for $module::$request {
            fn into_request(self) -> Request {
                Request::$api(self)
            }

            fn response(response: Response) -> Option<Self::Response> {
                match response {
                    Response::$api(response) => Some(response),
                    _ => None,
                }
            }
        })*

        impl Controller {
            /// Decides about one request.
            pub fn handle(&self, context: &Context, request: &Request) -> Outcome<Response> {
                match request {
                    $(Request::$api(request) => self.$decide(context, request).map(Response::$api),)*
                }
            }
        }
    };
}

requests! {
    CreateTopics create_topics CreateTopicsRequest CreateTopicsResponse by create_topics;
    DeleteTopics delete_topics DeleteTopicsRequest DeleteTopicsResponse by delete_topics;
    AlterConfigs alter_configs AlterConfigsRequest AlterConfigsResponse by alter_configs;
    IncrementalAlterConfigs incremental_alter_configs IncrementalAlterConfigsRequest IncrementalAlterConfigsResponse
        by incremental_alter_configs;
    CreatePartitions create_partitions CreatePartitionsRequest CreatePartitionsResponse by create_partitions;
    ElectLeaders elect_leaders ElectLeadersRequest ElectLeadersResponse by elect_leaders;
    AlterPartitionReassignments alter_partition_reassignments AlterPartitionReassignmentsRequest
        AlterPartitionReassignmentsResponse by alter_partition_reassignments;
    AlterClientQuotas alter_client_quotas AlterClientQuotasRequest AlterClientQuotasResponse by alter_client_quotas;
    UpdateFeatures update_features UpdateFeaturesRequest UpdateFeaturesResponse by update_features;
    UnregisterBroker unregister_broker UnregisterBrokerRequest UnregisterBrokerResponse by unregister_broker;
    BrokerRegistration broker_registration BrokerRegistrationRequest BrokerRegistrationResponse by register_broker;
    BrokerHeartbeat broker_heartbeat BrokerHeartbeatRequest BrokerHeartbeatResponse by heartbeat;
    AllocateProducerIds allocate_producer_ids AllocateProducerIdsRequest AllocateProducerIdsResponse
        by allocate_producer_ids;
    ControllerRegistration controller_registration ControllerRegistrationRequest ControllerRegistrationResponse
        by register_controller;
}
