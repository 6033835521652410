//! Reads bytes as a message of ours by its name and writes them again.

use bytes::Bytes;
use jackdaw_core::protocol::{DecodeError, EncodeError, Message, Reader};

/// Why bytes did not come back.
#[derive(Debug)]
pub enum Refusal {
    Decode(DecodeError),
    Encode(EncodeError),
}

/// Reads a message, and writes it again; also how many bytes were left unread.
pub type Recode = fn(&Bytes, i16) -> Result<(Bytes, usize), Refusal>;

/// Reads `M` and writes it again.
pub fn recode<M: Message>(bytes: &Bytes, version: i16) -> Result<(Bytes, usize), Refusal> {
    let mut reader = Reader::new(bytes);
    let message = M::decode(&mut reader, version).map_err(Refusal::Decode)?;
    let written = message.to_bytes(version).map_err(Refusal::Encode)?;
    Ok((written, reader.remaining()))
}

macro_rules! table {
    ($($path:path: $($name:ident)*;)*) => {
        /// Every message of ours by name.
        pub const MESSAGES: &[(&str, Recode)] = &[$($((stringify!($name), {
            use $path as module;
            recode::<module::$name>
        }),)*)*];
    };
}

table! {
    jackdaw_core::protocol::messages: AddOffsetsToTxnRequest AddOffsetsToTxnResponse
        AddPartitionsToTxnRequest AddPartitionsToTxnResponse AddRaftVoterRequest AddRaftVoterResponse
        AllocateProducerIdsRequest AllocateProducerIdsResponse AlterClientQuotasRequest
        AlterClientQuotasResponse AlterConfigsRequest AlterConfigsResponse AlterPartitionRequest
        AlterPartitionResponse AlterPartitionReassignmentsRequest AlterPartitionReassignmentsResponse
        AlterReplicaLogDirsRequest AlterReplicaLogDirsResponse AlterShareGroupOffsetsRequest
        AlterShareGroupOffsetsResponse AlterUserScramCredentialsRequest AlterUserScramCredentialsResponse
        ApiVersionsRequest ApiVersionsResponse AssignReplicasToDirsRequest AssignReplicasToDirsResponse
        BeginQuorumEpochRequest BeginQuorumEpochResponse BrokerHeartbeatRequest BrokerHeartbeatResponse
        BrokerRegistrationRequest BrokerRegistrationResponse ConsumerGroupDescribeRequest
        ConsumerGroupDescribeResponse ConsumerGroupHeartbeatRequest ConsumerGroupHeartbeatResponse
        ControllerRegistrationRequest ControllerRegistrationResponse CreateAclsRequest CreateAclsResponse
        CreateDelegationTokenRequest CreateDelegationTokenResponse CreatePartitionsRequest
        CreatePartitionsResponse CreateTopicsRequest CreateTopicsResponse DeleteAclsRequest
        DeleteAclsResponse DeleteGroupsRequest DeleteGroupsResponse DeleteRecordsRequest
        DeleteRecordsResponse DeleteShareGroupOffsetsRequest DeleteShareGroupOffsetsResponse
        DeleteShareGroupStateRequest DeleteShareGroupStateResponse DeleteTopicsRequest DeleteTopicsResponse
        DescribeAclsRequest DescribeAclsResponse DescribeClientQuotasRequest DescribeClientQuotasResponse
        DescribeClusterRequest DescribeClusterResponse DescribeConfigsRequest DescribeConfigsResponse
        DescribeDelegationTokenRequest DescribeDelegationTokenResponse DescribeGroupsRequest
        DescribeGroupsResponse DescribeLogDirsRequest DescribeLogDirsResponse DescribeProducersRequest
        DescribeProducersResponse DescribeQuorumRequest DescribeQuorumResponse
        DescribeShareGroupOffsetsRequest DescribeShareGroupOffsetsResponse DescribeTopicPartitionsRequest
        DescribeTopicPartitionsResponse DescribeTransactionsRequest DescribeTransactionsResponse
        DescribeUserScramCredentialsRequest DescribeUserScramCredentialsResponse ElectLeadersRequest
        ElectLeadersResponse EndQuorumEpochRequest EndQuorumEpochResponse EndTxnRequest EndTxnResponse
        EnvelopeRequest EnvelopeResponse ExpireDelegationTokenRequest ExpireDelegationTokenResponse
        FetchRequest FetchResponse FetchSnapshotRequest FetchSnapshotResponse FindCoordinatorRequest
        FindCoordinatorResponse GetTelemetrySubscriptionsRequest GetTelemetrySubscriptionsResponse
        HeartbeatRequest HeartbeatResponse IncrementalAlterConfigsRequest IncrementalAlterConfigsResponse
        InitProducerIdRequest InitProducerIdResponse InitializeShareGroupStateRequest
        InitializeShareGroupStateResponse JoinGroupRequest JoinGroupResponse LeaveGroupRequest
        LeaveGroupResponse ListConfigResourcesRequest ListConfigResourcesResponse ListGroupsRequest
        ListGroupsResponse ListOffsetsRequest ListOffsetsResponse ListPartitionReassignmentsRequest
        ListPartitionReassignmentsResponse ListTransactionsRequest ListTransactionsResponse MetadataRequest
        MetadataResponse OffsetCommitRequest OffsetCommitResponse OffsetDeleteRequest OffsetDeleteResponse
        OffsetFetchRequest OffsetFetchResponse OffsetForLeaderEpochRequest OffsetForLeaderEpochResponse
        ProduceRequest ProduceResponse PushTelemetryRequest PushTelemetryResponse ReadShareGroupStateRequest
        ReadShareGroupStateResponse ReadShareGroupStateSummaryRequest ReadShareGroupStateSummaryResponse
        RemoveRaftVoterRequest RemoveRaftVoterResponse RenewDelegationTokenRequest
        RenewDelegationTokenResponse SaslAuthenticateRequest SaslAuthenticateResponse SaslHandshakeRequest
        SaslHandshakeResponse ShareAcknowledgeRequest ShareAcknowledgeResponse ShareFetchRequest
        ShareFetchResponse ShareGroupDescribeRequest ShareGroupDescribeResponse ShareGroupHeartbeatRequest
        ShareGroupHeartbeatResponse StreamsGroupDescribeRequest StreamsGroupDescribeResponse
        StreamsGroupHeartbeatRequest StreamsGroupHeartbeatResponse
        StreamsGroupTopologyDescriptionUpdateRequest StreamsGroupTopologyDescriptionUpdateResponse
        SyncGroupRequest SyncGroupResponse TxnOffsetCommitRequest TxnOffsetCommitResponse
        UnregisterBrokerRequest UnregisterBrokerResponse UnregisterControllerRequest
        UnregisterControllerResponse UpdateFeaturesRequest UpdateFeaturesResponse UpdateRaftVoterRequest
        UpdateRaftVoterResponse VoteRequest VoteResponse WriteShareGroupStateRequest
        WriteShareGroupStateResponse WriteTxnMarkersRequest WriteTxnMarkersResponse;
    jackdaw_core::protocol::records::consumer_protocol: ConsumerProtocolAssignment
        ConsumerProtocolSubscription;
    jackdaw_core::protocol::records::control: ControlRecordTypeSchema EndTxnMarker KRaftVersionRecord
        LeaderChangeMessage SnapshotFooterRecord SnapshotHeaderRecord VotersRecord;
    jackdaw_core::protocol::records::group: LegacyOffsetCommitKey LegacyOffsetCommitValue OffsetCommitKey
        OffsetCommitValue GroupMetadataKey GroupMetadataValue ConsumerGroupMetadataKey
        ConsumerGroupMetadataValue ConsumerGroupPartitionMetadataKey ConsumerGroupPartitionMetadataValue
        ConsumerGroupMemberMetadataKey ConsumerGroupMemberMetadataValue
        ConsumerGroupTargetAssignmentMetadataKey ConsumerGroupTargetAssignmentMetadataValue
        ConsumerGroupTargetAssignmentMemberKey ConsumerGroupTargetAssignmentMemberValue
        ConsumerGroupCurrentMemberAssignmentKey ConsumerGroupCurrentMemberAssignmentValue
        ShareGroupMemberMetadataKey ShareGroupMemberMetadataValue ShareGroupMetadataKey
        ShareGroupMetadataValue ShareGroupTargetAssignmentMetadataKey
        ShareGroupTargetAssignmentMetadataValue ShareGroupTargetAssignmentMemberKey
        ShareGroupTargetAssignmentMemberValue ShareGroupCurrentMemberAssignmentKey
        ShareGroupCurrentMemberAssignmentValue ShareGroupStatePartitionMetadataKey
        ShareGroupStatePartitionMetadataValue ConsumerGroupRegularExpressionKey
        ConsumerGroupRegularExpressionValue StreamsGroupMetadataKey StreamsGroupMetadataValue
        StreamsGroupMemberMetadataKey StreamsGroupMemberMetadataValue
        StreamsGroupTargetAssignmentMetadataKey StreamsGroupTargetAssignmentMetadataValue
        StreamsGroupTargetAssignmentMemberKey StreamsGroupTargetAssignmentMemberValue
        StreamsGroupCurrentMemberAssignmentKey StreamsGroupCurrentMemberAssignmentValue
        StreamsGroupTopologyKey StreamsGroupTopologyValue;
    jackdaw_core::protocol::records::metadata: RegisterBrokerRecord UnregisterBrokerRecord TopicRecord
        PartitionRecord ConfigRecord PartitionChangeRecord FenceBrokerRecord UnfenceBrokerRecord
        RemoveTopicRecord DelegationTokenRecord UserScramCredentialRecord FeatureLevelRecord
        ClientQuotaRecord ProducerIdsRecord BrokerRegistrationChangeRecord AccessControlEntryRecord
        RemoveAccessControlEntryRecord NoOpRecord ZkMigrationStateRecord RemoveUserScramCredentialRecord
        BeginTransactionRecord EndTransactionRecord AbortTransactionRecord RemoveDelegationTokenRecord
        RegisterControllerRecord ClearElrRecord UnregisterControllerRecord;
    jackdaw_core::protocol::records::principal: DefaultPrincipalData;
    jackdaw_core::protocol::records::remote_log: RemoteLogSegmentMetadataRecord
        RemoteLogSegmentMetadataUpdateRecord RemotePartitionDeleteMetadataRecord
        RemoteLogSegmentMetadataSnapshotRecord;
    jackdaw_core::protocol::records::share: ShareSnapshotKey ShareSnapshotValue ShareUpdateKey
        ShareUpdateValue;
    jackdaw_core::protocol::records::snapshot: AbortedTxn ProducerSnapshot;
    jackdaw_core::protocol::records::transaction: TransactionLogKey TransactionLogValue;
}
