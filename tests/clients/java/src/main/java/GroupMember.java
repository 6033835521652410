import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.SubscriptionPattern;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** A member of a consumer group in a thread of its own: polls, tells, commits, until it is told to leave. */
final class GroupMember implements Runnable, ConsumerRebalanceListener {
    private static final Map<String, String> ASSIGNORS = Map.of(
        "range", "RangeAssignor", "roundrobin", "RoundRobinAssignor", "sticky", "StickyAssignor",
        "cooperative-sticky", "CooperativeStickyAssignor");

    private final String bootstrap;
    private final String name;
    private final String group;
    private final String topic;
    private final Map<String, String> options;
    private final GroupEvents events;
    private final Map<TopicPartition, OffsetAndMetadata> pending = new HashMap<>();
    private KafkaConsumer<byte[], byte[]> consumer;
    private volatile boolean leaving;

    GroupMember(String bootstrap, String[] words, GroupEvents events) {
        this.bootstrap = bootstrap;
        this.name = words[1];
        this.group = words[2];
        this.topic = words[3];
        this.options = new HashMap<>();
        for (int i = 4; i < words.length; i++) options.put(words[i].split("=")[0], words[i].split("=")[1]);
        this.events = events;
    }

    void leave() {
        leaving = true;
    }

    private void tell(String event) {
        events.add(group, name + " " + event);
    }

    private Map<String, Object> config() {
        Map<String, Object> config = new HashMap<>(Map.of("bootstrap.servers", bootstrap, "group.id", group, "client.id", name,
            "enable.auto.commit", false, "auto.offset.reset", "earliest", "metadata.max.age.ms", 500,
            "reconnect.backoff.max.ms", 500, "max.poll.records", 100));
        String protocol = options.get("protocol");
        if (protocol.equals("consumer")) {
            config.put("group.protocol", "consumer");
            if (options.containsKey("assignor")) config.put("group.remote.assignor", options.get("assignor"));
        } else {
            // Two assignors, in order of preference, are written as a+b.
            config.put("partition.assignment.strategy",
                List.of(protocol.split("\\+")).stream().map(a -> "org.apache.kafka.clients.consumer." + ASSIGNORS.get(a)).toList());
            config.put("session.timeout.ms", Integer.valueOf(options.get("session")));
            config.put("heartbeat.interval.ms", Integer.valueOf(options.get("heartbeat")));
        }
        if (options.containsKey("instance")) config.put("group.instance.id", options.get("instance"));
        return config;
    }

    private void subscribe() {
        if (!topic.startsWith("^")) consumer.subscribe(List.of(topic), this);
        else if (options.getOrDefault("pattern", "client").equals("server")) consumer.subscribe(new SubscriptionPattern(topic), this);
        else consumer.subscribe(Pattern.compile(topic), this);
    }

    @Override
    public void run() {
        try {
            consumer = new KafkaConsumer<>(config(), new ByteArrayDeserializer(), new ByteArrayDeserializer());
            subscribe();
            while (!leaving) {
                consumer.poll(Duration.ofMillis(100)).forEach(record -> {
                    tell("got " + record.topic() + " " + record.partition() + " " + record.offset());
                    pending.put(new TopicPartition(record.topic(), record.partition()), new OffsetAndMetadata(record.offset() + 1));
                });
                commit();
            }
            commit();
            consumer.close();
            tell("left");
        } catch (Exception e) {
            tell("failed " + e.toString().replace('\n', ' '));
        }
    }

    /** Commits what was received; what fails stays pending while the partitions are ours. */
    private void commit() {
        if (pending.isEmpty()) return;
        try {
            consumer.commitSync(pending);
        } catch (RuntimeException e) {
            tell("uncommitted " + e.toString().replace('\n', ' '));
            return;
        }
        pending.forEach((at, offset) -> tell("committed " + at.topic() + " " + at.partition() + " " + offset.offset()));
        pending.clear();
    }

    @Override
    public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
        tell("assigned " + consumer.groupMetadata().generationId() + " " + listed(partitions));
    }

    @Override
    public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
        commit();
        forget("revoked", partitions);
    }

    @Override
    public void onPartitionsLost(Collection<TopicPartition> partitions) {
        forget("lost", partitions);
    }

    private void forget(String how, Collection<TopicPartition> partitions) {
        partitions.forEach(pending::remove);
        tell(how + " " + consumer.groupMetadata().generationId() + " " + listed(partitions));
    }

    private static String listed(Collection<TopicPartition> partitions) {
        TreeSet<String> names = new TreeSet<>();
        partitions.forEach(at -> names.add(at.topic() + ":" + at.partition()));
        return names.isEmpty() ? "none" : String.join(",", names);
    }
}
