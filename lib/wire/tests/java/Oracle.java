// The reference client library as the oracle for bytes.
//   again              reads lines `PART KEY NAME VERSION HEX`, answers each with the bytes that the library writes after reading those, and what its JSON made of them
//   across             the same lines, each answered with what is written in every version in turn, or `-` where the library refuses
//   values COUNT SEED  makes messages by reflection, COUNT of every message and version, as such lines
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.message.ApiMessageType;
import org.apache.kafka.common.message.ConsumerProtocolAssignment;
import org.apache.kafka.common.message.ConsumerProtocolSubscription;
import org.apache.kafka.common.message.RequestHeaderData;
import org.apache.kafka.common.message.ResponseHeaderData;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.ObjectSerializationCache;
import org.apache.kafka.common.protocol.types.BoundField;
import org.apache.kafka.common.protocol.types.Schema;
import org.apache.kafka.common.protocol.types.TaggedFields;
import org.apache.kafka.common.protocol.types.Type;
import org.apache.kafka.common.record.internal.MemoryRecords;

public final class Oracle {
    static final HexFormat HEX = HexFormat.of();

    public static void main(String[] args) throws Exception {
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        if (args[0].equals("again")) again(out, false);
        else if (args[0].equals("across")) again(out, true);
        else values(out, Integer.parseInt(args[1]), new Random(Long.parseLong(args[2])));
        out.flush();
    }

    static Message fresh(String part, int key, String name) throws Exception {
        switch (part) {
            case "request": return ApiMessageType.fromApiKey((short) key).newRequest();
            case "response": return ApiMessageType.fromApiKey((short) key).newResponse();
            default:
        }
        switch (name) {
            case "RequestHeader": return new RequestHeaderData();
            case "ResponseHeader": return new ResponseHeaderData();
            case "ConsumerProtocolSubscription": return new ConsumerProtocolSubscription();
            case "ConsumerProtocolAssignment": return new ConsumerProtocolAssignment();
            default: throw new IllegalArgumentException(name);
        }
    }

    static byte[] bytes(Message m, short version) {
        ObjectSerializationCache cache = new ObjectSerializationCache();
        ByteBuffer buffer = ByteBuffer.allocate(m.size(cache, version));
        m.write(new ByteBufferAccessor(buffer), cache, version);
        return buffer.array();
    }

    static void again(PrintStream out, boolean across) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] words = line.split(" ", 5);
            short version = Short.parseShort(words[3]);
            byte[] given = HEX.parseHex(words[4]);
            try {
                Message m = fresh(words[0], Integer.parseInt(words[1]), words[2]);
                ByteBuffer buffer = ByteBuffer.wrap(given);
                m.read(new ByteBufferAccessor(buffer), version);
                if (across) {
                    out.println(across(m));
                    continue;
                }
                String left = buffer.hasRemaining() ? " left" : "";
                out.println(HEX.formatHex(bytes(m, version)) + " " + HEX.formatHex(throughJson(m, version)) + left);
            } catch (Exception | OutOfMemoryError e) {
                out.println("error " + e.toString().replace('\n', ' '));
            }
        }
    }

    static String across(Message m) {
        List<String> answers = new ArrayList<>();
        for (short v = m.lowestSupportedVersion(); v <= m.highestSupportedVersion(); v++) {
            try {
                answers.add("=" + HEX.formatHex(bytes(m, v)));
            } catch (RuntimeException e) {
                answers.add("-");
            }
        }
        return String.join(" ", answers);
    }

    /** The message written as the library's JSON and read from it. */
    static byte[] throughJson(Message m, short version) throws Exception {
        Class<?> converter = Class.forName(m.getClass().getName() + "JsonConverter");
        Class<?> node = Class.forName("com.fasterxml.jackson.databind.JsonNode");
        Object json = converter.getMethod("write", m.getClass(), short.class).invoke(null, m, version);
        return bytes((Message) converter.getMethod("read", node, short.class).invoke(null, json, version), version);
    }

    static void values(PrintStream out, int count, Random dice) throws Exception {
        for (int key : Facts.KEYS) {
            for (String part : new String[] {"request", "response"}) values(out, part, key, "", count, dice);
        }
        values(out, "header", -1, "RequestHeader", count, dice);
        values(out, "header", -1, "ResponseHeader", count, dice);
        values(out, "blob", -1, "ConsumerProtocolSubscription", count, dice);
        values(out, "blob", -1, "ConsumerProtocolAssignment", count, dice);
    }

    static void values(PrintStream out, String part, int key, String name, int count, Random dice) throws Exception {
        Message shape = fresh(part, key, name);
        for (short v = shape.lowestSupportedVersion(); v <= shape.highestSupportedVersion(); v++) {
            for (int i = 0; i < count; i++) {
                Message m = random(shape.getClass(), v, dice);
                out.println(part + " " + key + " " + Facts.plain(shape.getClass()) + " " + v + " " + HEX.formatHex(bytes(m, v)));
            }
        }
    }

    static Message random(Class<?> c, short version, Random dice) throws Exception {
        Message m = (Message) Facts.fresh(c);
        Schema schema = ((Schema[]) c.getField("SCHEMAS").get(null))[version];
        for (Field f : c.getDeclaredFields()) {
            if (Modifier.isStatic(f.getModifiers()) || f.getName().startsWith("_")) continue;
            Type type = type(schema, Facts.snake(f.getName()));
            if (type == null) continue;
            f.setAccessible(true);
            boolean nullable = type.isNullable();
            f.set(m, nullable && dice.nextInt(4) == 0 ? null : value(f, f.getType(), f.getGenericType(), version, dice));
        }
        return m;
    }

    static Type type(Schema schema, String name) {
        for (BoundField b : schema.fields()) {
            if (b.def.name.equals(name)) return b.def.type;
            if (!(b.def.type instanceof TaggedFields)) continue;
            for (Map.Entry<Integer, org.apache.kafka.common.protocol.types.Field> e : ((TaggedFields) b.def.type).fields().entrySet()) {
                if (e.getValue().name.equals(name)) return e.getValue().type;
            }
        }
        return null;
    }

    static Object value(Field f, Class<?> t, java.lang.reflect.Type generic, short version, Random dice) throws Exception {
        long edge = new long[] {0, -1, Long.MAX_VALUE, Long.MIN_VALUE, 1, dice.nextLong()}[dice.nextInt(6)];
        if (t == boolean.class) return dice.nextBoolean();
        if (t == byte.class || t == Byte.class) return (byte) edge;
        if (t == short.class || t == Short.class) return (short) edge;
        if (t == int.class && unsigned(f)) return (int) (edge & 0xffff);
        if (t == int.class || t == Integer.class) return (int) edge;
        if (t == long.class || t == Long.class) return edge;
        if (t == double.class) return edge / 3.0;
        if (t == String.class) return text(dice);
        if (t == Uuid.class) return new Uuid(edge, dice.nextLong());
        if (t == byte[].class) return blob(dice);
        if (t == ByteBuffer.class) return ByteBuffer.wrap(blob(dice));
        if (Message.class.isAssignableFrom(t)) return random(t, version, dice);
        if (t.getSimpleName().equals("BaseRecords")) return MemoryRecords.readableRecords(ByteBuffer.wrap(blob(dice)));
        Class<?> element = Facts.element(f);
        java.lang.reflect.Type inner = generic instanceof ParameterizedType ? ((ParameterizedType) generic).getActualTypeArguments()[0] : element;
        List<Object> many = new ArrayList<>();
        for (int i = dice.nextInt(4); i > 0; i--) many.add(value(f, (Class<?>) inner, inner, version, dice));
        if (List.class.isAssignableFrom(t)) return many;
        Object collection = Facts.fresh(t);
        for (Method add : t.getMethods()) {
            if (!add.getName().equals("add") || add.getParameterCount() != 1) continue;
            for (Object one : many) add.invoke(collection, one);
            return collection;
        }
        throw new IllegalStateException("no value for " + f);
    }

    /** Numbers of 16 bits without a sign stand in an int. */
    static boolean unsigned(Field f) throws Exception {
        for (Schema s : (Schema[]) f.getDeclaringClass().getField("SCHEMAS").get(null)) {
            Type t = s == null ? null : type(s, Facts.snake(f.getName()));
            if (t != null) return t == Type.UINT16;
        }
        return false;
    }

    static String text(Random dice) {
        String s = new String[] {"", "a", "orders", "Gr\u00fc\u00dfe", "\u9375", "\ud83d\udddd key"}[dice.nextInt(6)];
        return dice.nextInt(12) == 0 ? s.repeat(60) : s;
    }

    static byte[] blob(Random dice) {
        byte[] bytes = new byte[dice.nextInt(20)];
        dice.nextBytes(bytes);
        return bytes;
    }
}
