"""The command loop and the text form of records (see ../README.md), for every Python client program here."""

import hashlib
import queue
import sys
import threading
from typing import NamedTuple, Optional

from group import Groups


class Record(NamedTuple):
    timestamp_ms: int
    key: Optional[bytes]
    value: Optional[bytes]
    headers: list


def parse_bytes(text):
    if text == "null":
        return None
    return b"" if text == "." else bytes.fromhex(text)


def format_bytes(data):
    if data is None:
        return "null"
    if len(data) > 256:
        return f"{len(data)}:{hashlib.sha256(data).hexdigest()}"
    return bytes(data).hex() or "."


def parse_header(text):
    name, value = text.split("=")
    return parse_bytes(name).decode(), parse_bytes(value)


def read_records(path):
    records = []
    with open(path, encoding="ascii") as file:
        for line in file:
            timestamp, key, value, headers = line.split()
            headers = [] if headers == "none" else [parse_header(h) for h in headers.split(",")]
            records.append(Record(int(timestamp), parse_bytes(key), parse_bytes(value), headers))
    return records


def format_record(partition, offset, record):
    headers = ",".join(f"{format_bytes(n.encode())}={format_bytes(v)}" for n, v in record.headers or []) or "none"
    return f"{partition} {offset} {record.timestamp_ms} {format_bytes(record.key)} {format_bytes(record.value)} {headers}"


def say(*words):
    print(*words, flush=True)


def partitions_of(client, topic, partition):
    return client.partitions(topic) if partition == "all" else [int(partition)]


class Commands:
    """Runs commands from standard input against a client object with one method a command."""

    def __init__(self, client, open_member):
        self.client = client
        self.groups = Groups(open_member)
        self.lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in sys.stdin:
            self.lines.put(line.split())
        self.lines.put(None)

    def stopped(self):
        """Whether the line that ends a load has come."""
        return not self.lines.empty()

    def run(self):
        while (words := self.lines.get()) is not None:
            try:
                self._run(*words)
                say("ok")
            except Exception as error:  # every failure is an answer of the contract
                say("error", f"{type(error).__name__}: {error}".replace("\n", " "))

    def _run(self, name, topic, *arguments):
        client = self.client
        if name == "create":
            client.create(topic, int(arguments[0]))
        elif name == "delete":
            client.delete(topic)
        elif name == "describe":
            for partition, leader in sorted(client.describe(topic)):
                say(partition, leader)
        elif name == "offsets":
            say(*client.offsets(topic, int(arguments[0])))
        elif name == "produce":
            partition, codec, acks, path = arguments
            say(client.produce(topic, int(partition), codec, acks, read_records(path)))
        elif name == "consume":
            partition, start, count = arguments
            partitions = partitions_of(client, topic, partition)
            for found in client.consume(topic, partitions, start, int(count)):
                say(format_record(*found))
        elif name == "wait":
            for found in client.wait(topic, int(arguments[0]), lambda: say("waiting")):
                say(format_record(*found))
        elif name == "load":
            acks = arguments[1] if len(arguments) > 1 else "idempotent"
            client.load(topic, int(arguments[0]), acks, self.stopped, lambda *words: say("acked", *words))
            self.lines.get()
        elif name == "join":
            self.groups.join(topic, *arguments)
        elif name == "leave":
            self.groups.leave(topic)
        elif name == "events":
            for event in self.groups.events.take(topic):
                print(event)
        else:
            raise ValueError(f"no command {name}")
