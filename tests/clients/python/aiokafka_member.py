"""A group member of aiokafka, on an event loop of its own."""

import asyncio

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor

ASSIGNORS = {"range": RangePartitionAssignor, "roundrobin": RoundRobinPartitionAssignor}


def pairs(partitions):
    return [(p.topic, p.partition) for p in partitions]


class Listener(ConsumerRebalanceListener):
    """The library calls it on the loop, beside what the member does there."""

    def __init__(self, member):
        self.member = member

    async def on_partitions_assigned(self, assigned):
        self.member.membership.assigned(pairs(assigned))

    async def on_partitions_revoked(self, revoked):
        await self.member.commit_pending()
        self.member.membership.lost(pairs(revoked), "revoked")


class Member:
    def __init__(self, bootstrap, membership):
        self.membership = membership
        self.loop = asyncio.new_event_loop()
        self.loop.run_until_complete(self._start(bootstrap, membership.options))

    async def _start(self, bootstrap, options):
        self.committing = asyncio.Lock()
        self.consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap, client_id=self.membership.name, group_id=self.membership.group,
            group_instance_id=options.get("instance"), enable_auto_commit=False, auto_offset_reset="earliest",
            metadata_max_age_ms=500, session_timeout_ms=int(options["session"]),
            heartbeat_interval_ms=int(options["heartbeat"]),
            partition_assignment_strategy=(ASSIGNORS[options["protocol"]],),
        )
        topic = self.membership.topic
        named = {"pattern": topic} if topic.startswith("^") else {"topics": [topic]}
        self.consumer.subscribe(listener=Listener(self), **named)
        await self.consumer.start()

    def poll(self):
        self.loop.run_until_complete(self._poll())
        return []

    async def _poll(self):
        for at, records in (await self.consumer.getmany(timeout_ms=100, max_records=100)).items():
            for record in records:
                self.membership.got(at.topic, at.partition, record.offset)
        await self.commit_pending()

    async def commit_pending(self):
        membership = self.membership
        async with self.committing:
            offsets = dict(membership.pending)
            if not offsets:
                return
            try:
                await self.consumer.commit({TopicPartition(*at): offset for at, offset in offsets.items()})
            except Exception as error:  # a rebalance or the coordinator's failure: the next commit covers it
                membership.failed("uncommitted", error)
                return
            membership.committed(offsets)

    def commit(self, offsets):
        self.loop.run_until_complete(
            self.consumer.commit({TopicPartition(*at): offset for at, offset in offsets.items()})
        )

    def close(self):
        self.loop.run_until_complete(self.consumer.stop())
