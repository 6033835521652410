"""confluent-kafka, the newest wheel and an old one: the contract of ../README.md over librdkafka."""

import functools
import sys
import time
import uuid

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from confluent_member import Member
from contract import Commands, Record

TIMEOUT_S = 30


class Client:
    def __init__(self, bootstrap):
        self.base = {"bootstrap.servers": bootstrap, "client.id": "confluent", "allow.auto.create.topics": False}
        self.admin = AdminClient({"bootstrap.servers": bootstrap})
        self.consumer = self._consumer({})
        self.producers = {}

    def _consumer(self, extra):
        # The group is never joined: the library only wants the key to be there.
        return Consumer({**self.base, "group.id": f"none-{uuid.uuid4()}", "enable.auto.commit": False, **extra})

    def create(self, topic, partitions):
        self.admin.create_topics([NewTopic(topic, partitions, 1)])[topic].result(TIMEOUT_S)

    def delete(self, topic):
        self.admin.delete_topics([topic])[topic].result(TIMEOUT_S)

    def describe(self, topic):
        found = self.admin.list_topics(topic, timeout=TIMEOUT_S).topics[topic]
        if found.error is not None:
            raise KafkaException(found.error)
        return [(p.id, p.leader) for p in found.partitions.values()]

    def partitions(self, topic):
        return [p for p, _ in self.describe(topic)]

    def offsets(self, topic, partition):
        return self.consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=TIMEOUT_S)

    def _producer(self, codec, acks):
        if (codec, acks) not in self.producers:
            config = {"bootstrap.servers": self.base["bootstrap.servers"], "compression.type": codec, "linger.ms": 5}
            if acks == "idempotent":
                config["enable.idempotence"] = True
            elif acks != "default":
                config["acks"] = acks
            self.producers[codec, acks] = Producer(config)
        return self.producers[codec, acks]

    def produce(self, topic, partition, codec, acks, records):
        producer, offsets, errors = self._producer(codec, acks), [], []

        def delivered(error, message):
            offsets.append(message.offset()) if error is None else errors.append(error)

        for record in records:
            producer.produce(
                topic, record.value, record.key, partition,
                on_delivery=delivered, timestamp=record.timestamp_ms, headers=record.headers,
            )
        left = producer.flush(TIMEOUT_S)
        if errors or left:
            raise KafkaException(*errors[:1] or [f"{left} records undelivered"])
        return offsets[0] if acks != "0" else -1

    def _start(self, topic, partitions, start):
        if start.startswith("time:"):
            asked = [TopicPartition(topic, p, int(start[5:])) for p in partitions]
            return self.consumer.offsets_for_times(asked, timeout=TIMEOUT_S)
        offset = {"earliest": OFFSET_BEGINNING, "latest": OFFSET_END}.get(start)
        return [TopicPartition(topic, p, int(start) if offset is None else offset) for p in partitions]

    def consume(self, topic, partitions, start, count):
        self.consumer.assign(self._start(topic, partitions, start))
        deadline = time.monotonic() + TIMEOUT_S
        while count > 0:
            message = self.consumer.poll(0.5)
            if message is not None:
                yield self._found(message)
                count -= 1
            elif time.monotonic() > deadline:
                raise TimeoutError(f"{count} records did not come")
        self.consumer.unassign()

    @staticmethod
    def _found(message):
        if message.error():
            raise KafkaException(message.error())
        record = Record(message.timestamp()[1], message.key(), message.value(), message.headers())
        return message.partition(), message.offset(), record

    def wait(self, topic, partition, waiting):
        consumer = self._consumer({"fetch.wait.max.ms": 60_000, "socket.timeout.ms": 120_000})
        end = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=TIMEOUT_S)[1]
        consumer.assign([TopicPartition(topic, partition, end)])
        consumer.poll(0.5)
        waiting()
        message = consumer.poll(TIMEOUT_S)
        if message is None:
            raise TimeoutError("no record came")
        yield self._found(message)
        consumer.close()

    def load(self, topic, partitions, acks, stopped, acked):
        # One request at a time keeps the order of a producer that is not idempotent.
        promise = {"enable.idempotence": True} if acks == "idempotent" else {"acks": acks, "max.in.flight": 1, "retries": 2**31 - 1}
        producer = Producer({
            **promise, "bootstrap.servers": self.base["bootstrap.servers"], "message.timeout.ms": 0,
            "linger.ms": 1, "batch.num.messages": 20, "reconnect.backoff.max.ms": 500, "retry.backoff.ms": 50,
        })
        errors = []

        def delivered(partition, n):
            def report(error, message):
                acked(partition, n, message.offset()) if error is None else errors.append(error)
            return report

        n = 0
        while not stopped() and not errors:
            for partition in range(partitions):
                producer.produce(topic, str(n), partition=partition, on_delivery=delivered(partition, n))
            n += 1
            producer.poll(0)
            while len(producer) > 2_000:
                producer.poll(0.01)
            if n % 10 == 0:
                time.sleep(0.005)
        producer.flush(TIMEOUT_S)
        if errors:
            raise KafkaException(errors[0])


if __name__ == "__main__":
    Commands(Client(sys.argv[1]), functools.partial(Member, sys.argv[1])).run()
