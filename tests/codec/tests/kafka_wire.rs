//! Every message that the crate `kafka-wire` has, at every version: it reads and writes the bytes that we read and
//! write. Its table of APIs is compared with ours.

use jackdaw_codec_tests::sample::for_each_sample;
use jackdaw_core::protocol::ApiKey;
use kafka_wire_core::{ApiVersion, DecodeLimits};

const SEED: u64 = 4;

/// How many versions were compared.
fn compare<M: kafka_wire::KafkaMessage>() -> usize {
    // It was made a month before 4.4.0, whose AssignorName in version 1 it lacks.
    let last =
        if M::NAME == "StreamsGroupDescribeResponse" { 0 } else { M::SUPPORTED_VERSIONS.max().value() };
    let first = M::SUPPORTED_VERSIONS.min().value();
    for_each_sample(M::NAME, first..=last, SEED, |version, bytes| {
        let at = ApiVersion::new(version);
        let message = M::decode_from_bytes(bytes.clone(), at, DecodeLimits::default())
            .unwrap_or_else(|error| panic!("{} {version}: {error} in {bytes:02x?}", M::NAME));
        let written = message.encode_to_bytes(at).expect("encodes");
        assert_eq!(written, bytes, "{} {version}", M::NAME);
    })
}

macro_rules! compare_all {
    ($($name:ident)*) => { 0 $(+ compare::<kafka_wire::$name>())* };
}

#[test]
fn kafka_wire_takes_our_bytes() {
    let compared = compare_all! {
        AddOffsetsToTxnRequest AddOffsetsToTxnResponse AddPartitionsToTxnRequest
        AddPartitionsToTxnResponse AddRaftVoterRequest AddRaftVoterResponse AllocateProducerIdsRequest
        AllocateProducerIdsResponse AlterClientQuotasRequest AlterClientQuotasResponse
        AlterConfigsRequest AlterConfigsResponse AlterPartitionRequest AlterPartitionResponse
        AlterPartitionReassignmentsRequest AlterPartitionReassignmentsResponse
        AlterReplicaLogDirsRequest AlterReplicaLogDirsResponse AlterShareGroupOffsetsRequest
        AlterShareGroupOffsetsResponse AlterUserScramCredentialsRequest
        AlterUserScramCredentialsResponse ApiVersionsRequest ApiVersionsResponse
        AssignReplicasToDirsRequest AssignReplicasToDirsResponse BeginQuorumEpochRequest
        BeginQuorumEpochResponse BrokerHeartbeatRequest BrokerHeartbeatResponse
        BrokerRegistrationRequest BrokerRegistrationResponse ConsumerGroupDescribeRequest
        ConsumerGroupDescribeResponse ConsumerGroupHeartbeatRequest ConsumerGroupHeartbeatResponse
        ControllerRegistrationRequest ControllerRegistrationResponse CreateAclsRequest
        CreateAclsResponse CreateDelegationTokenRequest CreateDelegationTokenResponse
        CreatePartitionsRequest CreatePartitionsResponse CreateTopicsRequest CreateTopicsResponse
        DeleteAclsRequest DeleteAclsResponse DeleteGroupsRequest DeleteGroupsResponse
        DeleteRecordsRequest DeleteRecordsResponse DeleteShareGroupOffsetsRequest
        DeleteShareGroupOffsetsResponse DeleteShareGroupStateRequest DeleteShareGroupStateResponse
        DeleteTopicsRequest DeleteTopicsResponse DescribeAclsRequest DescribeAclsResponse
        DescribeClientQuotasRequest DescribeClientQuotasResponse DescribeClusterRequest
        DescribeClusterResponse DescribeConfigsRequest DescribeConfigsResponse
        DescribeDelegationTokenRequest DescribeDelegationTokenResponse DescribeGroupsRequest
        DescribeGroupsResponse DescribeLogDirsRequest DescribeLogDirsResponse DescribeProducersRequest
        DescribeProducersResponse DescribeQuorumRequest DescribeQuorumResponse
        DescribeShareGroupOffsetsRequest DescribeShareGroupOffsetsResponse
        DescribeTopicPartitionsRequest DescribeTopicPartitionsResponse DescribeTransactionsRequest
        DescribeTransactionsResponse DescribeUserScramCredentialsRequest
        DescribeUserScramCredentialsResponse ElectLeadersRequest ElectLeadersResponse
        EndQuorumEpochRequest EndQuorumEpochResponse EndTxnRequest EndTxnResponse EnvelopeRequest
        EnvelopeResponse ExpireDelegationTokenRequest ExpireDelegationTokenResponse FetchRequest
        FetchResponse FetchSnapshotRequest FetchSnapshotResponse FindCoordinatorRequest
        FindCoordinatorResponse GetTelemetrySubscriptionsRequest GetTelemetrySubscriptionsResponse
        HeartbeatRequest HeartbeatResponse IncrementalAlterConfigsRequest
        IncrementalAlterConfigsResponse InitProducerIdRequest InitProducerIdResponse
        InitializeShareGroupStateRequest InitializeShareGroupStateResponse JoinGroupRequest
        JoinGroupResponse LeaveGroupRequest LeaveGroupResponse ListConfigResourcesRequest
        ListConfigResourcesResponse ListGroupsRequest ListGroupsResponse ListOffsetsRequest
        ListOffsetsResponse ListPartitionReassignmentsRequest ListPartitionReassignmentsResponse
        ListTransactionsRequest ListTransactionsResponse MetadataRequest MetadataResponse
        OffsetCommitRequest OffsetCommitResponse OffsetDeleteRequest OffsetDeleteResponse
        OffsetFetchRequest OffsetFetchResponse OffsetForLeaderEpochRequest OffsetForLeaderEpochResponse
        ProduceRequest ProduceResponse PushTelemetryRequest PushTelemetryResponse
        ReadShareGroupStateRequest ReadShareGroupStateResponse ReadShareGroupStateSummaryRequest
        ReadShareGroupStateSummaryResponse RemoveRaftVoterRequest RemoveRaftVoterResponse
        RenewDelegationTokenRequest RenewDelegationTokenResponse SaslAuthenticateRequest
        SaslAuthenticateResponse SaslHandshakeRequest SaslHandshakeResponse ShareAcknowledgeRequest
        ShareAcknowledgeResponse ShareFetchRequest ShareFetchResponse ShareGroupDescribeRequest
        ShareGroupDescribeResponse ShareGroupHeartbeatRequest ShareGroupHeartbeatResponse
        StreamsGroupDescribeRequest StreamsGroupDescribeResponse StreamsGroupHeartbeatRequest
        StreamsGroupHeartbeatResponse StreamsGroupTopologyDescriptionUpdateRequest
        StreamsGroupTopologyDescriptionUpdateResponse SyncGroupRequest SyncGroupResponse
        TxnOffsetCommitRequest TxnOffsetCommitResponse UnregisterBrokerRequest UnregisterBrokerResponse
        UpdateFeaturesRequest UpdateFeaturesResponse UpdateRaftVoterRequest UpdateRaftVoterResponse
        VoteRequest VoteResponse WriteShareGroupStateRequest WriteShareGroupStateResponse
        WriteTxnMarkersRequest WriteTxnMarkersResponse
    };
    assert!(compared >= 500, "{compared} versions were compared");
}

#[test]
fn kafka_wire_knows_the_same_apis() {
    for theirs in kafka_wire::API_DESCRIPTORS {
        let key = ApiKey::from_code(theirs.api_key.value()).expect("an API of ours");
        let ours = key.info();
        let range = theirs.supported_versions;
        let flexible = theirs.flexible_versions.map_or(i16::MAX, |versions| versions.min().value());
        assert_eq!(
            (range.min().value(), range.max().value()),
            (ours.min_version, ours.max_version),
            "{key:?}"
        );
        assert_eq!(
            flexible.max(ours.min_version),
            ours.first_flexible_version.max(ours.min_version),
            "{key:?}"
        );
        assert_eq!(theirs.latest_version_unstable, ours.stable_max_version < ours.max_version, "{key:?}");
    }
}
