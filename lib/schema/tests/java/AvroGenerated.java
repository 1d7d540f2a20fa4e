// Reads data into the classes that were made from the schema, and writes it again: hex in, hex out, a line each.
import com.example.Person;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.util.HexFormat;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.specific.SpecificDatumReader;
import org.apache.avro.specific.SpecificDatumWriter;

public class AvroGenerated {
    public static void main(String[] args) throws Exception {
        var in = new BufferedReader(new InputStreamReader(System.in));
        var reader = new SpecificDatumReader<Person>(Person.class);
        var writer = new SpecificDatumWriter<Person>(Person.class);
        for (String line; (line = in.readLine()) != null;) {
            Person person = reader.read(null, DecoderFactory.get().binaryDecoder(HexFormat.of().parseHex(line), null));
            for (Person friend : person.getFriends()) {
                friend.setFirst(friend.getFirst());
            }
            var out = new ByteArrayOutputStream();
            var encoder = EncoderFactory.get().directBinaryEncoder(out, null);
            writer.write(person, encoder);
            encoder.flush();
            System.out.println(HexFormat.of().formatHex(out.toByteArray()) + " " + person.getFirst().length());
        }
    }
}
