//! Every message that the crate `kafka-protocol` has, at every version that it shares with us.

use bytes::BytesMut;
use jackdaw_codec_tests::sample::for_each_sample;
use kafka_protocol::protocol::{Decodable, Encodable, Message};

const SEED: u64 = 5;

/// How many versions were compared.
fn compare<M: Message + Decodable + Encodable>(name: &str) -> usize {
    for_each_sample(name, M::VERSIONS.min..=M::VERSIONS.max, SEED, |version, mut bytes| {
        let expected = bytes.clone();
        let message = M::decode(&mut bytes, version)
            .unwrap_or_else(|error| panic!("{name} {version}: {error} in {expected:02x?}"));
        assert!(bytes.is_empty(), "{name} {version}: {} bytes are left", bytes.len());
        let mut written = BytesMut::new();
        message.encode(&mut written, version).expect("encodes");
        assert_eq!(written, expected, "{name} {version}");
    })
}

macro_rules! compare_all {
    ($($name:ident)*) => { 0 $(+ compare::<kafka_protocol::messages::$name>(stringify!($name)))* };
}

#[test]
fn kafka_protocol_takes_our_bytes() {
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
        SyncGroupRequest SyncGroupResponse TxnOffsetCommitRequest TxnOffsetCommitResponse
        UnregisterBrokerRequest UnregisterBrokerResponse UpdateFeaturesRequest UpdateFeaturesResponse
        UpdateRaftVoterRequest UpdateRaftVoterResponse VoteRequest VoteResponse
        WriteShareGroupStateRequest WriteShareGroupStateResponse WriteTxnMarkersRequest
        WriteTxnMarkersResponse
    };
    assert!(compared >= 450, "{compared} versions were compared");
}
