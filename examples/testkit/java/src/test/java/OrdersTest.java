import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class OrdersTest {
    private Milena milena;

    @BeforeEach
    void start() throws Exception {
        milena = new Milena();
    }

    @AfterEach
    void stop() throws Exception {
        milena.close();
    }

    private KafkaProducer<String, String> producer(Map<String, Object> more) {
        Map<String, Object> config = new HashMap<>(Map.of("bootstrap.servers", milena.kafka(), "reconnect.backoff.max.ms", 200));
        config.putAll(more);
        return new KafkaProducer<>(config, new StringSerializer(), new StringSerializer());
    }

    private Map<String, Integer> read(int count) {
        Map<String, Object> config = Map.of("bootstrap.servers", milena.kafka(), "group.id", "shop",
            "auto.offset.reset", "earliest", "enable.auto.commit", false);
        Map<String, Integer> seen = new HashMap<>();
        long until = System.nanoTime() + Duration.ofSeconds(30).toNanos();
        try (var consumer = new KafkaConsumer<>(config, new StringDeserializer(), new StringDeserializer())) {
            consumer.subscribe(List.of("orders"));
            int read = 0;
            while (read < count && System.nanoTime() < until) {
                for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(200))) {
                    seen.merge(record.value(), 1, Integer::sum);
                    read++;
                }
            }
            consumer.commitSync();
        }
        return seen;
    }

    @Test
    void nothingIsLostAndNothingDoubledOverAKill() throws Exception {
        try (var producer = producer(Map.of())) {
            for (int n = 0; n < 60; n++) {
                if (n == 30) {
                    milena.control("POST", "kill?for=300ms");
                }
                producer.send(new ProducerRecord<>("orders", "order " + n)).get();
            }
        }
        Map<String, Integer> seen = read(60);
        assertEquals(60, seen.size());
        assertTrue(seen.values().stream().allMatch(times -> times == 1), seen::toString);
        milena.control("GET", "expect/empty?topic=orders&group=shop&within=5s");
        milena.control("POST", "expect/nothing-lost?end=power-cut");
    }

    @Test
    void afterAFailedSyncNothingIsAcknowledgedUntilARestart() throws Exception {
        try (var producer = producer(Map.of())) {
            producer.send(new ProducerRecord<>("orders", "kept")).get();
        }
        milena.control("POST", "disk?failing_syncs=1");
        var impatient = Map.<String, Object>of("delivery.timeout.ms", 1500, "request.timeout.ms", 500, "linger.ms", 0);
        try (var producer = producer(impatient)) {
            var doubtful = producer.send(new ProducerRecord<>("orders", "doubtful"));
            assertThrows(ExecutionException.class, doubtful::get);
        }
        milena.control("POST", "kill");
        milena.control("POST", "start");
        assertEquals(1, read(1).get("kept"));
    }
}
