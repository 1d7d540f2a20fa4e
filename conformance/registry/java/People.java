// Spring's client for Confluent's registry: java -cp 'lib/*' People.java KAFKA REGISTRY {write TOPIC… | read TOPIC…}
// It registers and fetches Avro schemas; the five bytes before the value are written and read here, as people on Spring do.
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.*;
import org.apache.avro.Schema;
import org.apache.avro.generic.*;
import org.apache.avro.io.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.*;
import org.springframework.cloud.stream.schema.registry.SchemaReference;
import org.springframework.cloud.stream.schema.registry.client.ConfluentSchemaRegistryClient;

public class People {
    static final String FULL_NAME = "{\"type\":\"record\",\"name\":\"FullName\",\"namespace\":\"com.example\",\"fields\":["
        + "{\"name\":\"first\",\"type\":\"string\"},{\"name\":\"last\",\"type\":\"string\"}]}";
    static final byte[] JOHN = "\u0008john\u0006doe".getBytes();
    static String kafka;
    static final ConfluentSchemaRegistryClient client = new ConfluentSchemaRegistryClient();

    public static void main(String[] args) throws Exception {
        kafka = args[0];
        client.setEndpoint(args[1]);
        List<String> topics = Arrays.asList(args).subList(3, args.length);
        for (String topic : topics) {
            if (args[2].equals("write")) write(topic); else read(topic);
        }
        System.out.println("spring " + args[2] + ": " + topics.size() + " passed");
    }

    static void write(String topic) throws Exception {
        var registered = client.register(topic + "-value", "avro", FULL_NAME);
        check(client.register(topic + "-value", "avro", FULL_NAME).getId() == registered.getId(), "the same schema has the same id");
        var reference = new SchemaReference(topic + "-value", 1, "avro");
        check(new Schema.Parser().parse(client.fetch(reference)).equals(new Schema.Parser().parse(FULL_NAME)), "version 1 is what was registered");
        var value = new ByteArrayOutputStream();
        value.write(ByteBuffer.allocate(5).put((byte) 0).putInt(registered.getId()).array());
        var schema = new Schema.Parser().parse(FULL_NAME);
        var john = new GenericRecordBuilder(schema).set("first", "john").set("last", "doe").build();
        var encoder = EncoderFactory.get().directBinaryEncoder(value, null);
        new GenericDatumWriter<GenericRecord>(schema).write(john, encoder);
        byte[] bytes = value.toByteArray();
        check(Arrays.equals(Arrays.copyOfRange(bytes, 5, bytes.length), JOHN), Arrays.toString(bytes));
        Map<String, Object> config = Map.of("bootstrap.servers", kafka);
        try (var producer = new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer())) {
            producer.send(new ProducerRecord<>(topic, bytes)).get();
        }
    }

    static void read(String topic) throws Exception {
        ByteBuffer value = ByteBuffer.wrap(first(topic));
        check(value.get() == 0, "the first byte is zero");
        var schema = new Schema.Parser().parse(client.fetch(value.getInt()));
        byte[] payload = new byte[value.remaining()];
        value.get(payload);
        var decoder = DecoderFactory.get().binaryDecoder(payload, null);
        GenericRecord john = new GenericDatumReader<GenericRecord>(schema).read(null, decoder);
        check(john.get("first").toString().equals("john") && john.get("last").toString().equals("doe"), topic + ": " + john);
    }

    static byte[] first(String topic) {
        Map<String, Object> config = Map.of("bootstrap.servers", kafka, "enable.auto.commit", "false");
        try (var consumer = new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            var partition = new TopicPartition(topic, 0);
            consumer.assign(List.of(partition));
            consumer.seekToBeginning(List.of(partition));
            long until = System.nanoTime() + Duration.ofSeconds(20).toNanos();
            while (System.nanoTime() < until) {
                var records = consumer.poll(Duration.ofMillis(500));
                if (!records.isEmpty()) return records.iterator().next().value();
            }
        }
        throw new AssertionError("nothing came from " + topic);
    }

    static void check(boolean holds, String words) {
        if (!holds) throw new AssertionError(words);
    }
}
