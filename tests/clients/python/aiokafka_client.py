"""aiokafka: the contract of ../README.md."""

import asyncio
import functools
import sys

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from aiokafka_member import Member
from contract import Commands, Record

TIMEOUT_S = 30


class Client:
    def __init__(self, bootstrap):
        self.bootstrap = bootstrap
        self.loop = asyncio.new_event_loop()
        self.producers = {}
        self._await(self._start())

    def _await(self, coroutine):
        return self.loop.run_until_complete(asyncio.wait_for(coroutine, TIMEOUT_S))

    async def _start(self):
        self.admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await self.admin.start()
        self.consumer = await self._consumer()

    async def _consumer(self, **extra):
        consumer = AIOKafkaConsumer(bootstrap_servers=self.bootstrap, group_id=None, **extra)
        await consumer.start()
        return consumer

    def create(self, topic, partitions):
        self._check(self._await(self.admin.create_topics([NewTopic(topic, partitions, 1)])).topic_errors)

    def delete(self, topic):
        self._check(self._await(self.admin.delete_topics([topic])).topic_error_codes)

    @staticmethod
    def _check(errors):
        for name, code, *_ in errors:
            if code:
                raise RuntimeError(f"{name}: error {code}")

    def describe(self, topic):
        found = self._await(self.admin.describe_topics([topic]))[0]
        self._check([(topic, found["error_code"])])
        return [(p["partition"], p["leader"]) for p in found["partitions"]]

    def partitions(self, topic):
        return [p for p, _ in self.describe(topic)]

    def offsets(self, topic, partition):
        at = TopicPartition(topic, partition)
        begin = self._await(self.consumer.beginning_offsets([at]))[at]
        return begin, self._await(self.consumer.end_offsets([at]))[at]

    async def _producer(self, codec, acks):
        if (codec, acks) not in self.producers:
            config = {"enable_idempotence": True} if acks == "idempotent" else {}
            if acks in ("0", "1", "all"):
                config = {"acks": acks if acks == "all" else int(acks)}
            self.producers[codec, acks] = producer = AIOKafkaProducer(
                bootstrap_servers=self.bootstrap, compression_type=None if codec == "none" else codec,
                max_request_size=2 << 20, linger_ms=5, **config,
            )
            await producer.start()
        return self.producers[codec, acks]

    def produce(self, topic, partition, codec, acks, records):
        return self._await(self._produce(topic, partition, codec, acks, records))

    async def _produce(self, topic, partition, codec, acks, records):
        producer = await self._producer(codec, acks)
        sent = [
            await producer.send(topic, r.value, r.key, partition, r.timestamp_ms, headers=r.headers) for r in records
        ]
        await producer.flush()
        first = [await future for future in sent][0]
        return first.offset if acks != "0" else -1

    def consume(self, topic, partitions, start, count):
        yield from self._await(self._consume(topic, partitions, start, count))

    async def _consume(self, topic, partitions, start, count):
        assigned = [TopicPartition(topic, p) for p in partitions]
        consumer, found = self.consumer, []
        consumer.assign(assigned)
        if start == "earliest":
            await consumer.seek_to_beginning(*assigned)
        elif start == "latest":
            await consumer.seek_to_end(*assigned)
        else:
            for at in assigned:
                consumer.seek(at, await self._offset(at, start))
        while len(found) < count:
            for records in (await consumer.getmany(timeout_ms=500, max_records=count - len(found))).values():
                found += [self._found(record) for record in records]
        consumer.unsubscribe()
        return found

    async def _offset(self, at, start):
        if not start.startswith("time:"):
            return int(start)
        found = (await self.consumer.offsets_for_times({at: int(start[5:])}))[at]
        return found.offset if found else (await self.consumer.end_offsets([at]))[at]

    @staticmethod
    def _found(record):
        return record.partition, record.offset, Record(record.timestamp, record.key, record.value, record.headers)

    def wait(self, topic, partition, waiting):
        yield self._await(self._wait(TopicPartition(topic, partition), waiting))

    async def _wait(self, at, waiting):
        consumer = await self._consumer(fetch_max_wait_ms=60_000, request_timeout_ms=120_000)
        consumer.assign([at])
        await consumer.seek_to_end(at)
        await consumer.position(at)
        await consumer.getmany(timeout_ms=500)
        waiting()
        record = await consumer.getone()
        await consumer.stop()
        return self._found(record)


if __name__ == "__main__":
    Commands(Client(sys.argv[1]), functools.partial(Member, sys.argv[1])).run()
