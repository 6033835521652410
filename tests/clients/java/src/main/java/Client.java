import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.CloseOptions;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** The Java clients: the contract of ../README.md. */
public final class Client {
    private static final Duration TIMEOUT = Duration.ofSeconds(30);

    private final String bootstrap;
    private final BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
    private final Admin admin;
    private final KafkaConsumer<byte[], byte[]> consumer;
    private final Map<String, KafkaProducer<byte[], byte[]>> producers = new HashMap<>();
    private final Map<String, GroupMember> members = new HashMap<>();
    private final GroupEvents events = new GroupEvents();

    private Client(String bootstrap) {
        this.bootstrap = bootstrap;
        this.admin = Admin.create(Map.of("bootstrap.servers", bootstrap));
        this.consumer = consumer(Map.of());
    }

    public static void main(String[] args) throws IOException {
        Client client = new Client(args[0]);
        for (String line; (line = client.input.readLine()) != null; ) {
            try {
                client.run(line.split(" "));
                say("ok");
            } catch (Exception e) {
                Throwable cause = e.getCause() == null ? e : e.getCause();
                say("error " + cause.toString().replace('\n', ' '));
            }
        }
        System.exit(0);
    }

    private static synchronized void say(String line) {
        System.out.println(line);
    }

    private void run(String[] words) throws Exception {
        String topic = words[1];
        switch (words[0]) {
            case "create" -> admin.createTopics(List.of(new NewTopic(topic, Optional.of(Integer.valueOf(words[2])), Optional.empty()))).all().get();
            case "delete" -> admin.deleteTopics(List.of(topic)).all().get();
            case "describe" -> describe(topic);
            case "offsets" -> offsets(new TopicPartition(topic, Integer.parseInt(words[2])));
            case "produce" -> say("" + produce(topic, Integer.parseInt(words[2]), words[3], words[4], Path.of(words[5])));
            case "consume" -> consume(topic, words[2], words[3], Integer.parseInt(words[4]));
            case "wait" -> waitForOne(new TopicPartition(topic, Integer.parseInt(words[2])));
            case "load" -> load(topic, Integer.parseInt(words[2]), words.length > 3 ? words[3] : "idempotent");
            case "join" -> {
                members.put(words[1], new GroupMember(bootstrap, words, events));
                new Thread(members.get(words[1]), words[1]).start();
            }
            case "leave" -> members.remove(words[1]).leave();
            case "events" -> events.take(words[1]).forEach(Client::say);
            default -> throw new IllegalArgumentException("no command " + words[0]);
        }
    }

    private void describe(String topic) throws Exception {
        admin.describeTopics(List.of(topic)).topicNameValues().get(topic).get().partitions()
            .forEach(p -> say(p.partition() + " " + (p.leader() == null ? -1 : p.leader().id())));
    }

    private void offsets(TopicPartition at) {
        long earliest = consumer.beginningOffsets(List.of(at)).get(at);
        say(earliest + " " + consumer.endOffsets(List.of(at)).get(at));
    }

    private KafkaConsumer<byte[], byte[]> consumer(Map<String, Object> extra) {
        Map<String, Object> config = new HashMap<>(extra);
        config.put("bootstrap.servers", bootstrap);
        config.put("allow.auto.create.topics", false);
        return new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    private KafkaProducer<byte[], byte[]> producer(String codec, String acks) {
        return producers.computeIfAbsent(codec + " " + acks, unused -> {
            Map<String, Object> config = new HashMap<>(Map.of("bootstrap.servers", bootstrap));
            if (!acks.equals("default")) config.putAll(Map.of("compression.type", codec, "max.request.size", 2 << 20));
            if (acks.equals("idempotent")) config.put("enable.idempotence", true);
            else if (!acks.equals("default")) config.putAll(Map.of("acks", acks, "enable.idempotence", false));
            return newProducer(config);
        });
    }

    private KafkaProducer<byte[], byte[]> newProducer(Map<String, Object> config) {
        return new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer());
    }

    private long produce(String topic, int partition, String codec, String acks, Path file) throws Exception {
        var producer = producer(codec, acks);
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        for (String line : Files.readAllLines(file)) sent.add(producer.send(RecordText.parse(topic, partition, line)));
        producer.flush();
        for (Future<RecordMetadata> future : sent) future.get(TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
        return sent.get(0).get().offset();
    }

    private void consume(String topic, String partition, String start, int count) throws Exception {
        List<TopicPartition> assigned = partition.equals("all")
            ? consumer.partitionsFor(topic).stream().map(p -> new TopicPartition(topic, p.partition())).toList()
            : List.of(new TopicPartition(topic, Integer.parseInt(partition)));
        consumer.assign(assigned);
        switch (start) {
            case "earliest" -> consumer.seekToBeginning(assigned);
            case "latest" -> consumer.seekToEnd(assigned);
            default -> assigned.forEach(at -> consumer.seek(at, offset(at, start)));
        }
        long deadline = System.nanoTime() + TIMEOUT.toNanos();
        while (count > 0) {
            for (var record : consumer.poll(Duration.ofMillis(500)))
                if (count-- > 0) say(RecordText.format(record));
            if (System.nanoTime() > deadline) throw new IllegalStateException(count + " records did not come");
        }
        consumer.unsubscribe();
    }

    private long offset(TopicPartition at, String start) {
        if (!start.startsWith("time:")) return Long.parseLong(start);
        var found = consumer.offsetsForTimes(Map.of(at, Long.valueOf(start.substring(5)))).get(at);
        return found == null ? consumer.endOffsets(List.of(at)).get(at) : found.offset();
    }

    private void waitForOne(TopicPartition at) throws Exception {
        var waiter = consumer(Map.of("fetch.max.wait.ms", 60_000, "request.timeout.ms", 120_000));
        waiter.assign(List.of(at));
        waiter.seekToEnd(List.of(at));
        waiter.position(at);
        waiter.poll(Duration.ofMillis(500));
        say("waiting");
        for (ConsumerRecord<byte[], byte[]> record : waiter.poll(TIMEOUT)) say(RecordText.format(record));
        waiter.close(CloseOptions.timeout(Duration.ZERO)); // else it waits for the next long poll
    }

    private void load(String topic, int partitions, String acks) throws Exception {
        AtomicReference<Exception> failure = new AtomicReference<>();
        Map<String, Object> config = new HashMap<>(Map.of("bootstrap.servers", bootstrap,
            "delivery.timeout.ms", Integer.MAX_VALUE, "reconnect.backoff.max.ms", 200, "batch.size", 512));
        // One request at a time keeps the order of a producer that is not idempotent.
        if (!acks.equals("idempotent"))
            config.putAll(Map.of("acks", acks, "enable.idempotence", false, "max.in.flight.requests.per.connection", 1));
        try (var producer = newProducer(config)) {
            for (int n = 0; !input.ready() && failure.get() == null; n++) {
                for (int partition = 0; partition < partitions; partition++) {
                    String done = "acked " + partition + " " + n + " ";
                    var record = new org.apache.kafka.clients.producer.ProducerRecord<byte[], byte[]>(
                        topic, partition, null, ("" + n).getBytes());
                    producer.send(record, (metadata, e) -> {
                        if (e == null) say(done + metadata.offset());
                        else failure.set(e);
                    });
                }
                if (n % 10 == 0) Thread.sleep(5);
            }
        }
        if (failure.get() != null) throw failure.get();
        input.readLine();
    }
}
