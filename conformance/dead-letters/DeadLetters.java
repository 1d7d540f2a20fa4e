// What a share group gives up, as any broker with KIP-1191 writes it down: java -cp 'lib/*' DeadLetters.java BOOTSTRAP
// Prints settings and letters, one a line, headers in the order of their names.
import java.time.Duration;
import java.util.*;
import java.util.stream.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.*;

public class DeadLetters {
    static final String PREFIX = "errors.deadletterqueue.";
    static String bootstrap;
    static Admin admin;

    public static void main(String[] args) throws Exception {
        bootstrap = args[0];
        admin = Admin.create(Map.of("bootstrap.servers", bootstrap));
        topic("work", Map.of());
        topic("dlq.letters", Map.of(PREFIX + "group.enable", "true"));
        topic("dlq.closed", Map.of(PREFIX + "group.enable", "false"));
        group("whole", Map.of(PREFIX + "topic.name", "dlq.letters", PREFIX + "copy.record.enable", "true"));
        group("bare", Map.of(PREFIX + "topic.name", "dlq.letters", PREFIX + "copy.record.enable", "false"));
        settings();
        fill();
        for (String group : List.of("whole", "bare")) {
            drain(group);
            letters(group);
        }
        // What cannot be a topic of dead letters is refused where it is said.
        refused("a name without the prefix", "refused-1", Map.of(PREFIX + "topic.name", "letters"));
        refused("a name that no topic can have", "refused-2", Map.of(PREFIX + "topic.name", "dlq.a b"));
        admin.close();
        System.out.println("done");
    }

    static void topic(String name, Map<String, String> settings) throws Exception {
        admin.createTopics(List.of(new NewTopic(name, 1, (short) 1).configs(settings))).all().get();
    }

    static void group(String name, Map<String, String> settings) throws Exception {
        var all = new TreeMap<>(settings);
        all.put("share.auto.offset.reset", "earliest");
        var changes = all.entrySet().stream().map(e -> new AlterConfigOp(new ConfigEntry(e.getKey(), e.getValue()), AlterConfigOp.OpType.SET)).toList();
        admin.incrementalAlterConfigs(Map.of(new ConfigResource(ConfigResource.Type.GROUP, name), changes)).all().get();
    }

    static void refused(String what, String name, Map<String, String> settings) throws Exception {
        try {
            group(name, settings);
            System.out.println("accepted: " + what);
        } catch (Exception e) {
            System.out.println("refused: " + what + ": " + e.getCause().getClass().getSimpleName());
        }
    }

    static void settings() throws Exception {
        var node = admin.describeCluster().nodes().get().iterator().next().idString();
        for (var resource : List.of(new ConfigResource(ConfigResource.Type.GROUP, "whole"), new ConfigResource(ConfigResource.Type.TOPIC, "dlq.letters"),
                new ConfigResource(ConfigResource.Type.TOPIC, "work"), new ConfigResource(ConfigResource.Type.BROKER, node))) {
            var config = admin.describeConfigs(List.of(resource)).all().get().get(resource);
            config.entries().stream().filter(e -> e.name().startsWith(PREFIX)).sorted(Comparator.comparing(ConfigEntry::name)).forEach(e ->
                System.out.println("setting " + resource.type() + " " + e.name() + " " + e.type() + (e.isReadOnly() ? " read-only" : "")));
        }
    }

    static void fill() throws Exception {
        try (var producer = new KafkaProducer<byte[], byte[]>(Map.of("bootstrap.servers", bootstrap), new ByteArraySerializer(), new ByteArraySerializer())) {
            for (int i = 0; i < 5; i++) {
                var record = new ProducerRecord<>("work", 0, 1_700_000_000_000L + i, ("key-" + i).getBytes(), i == 3 ? null : ("value-" + i).getBytes(),
                    List.of(new RecordHeader("mine", ("" + i).getBytes()), new RecordHeader("nothing", null)));
                producer.send(record).get();
            }
        }
    }

    /** Record 0 and 3 are rejected, 1 is released until it is given up, 2 and 4 are accepted. */
    static void drain(String group) {
        Map<String, Object> settings = Map.of("bootstrap.servers", bootstrap, "group.id", group, "share.acknowledgement.mode", "explicit");
        var finished = new HashSet<Long>();
        try (var consumer = new KafkaShareConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            consumer.subscribe(List.of("work"));
            int released = 0;
            long until = System.currentTimeMillis() + 60_000;
            while (finished.size() < 5 && System.currentTimeMillis() < until) {
                for (var record : consumer.poll(Duration.ofMillis(200))) {
                    if (record.offset() == 1) {
                        consumer.acknowledge(record, AcknowledgeType.RELEASE);
                        if (++released == 5) finished.add(1L);
                    } else {
                        consumer.acknowledge(record, record.offset() % 3 == 0 ? AcknowledgeType.REJECT : AcknowledgeType.ACCEPT);
                        finished.add(record.offset());
                    }
                }
                consumer.commitSync();
            }
        }
        System.out.println("group " + group + " finished " + new TreeSet<>(finished));
    }

    static void letters(String group) {
        var wanted = new ArrayList<String>();
        try (var consumer = new KafkaConsumer<>(Map.of("bootstrap.servers", bootstrap), new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            var partition = new TopicPartition("dlq.letters", 0);
            consumer.assign(List.of(partition));
            consumer.seekToBeginning(List.of(partition));
            long until = System.currentTimeMillis() + 20_000;
            while (wanted.size() < 3 && System.currentTimeMillis() < until)
                for (var record : consumer.poll(Duration.ofMillis(200))) {
                    var from = record.headers().lastHeader("__dlq.errors.group");
                    if (from != null && new String(from.value()).equals(group)) wanted.add(letter(record));
                }
        }
        wanted.stream().sorted().forEach(line -> System.out.println("letter " + group + " " + line));
    }

    static String letter(ConsumerRecord<byte[], byte[]> record) {
        var headers = StreamSupport.stream(record.headers().spliterator(), false)
            .map(h -> h.key() + "=" + (h.value() == null ? "null" : new String(h.value()))).sorted().collect(Collectors.joining("; "));
        return text(record.key()) + " " + text(record.value()) + " {" + headers + "}";
    }

    static String text(byte[] bytes) {
        return bytes == null ? "null" : new String(bytes);
    }
}
