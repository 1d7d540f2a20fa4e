// Answers questions about Avro with Apache's own library: one JSON object a line in, one out.
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import org.apache.avro.Schema;
import org.apache.avro.SchemaCompatibility;
import org.apache.avro.SchemaNormalization;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.io.JsonEncoder;

public class AvroOracle {
    static final ObjectMapper JSON = new ObjectMapper();
    static final HexFormat HEX = HexFormat.of();

    public static void main(String[] args) throws Exception {
        var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        var out = new PrintWriter(new BufferedWriter(new OutputStreamWriter(System.out, StandardCharsets.UTF_8)));
        for (String line; (line = in.readLine()) != null;) {
            out.println(JSON.writeValueAsString(answer(JSON.readTree(line))));
        }
        out.flush();
    }

    static ObjectNode answer(JsonNode question) {
        ObjectNode answer = JSON.createObjectNode();
        Schema writer;
        Schema reader;
        try {
            writer = new Schema.Parser().parse(question.get("writer").asText());
            reader = new Schema.Parser().parse(question.get("reader").asText());
        } catch (Exception e) {
            return answer.put("refused", String.valueOf(e.getMessage()));
        }
        answer.put("text", writer.toString());
        answer.put("form", SchemaNormalization.toParsingForm(writer));
        answer.put("print", Long.toUnsignedString(SchemaNormalization.parsingFingerprint64(writer)));
        differences(answer, reader, writer);
        if (question.hasNonNull("data")) {
            byte[] data = HEX.parseHex(question.get("data").asText());
            try {
                Object datum = read(writer, writer, data);
                answer.put("again", HEX.formatHex(write(writer, datum)));
                answer.put("json", json(writer, datum));
            } catch (Exception e) {
                answer.put("unread", String.valueOf(e));
            }
            try {
                answer.put("resolved", HEX.formatHex(write(reader, read(writer, reader, data))));
            } catch (Exception e) {
                answer.put("unresolved", String.valueOf(e));
            }
        }
        return answer;
    }

    static void differences(ObjectNode answer, Schema reader, Schema writer) {
        ArrayNode list = answer.putArray("differences");
        try {
            var pair = SchemaCompatibility.checkReaderWriterCompatibility(reader, writer);
            for (var i : pair.getResult().getIncompatibilities()) {
                list.addArray().add(i.getType().name()).add(i.getLocation()).add(i.getMessage());
            }
        } catch (Exception e) {
            answer.put("threw", String.valueOf(e.getMessage()));
        }
    }

    static Object read(Schema writer, Schema reader, byte[] data) throws Exception {
        return new GenericDatumReader<Object>(writer, reader).read(null, DecoderFactory.get().binaryDecoder(data, null));
    }

    static byte[] write(Schema schema, Object datum) throws Exception {
        var out = new ByteArrayOutputStream();
        BinaryEncoder encoder = EncoderFactory.get().binaryEncoder(out, null);
        new GenericDatumWriter<Object>(schema).write(datum, encoder);
        encoder.flush();
        return out.toByteArray();
    }

    static String json(Schema schema, Object datum) throws Exception {
        var out = new ByteArrayOutputStream();
        JsonEncoder encoder = EncoderFactory.get().jsonEncoder(schema, out);
        new GenericDatumWriter<Object>(schema).write(datum, encoder);
        encoder.flush();
        return out.toString(StandardCharsets.UTF_8);
    }
}
