"""kafka-python: the contract of ../README.md."""

import functools
import sys
import time

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic

from kafka_python_member import Member
from contract import Commands, Record

TIMEOUT_S = 30


class Client:
    def __init__(self, bootstrap):
        self.bootstrap = bootstrap
        self.admin = KafkaAdminClient(bootstrap_servers=bootstrap)
        self.consumer = self._consumer({})
        self.producers = {}

    def _consumer(self, extra):
        return KafkaConsumer(bootstrap_servers=self.bootstrap, group_id=None, **extra)

    def create(self, topic, partitions):
        self.admin.create_topics([NewTopic(topic, partitions, 1)])

    def delete(self, topic):
        self.admin.delete_topics([topic])

    def describe(self, topic):
        found = self.admin.describe_topics([topic])[0]
        if found["error_code"]:
            raise RuntimeError(f"error {found['error_code']}")
        return [(p["partition_index"], p["leader_id"]) for p in found["partitions"]]

    def partitions(self, topic):
        return [p for p, _ in self.describe(topic)]

    def offsets(self, topic, partition):
        at = TopicPartition(topic, partition)
        return self.consumer.beginning_offsets([at])[at], self.consumer.end_offsets([at])[at]

    def _producer(self, codec, acks):
        if (codec, acks) not in self.producers:
            config = {}
            if acks == "idempotent":
                config["enable_idempotence"] = True
            elif acks != "default":
                config.update(enable_idempotence=False, acks="all" if acks == "all" else int(acks))
            self.producers[codec, acks] = KafkaProducer(
                bootstrap_servers=self.bootstrap, compression_type=None if codec == "none" else codec,
                max_request_size=2 << 20, linger_ms=5, **config,
            )
        return self.producers[codec, acks]

    def produce(self, topic, partition, codec, acks, records):
        producer = self._producer(codec, acks)
        sent = [producer.send(topic, r.value, r.key, r.headers, partition, r.timestamp_ms) for r in records]
        producer.flush(TIMEOUT_S)
        first = [future.get(TIMEOUT_S) for future in sent][0]
        return first.offset if acks != "0" else -1

    def consume(self, topic, partitions, start, count):
        assigned = [TopicPartition(topic, p) for p in partitions]
        consumer = self.consumer
        consumer.assign(assigned)
        if start == "earliest":
            consumer.seek_to_beginning(*assigned)
        elif start == "latest":
            consumer.seek_to_end(*assigned)
        else:
            for at in assigned:
                consumer.seek(at, self._offset(at, start))
        deadline = time.monotonic() + TIMEOUT_S
        while count > 0:
            for records in consumer.poll(500).values():
                for record in records[:count]:
                    yield self._found(record)
                count -= len(records)
            if time.monotonic() > deadline:
                raise TimeoutError(f"{count} records did not come")
        consumer.unsubscribe()

    def _offset(self, at, start):
        if not start.startswith("time:"):
            return int(start)
        found = self.consumer.offsets_for_times({at: int(start[5:])})[at]
        return found.offset if found else self.consumer.end_offsets([at])[at]

    @staticmethod
    def _found(record):
        return record.partition, record.offset, Record(record.timestamp, record.key, record.value, record.headers)

    def wait(self, topic, partition, waiting):
        consumer = self._consumer({"fetch_max_wait_ms": 60_000, "request_timeout_ms": 120_000, "connections_max_idle_ms": 200_000})
        at = TopicPartition(topic, partition)
        consumer.assign([at])
        consumer.seek_to_end(at)
        consumer.position(at)
        consumer.poll(500)
        waiting()
        for records in consumer.poll(TIMEOUT_S * 1000).values():
            yield self._found(records[0])
        consumer.close()


if __name__ == "__main__":
    Commands(Client(sys.argv[1]), functools.partial(Member, sys.argv[1])).run()
