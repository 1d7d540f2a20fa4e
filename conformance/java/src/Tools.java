// Apache Kafka's own command-line tools against any broker, judged by what they print: java -cp 'lib/*' Tools.java BOOTSTRAP
import java.io.*;
import java.nio.file.*;
import java.util.*;
import java.util.concurrent.*;

public class Tools {
    interface Work { void run() throws Exception; }
    static String bootstrap;
    static int passed, failed;
    static final String TOPIC = "tools-" + UUID.randomUUID().toString().substring(0, 8);

    public static void main(String[] args) {
        bootstrap = args[0];
        scenario("kafka-topics creates, lists, describes, alters", () -> {
            has(run("org.apache.kafka.tools.TopicCommand", "--create", "--topic", TOPIC, "--partitions", "2", "--config", "retention.ms=100000000"), "Created topic " + TOPIC);
            has(run("org.apache.kafka.tools.TopicCommand", "--list"), TOPIC);
            run("org.apache.kafka.tools.TopicCommand", "--alter", "--topic", TOPIC, "--partitions", "3");
            String d = run("org.apache.kafka.tools.TopicCommand", "--describe", "--topic", TOPIC);
            has(d, "PartitionCount: 3"); has(d, "ReplicationFactor: 1"); has(d, "retention.ms=100000000"); has(d, "Partition: 2\tLeader:");
        });
        scenario("kafka-configs describes, adds and deletes", () -> {
            String[] entity = {"--entity-type", "topics", "--entity-name", TOPIC};
            has(run("kafka.admin.ConfigCommand", with(entity, "--alter", "--add-config", "max.message.bytes=2000000")), "Completed updating config");
            has(run("kafka.admin.ConfigCommand", with(entity, "--describe")), "max.message.bytes=2000000");
            run("kafka.admin.ConfigCommand", with(entity, "--alter", "--delete-config", "max.message.bytes"));
            String d = run("kafka.admin.ConfigCommand", with(entity, "--describe"));
            if (d.contains("max.message.bytes")) throw new AssertionError("still there: " + d);
        });
        scenario("console producer and consumer", () -> {
            input("one\ntwo\nthree\n", "org.apache.kafka.tools.ConsoleProducer", "--topic", TOPIC);
            String out = run("org.apache.kafka.tools.consumer.ConsoleConsumer", "--topic", TOPIC, "--from-beginning", "--max-messages", "3", "--group", "tools-console", "--timeout-ms", "20000");
            for (String w : List.of("one", "two", "three")) has(out, w);
        });
        scenario("kafka-get-offsets", () -> {
            String out = run("org.apache.kafka.tools.GetOffsetShell", "--topic", TOPIC);
            int sum = 0;
            for (String l : out.split("\n")) if (l.startsWith(TOPIC + ":")) sum += Integer.parseInt(l.substring(l.lastIndexOf(':') + 1).trim());
            if (sum != 3) throw new AssertionError("offsets add up to " + sum + ": " + out);
        });
        scenario("kafka-consumer-groups lists, describes, resets, deletes", () -> {
            String tool = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand";
            has(run(tool, "--list"), "tools-console");
            String d = run(tool, "--describe", "--group", "tools-console");
            has(d, TOPIC); has(d, "CURRENT-OFFSET");
            has(run(tool, "--describe", "--group", "tools-console", "--state"), "Empty");
            has(run(tool, "--reset-offsets", "--to-earliest", "--group", "tools-console", "--topic", TOPIC, "--execute"), "tools-console");
            has(run(tool, "--delete", "--group", "tools-console"), "successful");
        });
        scenario("kafka-delete-records", () -> {
            Path file = Files.createTempFile("delete", ".json");
            Files.writeString(file, "{\"version\":1,\"partitions\":[{\"topic\":\"" + TOPIC + "\",\"partition\":0,\"offset\":-1}]}");
            has(run("org.apache.kafka.tools.DeleteRecordsCommand", "--offset-json-file", file.toString()), "low_watermark");
            Files.delete(file);
        });
        scenario("verifiable producer and consumer", () -> {
            has(run("org.apache.kafka.tools.VerifiableProducer", "--topic", TOPIC + "-v", "--max-messages", "200"), "\"acked\":200");
            has(run("org.apache.kafka.tools.VerifiableConsumer", "--topic", TOPIC + "-v", "--group-id", "tools-v", "--max-messages", "200", "--reset-policy", "earliest"), "shutdown_complete");
        });
        scenario("producer and consumer performance tests", () -> {
            has(run(new String[] {"org.apache.kafka.tools.ProducerPerformance", "--topic", TOPIC + "-p", "--num-records", "20000", "--record-size", "100", "--throughput", "-1", "--bootstrap-server", bootstrap}), "20000 records sent");
            has(run("org.apache.kafka.tools.ConsumerPerformance", "--topic", TOPIC + "-p", "--num-records", "20000", "--timeout", "20000"), ", 20000,");
        });
        scenario("kafka-broker-api-versions, log dirs and cluster id", () -> {
            has(run("org.apache.kafka.tools.BrokerApiVersionsCommand"), "Produce(0):");
            has(run("org.apache.kafka.tools.LogDirsCommand", "--describe", "--topic-list", TOPIC), "\"partition\":\"" + TOPIC + "-0\"");
            has(run("org.apache.kafka.tools.ClusterTool", "cluster-id"), "Cluster ID");
        });
        scenario("kafka-topics deletes", () -> {
            run("org.apache.kafka.tools.TopicCommand", "--delete", "--topic", TOPIC);
            if (run("org.apache.kafka.tools.TopicCommand", "--list").lines().anyMatch(TOPIC::equals)) throw new AssertionError("still listed");
        });
        System.out.println(passed + " passed, " + failed + " failed");
        System.exit(failed == 0 ? 0 : 1);
    }

    static void scenario(String name, Work work) {
        long start = System.nanoTime();
        try {
            work.run();
            passed++;
            System.out.printf("pass %s (%d ms)%n", name, (System.nanoTime() - start) / 1_000_000);
        } catch (Throwable t) {
            failed++;
            System.out.println("FAIL " + name + ": " + t);
        }
    }

    static String[] with(String[] a, String... b) { List<String> l = new ArrayList<>(List.of(a)); l.addAll(List.of(b)); return l.toArray(String[]::new); }
    static void has(String out, String part) { if (!out.contains(part)) throw new AssertionError("no \"" + part + "\" in: " + out); }
    static String run(String main, String... args) throws Exception { return input("", main, args); }

    static String input(String in, String main, String... args) throws Exception {
        String flag = "--bootstrap-server";
        List<String> command = new ArrayList<>(List.of(main));
        List<String> rest = new ArrayList<>(List.of(args));
        if (main.endsWith("ClusterTool")) { command.add(rest.remove(0)); }
        command.addAll(List.of(flag, bootstrap));
        command.addAll(rest);
        return run(command.toArray(String[]::new), in);
    }
    static String run(String[] command) throws Exception { return run(command, ""); }

    static String run(String[] command, String in) throws Exception {
        List<String> line = new ArrayList<>(List.of(ProcessHandle.current().info().command().orElse("java"), "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", System.getProperty("java.class.path")));
        line.addAll(List.of(command));
        Process p = new ProcessBuilder(line).redirectErrorStream(true).start();
        p.getOutputStream().write(in.getBytes());
        p.getOutputStream().close();
        Future<String> out = Executors.newSingleThreadExecutor(r -> { Thread t = new Thread(r); t.setDaemon(true); return t; }).submit(() -> new String(p.getInputStream().readAllBytes()));
        if (!p.waitFor(60, TimeUnit.SECONDS)) { p.destroyForcibly(); throw new AssertionError("60 s are over: " + String.join(" ", command)); }
        if (p.exitValue() != 0) throw new AssertionError(String.join(" ", command) + " ended with " + p.exitValue() + ": " + out.get());
        return out.get();
    }
}
