"""A group member of kafka-python."""

from kafka import ConsumerRebalanceListener, KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from kafka.errors import KafkaConnectionError

ASSIGNORS = {
    "range": RangePartitionAssignor, "roundrobin": RoundRobinPartitionAssignor,
    "cooperative-sticky": CooperativeStickyAssignor,
}


def pairs(partitions):
    return [(p.topic, p.partition) for p in partitions]


class Listener(ConsumerRebalanceListener):
    def __init__(self, membership):
        self.membership = membership

    def on_partitions_assigned(self, assigned):
        self.membership.assigned(pairs(assigned))

    def on_partitions_revoked(self, revoked):
        self.membership.revoked(pairs(revoked))

    def on_partitions_lost(self, lost):
        self.membership.lost(pairs(lost))


class Member:
    def __init__(self, bootstrap, membership):
        options = membership.options
        self.membership = membership
        self.consumer = KafkaConsumer(
            bootstrap_servers=bootstrap, client_id=membership.name, group_id=membership.group,
            group_instance_id=options.get("instance"), enable_auto_commit=False, auto_offset_reset="earliest",
            metadata_max_age_ms=500, session_timeout_ms=int(options["session"]),
            heartbeat_interval_ms=int(options["heartbeat"]), reconnect_backoff_max_ms=500,
            partition_assignment_strategy=[ASSIGNORS[options["protocol"]]],
        )
        pattern = membership.topic.startswith("^")
        named = {"pattern": membership.topic} if pattern else {"topics": [membership.topic]}
        self.consumer.subscribe(listener=Listener(membership), **named)

    def poll(self):
        # A poll that times out while its join is under way makes 3.0.12 forget to take the assignment up: it neither
        # heartbeats nor fetches again. Long enough that records always end the poll first.
        try:
            found = self.consumer.poll(timeout_ms=5_000, max_records=100)
        except KafkaConnectionError as error:  # the broker is away; polled again, it comes back
            self.membership.failed("unfetched", error)
            return
        for at, records in found.items():
            for record in records:
                yield at.topic, at.partition, record.offset

    def commit(self, offsets):
        self.consumer.commit({
            TopicPartition(topic, partition): OffsetAndMetadata(offset, "", -1)
            for (topic, partition), offset in offsets.items()
        })

    def close(self):
        self.consumer.close(autocommit=False)
