"""Members of consumer groups (see ../README.md): each in a thread of its own, around a library's consumer."""

import threading


class Events:
    """What the members of each group have told, until it is asked for."""

    def __init__(self):
        self.lock = threading.Lock()
        self.by_group = {}

    def add(self, group, *words):
        with self.lock:
            self.by_group.setdefault(group, []).append(" ".join(str(word) for word in words))

    def take(self, group):
        with self.lock:
            return self.by_group.pop(group, [])


class Groups:
    """The members that one program hosts. `open_member(membership)` makes a library's consumer."""

    def __init__(self, open_member):
        self.open_member = open_member
        self.events = Events()
        self.members = {}

    def join(self, name, group, topic, *options):
        self.members[name] = Membership(name, group, topic, dict(o.split("=", 1) for o in options), self.events)
        threading.Thread(target=self.members[name].run, args=(self.open_member,), daemon=True).start()

    def leave(self, name):
        self.members.pop(name).leaving.set()


class Membership:
    """A member's life: poll, tell, commit, until it is told to leave."""

    def __init__(self, name, group, topic, options, events):
        self.name, self.group, self.topic, self.options = name, group, topic, options
        self.events, self.leaving, self.consumer, self.pending = events, threading.Event(), None, {}

    def tell(self, *words):
        self.events.add(self.group, self.name, *words)

    def got(self, topic, partition, offset):
        self.tell("got", topic, partition, offset)
        self.pending[topic, partition] = offset + 1

    def assigned(self, partitions, generation="-"):
        self.tell("assigned", generation, listed(partitions))

    def revoked(self, partitions):
        self.commit()
        self.lost(partitions, "revoked")

    def lost(self, partitions, how="lost"):
        for at in partitions:
            self.pending.pop(at, None)
        self.tell(how, "-", listed(partitions))

    def commit(self):
        """Commits what was received; what fails stays pending while the partitions are ours."""
        if not self.pending:
            return
        offsets = dict(self.pending)
        try:
            self.consumer.commit(offsets)
        except Exception as error:  # a rebalance or the coordinator's failure: the next commit covers it
            self.failed("uncommitted", error)
            return
        self.committed(offsets)

    def committed(self, offsets):
        for (topic, partition), offset in offsets.items():
            self.tell("committed", topic, partition, offset)
            if self.pending.get((topic, partition)) == offset:
                del self.pending[topic, partition]

    def failed(self, what, error):
        self.tell(what, f"{type(error).__name__}: {error}".replace("\n", " "))

    def run(self, open_member):
        try:
            self.consumer = open_member(self)
            while not self.leaving.is_set():
                for topic, partition, offset in self.consumer.poll():
                    self.got(topic, partition, offset)
                self.commit()
            self.commit()
            self.consumer.close()
            self.tell("left")
        except Exception as error:  # told, so that the test fails with its reason
            self.failed("failed", error)


def listed(partitions):
    return ",".join(f"{topic}:{partition}" for topic, partition in sorted(partitions)) or "none"
