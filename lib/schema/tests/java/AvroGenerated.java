// Reads data into the classes that were made from a schema, and writes it again: hex in, hex out, a line each.
import com.example.Moments;
import com.example.Person;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.util.HexFormat;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.specific.SpecificDatumReader;
import org.apache.avro.specific.SpecificDatumWriter;

public class AvroGenerated {
    public static void main(String[] args) throws Exception {
        var in = new BufferedReader(new InputStreamReader(System.in));
        String what = args.length > 0 ? args[0] : "person";
        for (String line; (line = in.readLine()) != null;) {
            byte[] data = HexFormat.of().parseHex(line);
            System.out.println(switch (what) {
                case "moments" -> ofMoments(data);
                case "hard" -> written(read(data, Hard.class), Hard.class);
                default -> ofPerson(data);
            });
        }
    }

    static String ofPerson(byte[] data) throws IOException {
        Person person = read(data, Person.class);
        for (Person friend : person.getFriends()) {
            friend.setFirst(friend.getFirst());
        }
        return written(person, Person.class) + " " + person.getFirst().length();
    }

    static String ofMoments(byte[] data) throws IOException {
        Moments moments = read(data, Moments.class);
        for (java.time.LocalDate day : moments.getDays()) {
            day.plusDays(1);
        }
        return String.join(" ", written(moments, Moments.class), moments.getDay().toString(),
            Long.toString(moments.getAt().toEpochMilli()), moments.getCost().toPlainString(),
            moments.getTotal().toPlainString(), moments.getKey().toString());
    }

    static <T> T read(byte[] data, Class<T> kind) throws IOException {
        return new SpecificDatumReader<T>(kind).read(null, DecoderFactory.get().binaryDecoder(data, null));
    }

    static <T> String written(T value, Class<T> kind) throws IOException {
        var out = new ByteArrayOutputStream();
        var encoder = EncoderFactory.get().directBinaryEncoder(out, null);
        new SpecificDatumWriter<T>(kind).write(value, encoder);
        encoder.flush();
        return HexFormat.of().formatHex(out.toByteArray());
    }
}
