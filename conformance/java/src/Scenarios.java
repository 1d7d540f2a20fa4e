// Ordinary work by Apache Kafka's own Java client, against any broker: java -cp 'lib/*' Scenarios.java BOOTSTRAP [milena]
// Prints one line a scenario: "pass NAME" or "FAIL NAME: why". With "milena" the refusals that only we make are checked too.
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.*;
import java.util.regex.Pattern;
import java.util.stream.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.*;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.*;

public class Scenarios {
    interface Work { void run() throws Exception; }
    static String bootstrap;
    static Admin admin;
    static int failed, passed, number;

    public static void main(String[] args) throws Exception {
        bootstrap = args[0];
        boolean milena = args.length > 1 && args[1].equals("milena");
        admin = Admin.create(Map.of("bootstrap.servers", bootstrap));
        scenario("admin creates, describes, grows and deletes topics", Scenarios::topics);
        scenario("admin reads and changes configs", Scenarios::configs);
        scenario("admin describes the cluster and its log directories", Scenarios::cluster);
        for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd"))
            for (String acks : List.of("0", "1", "all"))
                scenario("produce and read, " + codec + ", acks " + acks, () -> codec(codec, acks));
        scenario("idempotent producer keeps order with five in flight", Scenarios::idempotent);
        scenario("headers, null keys, null values and empty values survive", Scenarios::headers);
        scenario("offsets by time, earliest, latest and max timestamp", Scenarios::offsetsByTime);
        scenario("seek, pause, resume and position", Scenarios::seek);
        for (String assignor : List.of("RangeAssignor", "RoundRobinAssignor", "StickyAssignor", "CooperativeStickyAssignor"))
            scenario("two members share a group, " + assignor, () -> group(assignor));
        scenario("a static member returns without a rebalance", Scenarios::staticMember);
        scenario("subscription by pattern follows new topics", Scenarios::pattern);
        scenario("commits survive the consumer", Scenarios::commits);
        scenario("delete records moves the beginning", Scenarios::deleteRecords);
        scenario("group admin lists, describes, alters and deletes", Scenarios::groupAdmin);
        scenario("a consumer behind the log start resets", Scenarios::outOfRange);
        scenario("a record too large is refused and the producer goes on", Scenarios::tooLarge);
        scenario("large records in a small fetch arrive", Scenarios::largeRecords);
        scenario("describe producers names the idempotent one", Scenarios::producers);
        scenario("a share consumer reads, accepts, releases and rejects", Scenarios::shareConsumer);
        scenario("two share consumers work on one partition", Scenarios::shareTogether);
        scenario("a share consumer takes one record at a time and renews it", Scenarios::shareOne);
        scenario("share group admin lists, describes, alters and deletes", Scenarios::shareAdmin);
        if (milena) {
            scenario("initTransactions fails within five seconds", Scenarios::noTransactions);
            scenario("group.protocol=consumer fails within five seconds", Scenarios::noConsumerProtocol);
        }
        admin.close();
        System.out.println(passed + " passed, " + failed + " failed");
        System.exit(failed == 0 ? 0 : 1);
    }

    static void scenario(String name, Work work) {
        ExecutorService thread = Executors.newSingleThreadExecutor(r -> { Thread t = new Thread(r); t.setDaemon(true); return t; });
        long start = System.nanoTime();
        try {
            thread.submit(() -> { work.run(); return null; }).get(60, TimeUnit.SECONDS);
            passed++;
            System.out.printf("pass %s (%d ms)%n", name, (System.nanoTime() - start) / 1_000_000);
        } catch (Throwable t) {
            failed++;
            Throwable cause = t instanceof ExecutionException && t.getCause() != null ? t.getCause() : t;
            System.out.println("FAIL " + name + ": " + cause);
            for (StackTraceElement e : cause.getStackTrace()) if (e.getClassName().startsWith("Scenarios")) { System.out.println("     at " + e); break; }
        }
        thread.shutdownNow();
    }

    // ---- small words -------------------------------------------------------------------------------------------
    static void check(boolean claim, String what) { if (!claim) throw new AssertionError(what); }
    static void same(Object expected, Object got, String what) { if (!Objects.equals(expected, got)) throw new AssertionError(what + ": expected " + expected + ", got " + got); }
    static String topic(int partitions) throws Exception {
        String name = "java-" + (++number) + "-" + UUID.randomUUID().toString().substring(0, 8);
        admin.createTopics(List.of(new NewTopic(name, partitions, (short) 1))).all().get();
        return name;
    }
    static KafkaProducer<String, String> producer(Object... more) {
        Map<String, Object> c = new HashMap<>(Map.of("bootstrap.servers", bootstrap, "delivery.timeout.ms", 20000, "request.timeout.ms", 10000));
        for (int i = 0; i < more.length; i += 2) c.put((String) more[i], more[i + 1]);
        return new KafkaProducer<>(c, new StringSerializer(), new StringSerializer());
    }
    static KafkaConsumer<String, String> consumer(Object... more) {
        Map<String, Object> c = new HashMap<>(Map.of("bootstrap.servers", bootstrap, "auto.offset.reset", "earliest", "enable.auto.commit", false));
        for (int i = 0; i < more.length; i += 2) c.put((String) more[i], more[i + 1]);
        return new KafkaConsumer<>(c, new StringDeserializer(), new StringDeserializer());
    }
    static List<ConsumerRecord<String, String>> read(KafkaConsumer<String, String> c, int count) {
        List<ConsumerRecord<String, String>> all = new ArrayList<>();
        long until = System.currentTimeMillis() + 20_000;
        while (all.size() < count && System.currentTimeMillis() < until) c.poll(Duration.ofMillis(200)).forEach(all::add);
        same(count, all.size(), "records read");
        return all;
    }
    static List<ConsumerRecord<String, String>> all(String topic, int count) {
        try (var c = consumer()) {
            c.assign(c.partitionsFor(topic).stream().map(p -> new TopicPartition(topic, p.partition())).toList());
            return read(c, count);
        }
    }
    static Throwable failure(Work work) {
        try { work.run(); } catch (ExecutionException e) { return e.getCause(); } catch (Throwable t) { return t; }
        return null;
    }
    static <E> void fails(Class<E> kind, Work work) {
        Throwable t = failure(work);
        check(kind.isInstance(t), "expected " + kind.getSimpleName() + ", got " + t);
    }

    // ---- scenarios ---------------------------------------------------------------------------------------------
    static void topics() throws Exception {
        String name = topic(3);
        TopicDescription d = admin.describeTopics(List.of(name)).allTopicNames().get().get(name);
        same(3, d.partitions().size(), "partitions");
        check(!d.topicId().equals(Uuid.ZERO_UUID), "a topic has an id");
        same(name, admin.describeTopics(TopicCollection.ofTopicIds(List.of(d.topicId()))).allTopicIds().get().get(d.topicId()).name(), "name by id");
        check(admin.listTopics().names().get().contains(name), "listed");
        fails(TopicExistsException.class, () -> admin.createTopics(List.of(new NewTopic(name, 1, (short) 1))).all().get());
        fails(InvalidTopicException.class, () -> admin.createTopics(List.of(new NewTopic("bad name!", 1, (short) 1))).all().get());
        fails(InvalidPartitionsException.class, () -> admin.createTopics(List.of(new NewTopic(name + "x", 0, (short) 1))).all().get());
        fails(InvalidReplicationFactorException.class, () -> admin.createTopics(List.of(new NewTopic(name + "x", 1, (short) 2))).all().get());
        fails(InvalidConfigurationException.class, () -> admin.createTopics(List.of(new NewTopic(name + "x", 1, (short) 1).configs(Map.of("no.such", "1")))).all().get());
        admin.createTopics(List.of(new NewTopic(name + "v", 1, (short) 1)), new CreateTopicsOptions().validateOnly(true)).all().get();
        check(!admin.listTopics().names().get().contains(name + "v"), "validate only creates nothing");
        admin.createPartitions(Map.of(name, NewPartitions.increaseTo(5))).all().get();
        same(5, admin.describeTopics(List.of(name)).allTopicNames().get().get(name).partitions().size(), "partitions after growing");
        fails(InvalidPartitionsException.class, () -> admin.createPartitions(Map.of(name, NewPartitions.increaseTo(2))).all().get());
        admin.deleteTopics(List.of(name)).all().get();
        fails(UnknownTopicOrPartitionException.class, () -> admin.describeTopics(List.of(name)).allTopicNames().get());
        fails(UnknownTopicOrPartitionException.class, () -> admin.deleteTopics(List.of(name)).all().get());
    }

    static void configs() throws Exception {
        String name = topic(1);
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, name);
        Supplier<org.apache.kafka.clients.admin.Config> now = () -> { try { return admin.describeConfigs(List.of(resource)).all().get().get(resource); } catch (Exception e) { throw new RuntimeException(e); } };
        check(now.get().entries().size() >= 25, "a topic has all its configs, got " + now.get().entries().size());
        admin.incrementalAlterConfigs(Map.of(resource, List.of(new AlterConfigOp(new ConfigEntry("retention.ms", "12345"), AlterConfigOp.OpType.SET),
            new AlterConfigOp(new ConfigEntry("cleanup.policy", "compact"), AlterConfigOp.OpType.APPEND)))).all().get();
        same("12345", now.get().get("retention.ms").value(), "retention.ms");
        same(ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG, now.get().get("retention.ms").source(), "source");
        check(Set.of(now.get().get("cleanup.policy").value().split(",")).contains("compact"), "appended");
        admin.incrementalAlterConfigs(Map.of(resource, List.of(new AlterConfigOp(new ConfigEntry("retention.ms", null), AlterConfigOp.OpType.DELETE)))).all().get();
        check(!"12345".equals(now.get().get("retention.ms").value()), "deleted");
        fails(InvalidConfigurationException.class, () -> admin.incrementalAlterConfigs(Map.of(resource, List.of(new AlterConfigOp(new ConfigEntry("retention.ms", "soon"), AlterConfigOp.OpType.SET)))).all().get());
        fails(InvalidConfigurationException.class, () -> admin.incrementalAlterConfigs(Map.of(resource, List.of(new AlterConfigOp(new ConfigEntry("no.such.key", "1"), AlterConfigOp.OpType.SET)))).all().get());
        Node node = admin.describeCluster().nodes().get().iterator().next();
        ConfigResource broker = new ConfigResource(ConfigResource.Type.BROKER, node.idString());
        org.apache.kafka.clients.admin.Config b = admin.describeConfigs(List.of(broker), new DescribeConfigsOptions().includeSynonyms(true).includeDocumentation(true)).all().get().get(broker);
        check(b.entries().size() >= 150, "a broker has all its configs, got " + b.entries().size());
        check(b.get("num.partitions").documentation() != null, "documentation");
    }

    static void cluster() throws Exception {
        DescribeClusterResult c = admin.describeCluster();
        same(1, c.nodes().get().size(), "nodes");
        check(c.clusterId().get() != null && c.controller().get() != null, "cluster id and controller");
        int id = c.nodes().get().iterator().next().id();
        String name = topic(2);
        try (var p = producer()) { p.send(new ProducerRecord<>(name, 0, "k", "v".repeat(1000))).get(); }
        var dirs = admin.describeLogDirs(List.of(id)).allDescriptions().get().get(id);
        long size = dirs.values().stream().flatMap(d -> d.replicaInfos().entrySet().stream()).filter(e -> e.getKey().topic().equals(name)).mapToLong(e -> e.getValue().size()).sum();
        check(size >= 1000, "log size of the topic, got " + size);
        admin.describeFeatures().featureMetadata().get();
        admin.describeMetadataQuorum().quorumInfo().get();
    }

    static void codec(String codec, String acks) throws Exception {
        String name = topic(2);
        try (var p = producer("compression.type", codec, "acks", acks, "enable.idempotence", false, "linger.ms", 5)) {
            List<Future<RecordMetadata>> sent = new ArrayList<>();
            for (int i = 0; i < 500; i++) sent.add(p.send(new ProducerRecord<>(name, i % 2, "k" + i, "value " + i + " " + "x".repeat(i % 50))));
            p.flush();
            for (var f : sent) f.get();
        }
        var records = all(name, 500);
        for (int partition = 0; partition < 2; partition++) {
            int p = partition, next = p; long offset = 0;
            for (var r : records) if (r.partition() == p) {
                same(offset++, r.offset(), "offset");
                same("k" + next, r.key(), "key");
                same("value " + next + " " + "x".repeat(next % 50), r.value(), "value");
                next += 2;
            }
        }
    }

    static void idempotent() throws Exception {
        String name = topic(1);
        try (var p = producer("enable.idempotence", true, "acks", "all", "max.in.flight.requests.per.connection", 5, "batch.size", 200, "linger.ms", 0)) {
            for (int i = 0; i < 2000; i++) p.send(new ProducerRecord<>(name, "k", "" + i));
            p.flush();
        }
        var records = all(name, 2000);
        for (int i = 0; i < 2000; i++) same("" + i, records.get(i).value(), "order");
    }

    static void headers() throws Exception {
        String name = topic(1);
        try (var p = producer()) {
            var r = new ProducerRecord<String, String>(name, 0, 1234567890123L, null, null);
            r.headers().add("a", "1".getBytes()).add("a", "2".getBytes()).add("b", null).add("", new byte[0]);
            p.send(r).get();
            p.send(new ProducerRecord<>(name, 0, "", "")).get();
        }
        var got = all(name, 2);
        Header[] h = got.get(0).headers().toArray();
        same(4, h.length, "headers");
        same("1", new String(h[0].value()), "first of two equal names");
        same("2", new String(h[1].value()), "second of two equal names");
        check(h[2].value() == null, "a null header value");
        check(got.get(0).key() == null && got.get(0).value() == null, "null key and value");
        same(1234567890123L, got.get(0).timestamp(), "timestamp");
        same("", got.get(1).key(), "empty key");
        same("", got.get(1).value(), "empty value");
    }

    static void offsetsByTime() throws Exception {
        String name = topic(1);
        TopicPartition tp = new TopicPartition(name, 0);
        long base = System.currentTimeMillis() - 100_000;
        try (var p = producer("batch.size", 1)) {
            for (int i = 0; i < 10; i++) p.send(new ProducerRecord<>(name, 0, base + i * 1000, "k", "" + i)).get();
            p.send(new ProducerRecord<>(name, 0, base + 500, "k", "late")).get();
        }
        try (var c = consumer()) {
            same(3L, c.offsetsForTimes(Map.of(tp, base + 2001)).get(tp).offset(), "first at or after");
            same(base + 3000, c.offsetsForTimes(Map.of(tp, base + 2001)).get(tp).timestamp(), "its timestamp");
            check(c.offsetsForTimes(Map.of(tp, base + 50_000)).get(tp) == null, "nothing after");
            same(0L, c.beginningOffsets(List.of(tp)).get(tp), "beginning");
            same(11L, c.endOffsets(List.of(tp)).get(tp), "end");
        }
        var max = admin.listOffsets(Map.of(tp, OffsetSpec.maxTimestamp())).partitionResult(tp).get();
        same(9L, max.offset(), "offset of the greatest timestamp");
        same(base + 9000, max.timestamp(), "greatest timestamp");
        same(0L, admin.listOffsets(Map.of(tp, OffsetSpec.earliestLocal())).partitionResult(tp).get().offset(), "earliest local");
    }

    static void seek() throws Exception {
        String name = topic(1);
        TopicPartition tp = new TopicPartition(name, 0);
        try (var p = producer()) { for (int i = 0; i < 100; i++) p.send(new ProducerRecord<>(name, "k", "" + i)); }
        try (var c = consumer("max.poll.records", 10)) {
            c.assign(List.of(tp));
            c.seek(tp, 42);
            same("42", read(c, 10).get(0).value(), "after seek");
            same(52L, c.position(tp), "position");
            c.pause(List.of(tp));
            check(c.poll(Duration.ofMillis(300)).isEmpty(), "paused");
            c.resume(List.of(tp));
            c.seekToEnd(List.of(tp));
            same(100L, c.position(tp), "end");
        }
    }

    static void group(String assignor) throws Exception {
        String name = topic(4), group = "g-" + UUID.randomUUID();
        try (var p = producer()) { for (int i = 0; i < 400; i++) p.send(new ProducerRecord<>(name, i % 4, "k", "" + i)); }
        Object[] settings = {"group.id", group, "partition.assignment.strategy", "org.apache.kafka.clients.consumer." + assignor, "heartbeat.interval.ms", 300};
        Set<String> seen = ConcurrentHashMap.newKeySet();
        CountDownLatch shared = new CountDownLatch(2);
        List<Future<?>> members = new ArrayList<>();
        ExecutorService threads = Executors.newFixedThreadPool(2);
        for (int m = 0; m < 2; m++) members.add(threads.submit(() -> {
            try (var c = consumer(settings)) {
                c.subscribe(List.of(name));
                boolean counted = false;
                long until = System.currentTimeMillis() + 30_000;
                while (System.currentTimeMillis() < until && (seen.size() < 400 || shared.getCount() > 0)) {
                    for (var r : c.poll(Duration.ofMillis(100))) seen.add(r.value());
                    if (!counted && c.assignment().size() == 2) { counted = true; shared.countDown(); }
                    try { c.commitSync(); } catch (RebalanceInProgressException e) { /* the next round commits */ }
                }
                c.commitSync();
            }
            return null;
        }));
        for (var m : members) m.get(40, TimeUnit.SECONDS);
        threads.shutdown();
        same(0L, shared.getCount(), "members that never had two partitions");
        same(400, seen.size(), "records seen by the group");
        long committed = admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().values().stream().mapToLong(OffsetAndMetadata::offset).sum();
        same(400L, committed, "committed offsets");
    }

    static void staticMember() throws Exception {
        String name = topic(2), group = "static-" + UUID.randomUUID();
        Object[] settings = {"group.id", group, "group.instance.id", "one", "session.timeout.ms", 10000};
        int generation;
        try (var c = consumer(settings)) {
            c.subscribe(List.of(name));
            while (c.assignment().isEmpty()) c.poll(Duration.ofMillis(100));
            generation = c.groupMetadata().generationId();
        }
        try (var c = consumer(settings)) {
            c.subscribe(List.of(name));
            while (c.assignment().isEmpty()) c.poll(Duration.ofMillis(100));
            same(generation, c.groupMetadata().generationId(), "generation");
            try (var twin = consumer(settings)) {
                twin.subscribe(List.of(name));
                while (twin.assignment().isEmpty()) twin.poll(Duration.ofMillis(100));
                fails(FencedInstanceIdException.class, () -> { for (int i = 0; i < 100; i++) { c.poll(Duration.ofMillis(100)); c.commitSync(Map.of(new TopicPartition(name, 0), new OffsetAndMetadata(0))); } });
            }
        }
    }

    static void pattern() throws Exception {
        String prefix = "pat" + UUID.randomUUID().toString().substring(0, 8) + "-";
        admin.createTopics(List.of(new NewTopic(prefix + "a", 1, (short) 1))).all().get();
        try (var c = consumer("group.id", "g-" + prefix, "metadata.max.age.ms", 500); var p = producer()) {
            c.subscribe(Pattern.compile(prefix + ".*"));
            p.send(new ProducerRecord<>(prefix + "a", "k", "1")).get();
            same("1", read(c, 1).get(0).value(), "from the first topic");
            c.commitSync();
            admin.createTopics(List.of(new NewTopic(prefix + "b", 1, (short) 1))).all().get();
            p.send(new ProducerRecord<>(prefix + "b", "k", "2")).get();
            same("2", read(c, 1).get(0).value(), "from the new topic");
        }
    }

    static void commits() throws Exception {
        String name = topic(1), group = "c-" + UUID.randomUUID();
        TopicPartition tp = new TopicPartition(name, 0);
        try (var p = producer()) { for (int i = 0; i < 10; i++) p.send(new ProducerRecord<>(name, "k", "" + i)); }
        try (var c = consumer("group.id", group, "max.poll.records", 4)) {
            c.subscribe(List.of(name));
            read(c, 4);
            c.commitSync(Map.of(tp, new OffsetAndMetadata(4, Optional.of(0), "four")));
        }
        try (var c = consumer("group.id", group)) {
            c.subscribe(List.of(name));
            same("4", read(c, 6).get(0).value(), "goes on after the commit");
            same("four", c.committed(Set.of(tp)).get(tp).metadata(), "metadata");
        }
    }

    static void deleteRecords() throws Exception {
        String name = topic(1);
        TopicPartition tp = new TopicPartition(name, 0);
        try (var p = producer("batch.size", 1)) { for (int i = 0; i < 10; i++) p.send(new ProducerRecord<>(name, "k", "" + i)).get(); }
        same(4L, admin.deleteRecords(Map.of(tp, RecordsToDelete.beforeOffset(4))).lowWatermarks().get(tp).get().lowWatermark(), "low watermark");
        same("4", all(name, 6).get(0).value(), "first record left");
        fails(org.apache.kafka.common.errors.OffsetOutOfRangeException.class, () -> admin.deleteRecords(Map.of(tp, RecordsToDelete.beforeOffset(99))).all().get());
        same(10L, admin.deleteRecords(Map.of(tp, RecordsToDelete.beforeOffset(-1))).lowWatermarks().get(tp).get().lowWatermark(), "all deleted");
        try (var c = consumer()) { same(10L, c.beginningOffsets(List.of(tp)).get(tp), "beginning after all was deleted"); }
    }

    static void groupAdmin() throws Exception {
        String name = topic(1), group = "adm-" + UUID.randomUUID();
        TopicPartition tp = new TopicPartition(name, 0);
        try (var p = producer()) { for (int i = 0; i < 5; i++) p.send(new ProducerRecord<>(name, "k", "" + i)); }
        try (var c = consumer("group.id", group, "client.id", "me")) {
            c.subscribe(List.of(name));
            read(c, 5);
            c.commitSync();
            check(admin.listGroups().all().get().stream().anyMatch(g -> g.groupId().equals(group)), "listed");
            ConsumerGroupDescription d = admin.describeConsumerGroups(List.of(group)).all().get().get(group);
            same(GroupState.STABLE, d.groupState(), "state");
            same(1, d.members().size(), "members");
            same("me", d.members().iterator().next().clientId(), "client id");
            same(Set.of(tp), d.members().iterator().next().assignment().topicPartitions(), "assignment");
            fails(GroupNotEmptyException.class, () -> admin.deleteConsumerGroups(List.of(group)).all().get());
            fails(GroupSubscribedToTopicException.class, () -> admin.deleteConsumerGroupOffsets(group, Set.of(tp)).all().get());
        }
        admin.alterConsumerGroupOffsets(group, Map.of(tp, new OffsetAndMetadata(2))).all().get();
        same(2L, admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().get(tp).offset(), "altered");
        admin.deleteConsumerGroupOffsets(group, Set.of(tp)).all().get();
        check(admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().isEmpty(), "offset deleted");
        admin.alterConsumerGroupOffsets(group, Map.of(tp, new OffsetAndMetadata(1))).all().get();
        admin.deleteConsumerGroups(List.of(group)).all().get();
        fails(GroupIdNotFoundException.class, () -> admin.deleteConsumerGroups(List.of(group)).all().get());
    }

    static void outOfRange() throws Exception {
        String name = topic(1);
        TopicPartition tp = new TopicPartition(name, 0);
        try (var p = producer("batch.size", 1)) { for (int i = 0; i < 10; i++) p.send(new ProducerRecord<>(name, "k", "" + i)).get(); }
        admin.deleteRecords(Map.of(tp, RecordsToDelete.beforeOffset(5))).all().get();
        try (var c = consumer()) { c.assign(List.of(tp)); c.seek(tp, 0); same("5", read(c, 5).get(0).value(), "earliest"); }
        try (var c = consumer("auto.offset.reset", "none")) { c.assign(List.of(tp)); c.seek(tp, 0); fails(org.apache.kafka.clients.consumer.OffsetOutOfRangeException.class, () -> { for (int i = 0; i < 20; i++) c.poll(Duration.ofMillis(200)); }); }
    }

    static void tooLarge() throws Exception {
        String name = topic(1);
        admin.incrementalAlterConfigs(Map.of(new ConfigResource(ConfigResource.Type.TOPIC, name), List.of(new AlterConfigOp(new ConfigEntry("max.message.bytes", "1000"), AlterConfigOp.OpType.SET)))).all().get();
        try (var p = producer("max.request.size", 5_000_000)) {
            fails(RecordTooLargeException.class, () -> p.send(new ProducerRecord<>(name, "k", "x".repeat(5000))).get());
            same(0L, p.send(new ProducerRecord<>(name, "k", "small")).get().offset(), "offset of the next one");
        }
    }

    static void largeRecords() throws Exception {
        String name = topic(1);
        try (var p = producer()) { for (int i = 0; i < 5; i++) p.send(new ProducerRecord<>(name, "k", "x".repeat(200_000))).get(); }
        try (var c = consumer("fetch.max.bytes", 1000, "max.partition.fetch.bytes", 1000)) {
            c.assign(List.of(new TopicPartition(name, 0)));
            read(c, 5);
        }
    }

    static void producers() throws Exception {
        String name = topic(1);
        TopicPartition tp = new TopicPartition(name, 0);
        try (var p = producer("enable.idempotence", true)) {
            p.send(new ProducerRecord<>(name, 0, "k", "v")).get();
            p.send(new ProducerRecord<>(name, 0, "k", "v")).get();
            var states = admin.describeProducers(List.of(tp)).partitionResult(tp).get().activeProducers();
            same(1, states.size(), "producers");
            same(1, states.get(0).lastSequence(), "last sequence");
        }
    }

    // ---- what we refuse for now, quickly and in words ------------------------------------------------------------
    static void quickly(Work work) {
        long start = System.currentTimeMillis();
        Throwable t = failure(work);
        long took = System.currentTimeMillis() - start;
        check(t != null, "it should fail");
        check(took < 5000, "it took " + took + " ms to fail with " + t);
        check(t instanceof KafkaException, "expected a KafkaException, got " + t);
        System.out.println("     the message: " + t.getMessage());
    }
    static void noTransactions() { quickly(() -> { try (var p = producer("transactional.id", "t")) { p.initTransactions(); } }); }
    static void noConsumerProtocol() throws Exception {
        String name = topic(1);
        quickly(() -> { try (var c = consumer("group.id", "g848", "group.protocol", "consumer")) { c.subscribe(List.of(name)); for (int i = 0; i < 40; i++) c.poll(Duration.ofMillis(100)); } });
    }

    // ---- share groups ------------------------------------------------------------------------------------------
    static KafkaShareConsumer<String, String> share(String group, Object... more) {
        Map<String, Object> c = new HashMap<>(Map.of("bootstrap.servers", bootstrap, "group.id", group));
        for (int i = 0; i < more.length; i += 2) c.put((String) more[i], more[i + 1]);
        return new KafkaShareConsumer<>(c, new StringDeserializer(), new StringDeserializer());
    }
    static String shareGroup() throws Exception {
        String group = "share-" + UUID.randomUUID().toString().substring(0, 8);
        admin.incrementalAlterConfigs(Map.of(new ConfigResource(ConfigResource.Type.GROUP, group),
            List.of(new AlterConfigOp(new ConfigEntry("share.auto.offset.reset", "earliest"), AlterConfigOp.OpType.SET)))).all().get();
        return group;
    }
    static void fill(String topic, int count) { try (var p = producer()) { for (int i = 0; i < count; i++) p.send(new ProducerRecord<>(topic, "k" + i, "v" + i)); } }
    static List<ConsumerRecord<String, String>> take(KafkaShareConsumer<String, String> c, int count) {
        List<ConsumerRecord<String, String>> all = new ArrayList<>();
        long until = System.currentTimeMillis() + 20_000;
        while (all.size() < count && System.currentTimeMillis() < until) c.poll(Duration.ofMillis(500)).forEach(all::add);
        return all;
    }
    static void shareConsumer() throws Exception {
        String name = topic(1), group = shareGroup();
        fill(name, 10);
        try (var c = share(group, "share.acknowledgement.mode", "explicit")) {
            c.subscribe(List.of(name));
            var first = take(c, 10);
            same(10, first.size(), "records taken");
            for (var r : first) {
                same((short) 1, r.deliveryCount().get(), "delivery");
                c.acknowledge(r, r.offset() == 3 ? AcknowledgeType.RELEASE : r.offset() == 5 ? AcknowledgeType.REJECT : AcknowledgeType.ACCEPT);
            }
            for (var e : c.commitSync().entrySet()) check(e.getValue().isEmpty(), "commit failed: " + e.getValue());
            var again = take(c, 1);
            same(List.of(3L), again.stream().map(ConsumerRecord::offset).toList(), "what was released comes back");
            same((short) 2, again.get(0).deliveryCount().get(), "second delivery");
            c.acknowledge(again.get(0), AcknowledgeType.ACCEPT);
            c.commitSync();
            check(c.poll(Duration.ofMillis(500)).isEmpty(), "nothing is left");
        }
        // Implicitly: what one poll gave is accepted by the next.
        fill(name, 4);
        try (var c = share(group)) {
            c.subscribe(List.of(name));
            same(4, take(c, 4).size(), "new records");
            c.commitSync();
        }
    }
    static void shareTogether() throws Exception {
        String name = topic(1), group = shareGroup();
        fill(name, 2000);
        Set<Long> seen = ConcurrentHashMap.newKeySet();
        LongAdder twice = new LongAdder();
        List<Thread> workers = new ArrayList<>();
        for (int w = 0; w < 3; w++) {
            Thread t = new Thread(() -> {
                try (var c = share(group, "max.poll.records", 50)) {
                    c.subscribe(List.of(name));
                    long until = System.currentTimeMillis() + 25_000;
                    while (seen.size() < 2000 && System.currentTimeMillis() < until)
                        c.poll(Duration.ofMillis(200)).forEach(r -> { if (!seen.add(r.offset())) twice.increment(); });
                    c.commitSync();
                }
            });
            t.start();
            workers.add(t);
        }
        for (Thread t : workers) t.join(40_000);
        same(2000, seen.size(), "records seen");
        same(0L, twice.sum(), "records seen twice");
    }
    static void shareOne() throws Exception {
        String name = topic(1), group = shareGroup();
        fill(name, 5);
        try (var c = share(group, "share.acknowledgement.mode", "explicit", "share.acquire.mode", "record_limit", "max.poll.records", 1)) {
            c.subscribe(List.of(name));
            for (int i = 0; i < 5; i++) {
                var one = take(c, 1);
                same(1, one.size(), "strictly one");
                same((long) i, one.get(0).offset(), "in order");
                if (i == 2) {
                    c.acknowledge(one.get(0), AcknowledgeType.RENEW);
                    for (var e : c.commitSync().entrySet()) check(e.getValue().isEmpty(), "renewal failed: " + e.getValue());
                    var still = take(c, 1);
                    same(2L, still.get(0).offset(), "renewed, and still ours");
                    one = still;
                }
                c.acknowledge(one.get(0), AcknowledgeType.ACCEPT);
                c.commitSync();
            }
        }
    }
    static void shareAdmin() throws Exception {
        String name = topic(2), group = shareGroup();
        fill(name, 6);
        try (var c = share(group)) {
            c.subscribe(List.of(name));
            same(6, take(c, 6).size(), "records");
            c.commitSync();
            var about = admin.describeShareGroups(List.of(group)).all().get().get(group);
            same(GroupState.STABLE, about.groupState(), "state");
            same(1, about.members().size(), "members");
            same(2, about.members().iterator().next().assignment().topicPartitions().size(), "partitions read");
            fails(GroupNotEmptyException.class, () -> admin.deleteShareGroups(List.of(group)).all().get());
        }
        check(admin.listGroups(ListGroupsOptions.forShareGroups()).all().get().stream().anyMatch(g -> g.groupId().equals(group)), "it is listed");
        var lag = admin.listShareGroupOffsets(Map.of(group, new ListShareGroupOffsetsSpec())).partitionsToOffsetInfo(group).get();
        same(2, lag.size(), "partitions with offsets");
        for (var e : lag.values()) same(Optional.of(0L), e.lag(), "lag");
        admin.alterShareGroupOffsets(group, Map.of(new TopicPartition(name, 0), 0L, new TopicPartition(name, 1), 0L)).all().get();
        try (var c = share(group)) {
            c.subscribe(List.of(name));
            same(6, take(c, 6).size(), "records again");
            c.commitSync();
        }
        admin.deleteShareGroupOffsets(group, Set.of(name)).all().get();
        admin.deleteShareGroups(List.of(group)).all().get();
        fails(GroupIdNotFoundException.class, () -> admin.describeShareGroups(List.of(group)).all().get());
    }
}
