"""A group member of confluent-kafka."""

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition


def pairs(partitions):
    return [(p.topic, p.partition) for p in partitions]


class Member:
    def __init__(self, bootstrap, membership):
        self.membership = membership
        self.consumer = Consumer({
            "bootstrap.servers": bootstrap, "client.id": membership.name, "group.id": membership.group,
            "enable.auto.commit": False, "auto.offset.reset": "earliest", "topic.metadata.refresh.interval.ms": 500,
            "reconnect.backoff.max.ms": 500, **self._protocol(membership.options),
        })
        self.consumer.subscribe(
            [membership.topic], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost
        )

    @staticmethod
    def _protocol(options):
        config = {}
        if options["protocol"] == "consumer":
            config["group.protocol"] = "consumer"
        else:
            config["session.timeout.ms"] = int(options["session"])
            config["heartbeat.interval.ms"] = int(options["heartbeat"])
            config["partition.assignment.strategy"] = options["protocol"]
        if "instance" in options:
            config["group.instance.id"] = options["instance"]
        return config

    # Each is called by poll, in the member's thread.
    def _assigned(self, _, partitions):
        self.membership.assigned(pairs(partitions))

    def _revoked(self, _, partitions):
        self.membership.revoked(pairs(partitions))

    def _lost(self, _, partitions):
        self.membership.lost(pairs(partitions))

    def poll(self):
        for i in range(100):
            message = self.consumer.poll(0 if i else 0.1)
            if message is None:
                return
            if message.error() is None:
                yield message.topic(), message.partition(), message.offset()
            elif not self._passing(message.error()):
                raise KafkaException(message.error())

    @staticmethod
    def _passing(error):
        """A broker that is away for a while, or a topic that is not there yet."""
        return error.retriable() or error.code() in (
            KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT, KafkaError.UNKNOWN_TOPIC_OR_PART,
            KafkaError.COORDINATOR_NOT_AVAILABLE, KafkaError.NOT_COORDINATOR, KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        )

    def commit(self, offsets):
        asked = [TopicPartition(topic, partition, offset) for (topic, partition), offset in offsets.items()]
        for done in self.consumer.commit(offsets=asked, asynchronous=False):
            if done.error is not None:
                raise KafkaException(done.error)

    def close(self):
        self.consumer.close()
