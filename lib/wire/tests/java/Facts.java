// What the reference client library knows about the messages, read from its classes by reflection and told in our own text format.
// The definitions in lib/wire/messages are compared with this output; nothing here reads or copies an upstream file.
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.errors.UnsupportedVersionException;
import org.apache.kafka.common.message.ApiMessageType;
import org.apache.kafka.common.message.ConsumerProtocolAssignment;
import org.apache.kafka.common.message.ConsumerProtocolSubscription;
import org.apache.kafka.common.message.RequestHeaderData;
import org.apache.kafka.common.message.ResponseHeaderData;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.MessageSizeAccumulator;
import org.apache.kafka.common.protocol.ObjectSerializationCache;
import org.apache.kafka.common.protocol.types.BoundField;
import org.apache.kafka.common.protocol.types.Schema;
import org.apache.kafka.common.protocol.types.TaggedFields;
import org.apache.kafka.common.protocol.types.Type;

public final class Facts {
    /** Keys that clients speak; the others belong to brokers and controllers among themselves. */
    static final Set<Integer> KEYS = keys();

    static Set<Integer> keys() {
        Set<Integer> keys = new TreeSet<>(List.of(0, 1, 2, 3, 55, 57, 60, 61, 64, 65, 66, 68, 69, 71, 72));
        for (int k = 8; k <= 51; k++) keys.add(k);
        for (int k = 74; k <= 79; k++) keys.add(k);
        for (int k = 88; k <= 92; k++) keys.add(k);
        return keys;
    }

    public static void main(String[] args) throws Exception {
        Path out = Path.of(args[0]);
        Files.createDirectories(out);
        for (int key : KEYS) {
            ApiMessageType type = ApiMessageType.fromApiKey((short) key);
            Message request = type.newRequest();
            Message response = type.newResponse();
            String name = plain(request.getClass()).replaceAll("Request$", "");
            StringBuilder text = new StringBuilder();
            text.append("api ").append(key).append(' ').append(name).append('\n');
            text.append(range(request, type.requestSchemas()));
            if (type.latestVersionUnstable()) text.append("unstable ").append(request.highestSupportedVersion()).append('\n');
            headers(type, request, text);
            Set<String> mine = nested(request.getClass());
            mine.retainAll(nested(response.getClass()));
            new Facts(request, mine, "Request", text).struct();
            new Facts(response, mine, "Response", text).struct();
            write(out, String.format("%02d_%s.txt", key, snake(name)), text);
        }
        single(out, "header", new RequestHeaderData());
        single(out, "header", new ResponseHeaderData());
        single(out, "blob", new ConsumerProtocolSubscription());
        single(out, "blob", new ConsumerProtocolAssignment());
        StringBuilder errors = new StringBuilder();
        for (Errors e : Errors.values()) {
            boolean retriable = e.exception() instanceof RetriableException;
            errors.append(e.code()).append(' ').append(e.name()).append(retriable ? " retriable" : "").append('\n');
        }
        write(out, "errors.txt", errors);
    }

    static void single(Path out, String kind, Message message) throws Exception {
        StringBuilder text = new StringBuilder();
        text.append(kind).append(' ').append(plain(message.getClass())).append('\n');
        text.append(range(message, (Schema[]) message.getClass().getField("SCHEMAS").get(null)));
        new Facts(message, Set.of(), "", text).struct();
        write(out, snake(plain(message.getClass())) + ".txt", text);
    }

    static void write(Path out, String name, StringBuilder text) throws Exception {
        Files.write(out.resolve(name), text.toString().getBytes(StandardCharsets.UTF_8));
    }

    static String range(Message m, Schema[] schemas) {
        int low = m.lowestSupportedVersion(), high = m.highestSupportedVersion(), flexible = -1;
        for (int v = high; v >= low && tagged(schemas[v]) != null; v--) flexible = v;
        return "versions " + low + (high == low ? "" : "-" + high) + "\n" + (flexible < 0 ? "" : "flexible " + flexible + "+\n");
    }

    /** A line for each version whose headers do not follow from its being flexible; the only rule apart is told in our code. */
    static void headers(ApiMessageType type, Message request, StringBuilder text) {
        for (short v = request.lowestSupportedVersion(); v <= request.highestSupportedVersion(); v++) {
            boolean flexible = tagged(type.requestSchemas()[v]) != null;
            int asks = flexible ? 2 : 1;
            int answers = flexible && type.apiKey() != 18 ? 1 : 0;
            if (type.requestHeaderVersion(v) == asks && type.responseHeaderVersion(v) == answers) continue;
            text.append("headers of ").append(v).append(": ").append(type.requestHeaderVersion(v)).append(' ').append(type.responseHeaderVersion(v)).append('\n');
        }
    }

    static TaggedFields tagged(Schema schema) {
        for (BoundField f : schema.fields()) if (f.def.type instanceof TaggedFields) return (TaggedFields) f.def.type;
        return null;
    }

    static String plain(Class<?> c) {
        return c.getSimpleName().replaceAll("Data$", "");
    }

    static Set<String> nested(Class<?> c) {
        Set<String> names = new HashSet<>();
        for (Class<?> n : c.getDeclaredClasses()) names.add(n.getSimpleName());
        return names;
    }

    static String snake(String camel) {
        StringBuilder s = new StringBuilder();
        boolean upper = true;
        for (char c : camel.toCharArray()) {
            if (Character.isUpperCase(c)) {
                if (!upper) s.append('_');
                upper = true;
                s.append(Character.toLowerCase(c));
            } else {
                upper = false;
                s.append(c);
            }
        }
        return s.toString();
    }

    final Message top;
    final int low;
    final int high;
    final Set<String> shared;
    final String prefix;
    final StringBuilder out;
    final Set<Class<?>> told = new HashSet<>();

    Facts(Message top, Set<String> shared, String prefix, StringBuilder out) {
        this.top = top;
        this.low = top.lowestSupportedVersion();
        this.high = top.highestSupportedVersion();
        this.shared = shared;
        this.prefix = prefix;
        this.out = out;
    }

    void struct() throws Exception {
        String kind = prefix.isEmpty() ? "fields" : prefix.toLowerCase();
        out.append(kind).append('\n');
        struct(top.getClass(), "  ");
    }

    String named(Class<?> c) {
        return shared.contains(c.getSimpleName()) ? prefix + c.getSimpleName() : c.getSimpleName();
    }

    void struct(Class<?> c, String indent) throws Exception {
        Schema[] schemas = (Schema[]) c.getField("SCHEMAS").get(null);
        int from = Math.max(low, c.getField("LOWEST_SUPPORTED_VERSION").getShort(null));
        int to = Math.min(high, c.getField("HIGHEST_SUPPORTED_VERSION").getShort(null));
        for (Field f : c.getDeclaredFields()) {
            if (Modifier.isStatic(f.getModifiers())) continue;
            if (Set.of("_unknownTaggedFields", "next", "prev").contains(f.getName())) continue;
            field(c, f, schemas, from, to, indent);
        }
    }

    void field(Class<?> c, Field f, Schema[] schemas, int from, int to, String indent) throws Exception {
        String name = snake(f.getName());
        Map<Integer, Type> present = new TreeMap<>();
        int tag = -1;
        int plain = 0;
        for (int v = from; v <= to; v++) {
            TaggedFields tags = null;
            for (BoundField b : schemas[v].fields()) {
                if (b.def.type instanceof TaggedFields) tags = (TaggedFields) b.def.type;
                else if (b.def.name.equals(name)) { present.put(v, b.def.type); plain++; }
            }
            if (tags == null) continue;
            for (Map.Entry<Integer, org.apache.kafka.common.protocol.types.Field> e : tags.fields().entrySet()) {
                if (e.getValue().name.equals(name)) { present.put(v, e.getValue().type); tag = e.getKey(); }
            }
        }
        if (present.isEmpty()) return; // of a version that was removed
        if (tag >= 0 && plain > 0) throw new IllegalStateException(c + "." + name + " is tagged only sometimes");
        Set<Integer> nullable = new TreeSet<>();
        for (Map.Entry<Integer, Type> e : present.entrySet()) if (e.getValue().isNullable()) nullable.add(e.getKey());
        Type last = ((TreeMap<Integer, Type>) present).lastEntry().getValue();
        Class<?> struct = element(f);
        String type = type(last);
        String text = type;
        if (type.endsWith("struct")) text = type.replace("struct", named(struct));
        out.append(indent).append(name).append(' ').append(text);
        if (!nullable.isEmpty()) {
            out.append('?');
            if (nullable.size() != present.size()) out.append(versions(nullable, present.keySet()));
        }
        Set<Integer> all = new TreeSet<>();
        for (int v = from; v <= to; v++) all.add(v);
        if (!present.keySet().equals(all)) out.append(' ').append(versions(present.keySet(), all));
        if (tag >= 0) out.append(" tag ").append(tag);
        out.append(standard(c, f, type, !nullable.isEmpty()));
        if (rigid(last, present, schemas)) out.append(" rigid");
        if (ignorable(c, f, present.keySet(), from, to)) out.append(" ignorable");
        out.append('\n');
        if (type.endsWith("struct") && told.add(struct)) struct(struct, indent + "  ");
    }

    /** A string that keeps its plain form in a flexible version. */
    boolean rigid(Type last, Map<Integer, Type> present, Schema[] schemas) {
        int v = ((TreeMap<Integer, Type>) present).lastKey();
        boolean plain = kind(last).endsWith("STRING") && !kind(last).startsWith("COMPACT");
        return plain && tagged(schemas[v]) != null;
    }

    String versions(Set<Integer> some, Set<Integer> all) {
        int first = ((TreeSet<Integer>) new TreeSet<>(some)).first();
        int last = ((TreeSet<Integer>) new TreeSet<>(some)).last();
        if (last - first + 1 != some.size()) throw new IllegalStateException("gap in " + some);
        if (last == new TreeSet<>(all).last()) return first + "+";
        return first == last ? "" + first : first + "-" + last;
    }

    static Class<?> element(Field f) {
        if (Message.class.isAssignableFrom(f.getType())) return f.getType();
        java.lang.reflect.Type t = f.getGenericType();
        if (!(t instanceof ParameterizedType)) t = f.getType().getGenericSuperclass();
        if (t instanceof ParameterizedType) {
            java.lang.reflect.Type arg = ((ParameterizedType) t).getActualTypeArguments()[0];
            if (arg instanceof Class<?> && Message.class.isAssignableFrom((Class<?>) arg)) return (Class<?>) arg;
        }
        return null;
    }

    static String type(Type t) {
        if (t.isArray()) return "[]" + type(t.arrayElementType().get());
        if (t instanceof Schema) return "struct";
        String n = kind(t);
        switch (n) {
            case "BOOLEAN": return "bool";
            case "UINT16": return "uint16";
            case "UINT32": case "UNSIGNED_INT32": return "uint32";
            case "INT8": case "INT16": case "INT32": case "INT64": case "UUID": case "FLOAT64": return n.toLowerCase();
            default:
        }
        if (n.endsWith("STRING")) return "string";
        if (n.endsWith("BYTES")) return "bytes";
        if (n.endsWith("RECORDS")) return "records";
        throw new IllegalStateException("unknown type " + n);
    }

    static String kind(Type t) {
        return ((Type.DocumentedType) t).typeName();
    }

    static Object fresh(Class<?> c) throws Exception {
        return c.getDeclaredConstructor().newInstance();
    }

    /** The value a new object has, told only when it is not the empty one of its type. */
    String standard(Class<?> c, Field f, String type, boolean nullable) throws Exception {
        f.setAccessible(true);
        Object v = f.get(fresh(c));
        // Records that may not be null begin as null all the same; to be written they must be set.
        if (v == null) return nullable ? " = null" : "";
        switch (type) {
            case "bool": return (Boolean) v ? " = true" : "";
            case "string": return ((String) v).isEmpty() ? "" : " = \"" + v + "\"";
            case "uuid": return v.equals(Uuid.ZERO_UUID) ? "" : " = " + v;
            case "float64": return (Double) v == 0.0 ? "" : " = " + v;
            default:
        }
        if (v instanceof Number) return ((Number) v).longValue() == 0 ? "" : " = " + v;
        return "";
    }

    static boolean ignorable(Class<?> c, Field f, Set<Integer> present, int from, int to) throws Exception {
        if (present.size() == to - from + 1) return false;
        f.setAccessible(true);
        Message m = (Message) fresh(c);
        f.set(m, other(f, f.get(m)));
        for (int v = from; v <= to; v++) {
            if (present.contains(v)) continue;
            try {
                ObjectSerializationCache cache = new ObjectSerializationCache();
                m.addSize(new MessageSizeAccumulator(), cache, (short) v);
                m.write(new ByteBufferAccessor(ByteBuffer.allocate(1 << 16)), cache, (short) v);
            } catch (UnsupportedVersionException e) {
                return false;
            }
            return true;
        }
        return false;
    }

    static Object other(Field f, Object now) throws Exception {
        Class<?> t = f.getType();
        if (t == boolean.class) return !(Boolean) now;
        if (t == byte.class) return (byte) ((Byte) now + 1);
        if (t == short.class) return (short) ((Short) now + 1);
        if (t == int.class) return (Integer) now + 1;
        if (t == long.class) return (Long) now + 1;
        if (t == double.class) return (Double) now + 1;
        if (t == String.class) return "x";
        if (t == Uuid.class) return new Uuid(7, 7);
        if (t == byte[].class) return new byte[] {1};
        if (t == ByteBuffer.class) return ByteBuffer.wrap(new byte[] {1});
        if (Message.class.isAssignableFrom(t)) return changed(t);
        Class<?> e = element(f);
        Object one = e != null ? fresh(e) : scalar(f);
        if (List.class.isAssignableFrom(t)) return new ArrayList<>(List.of(one));
        Object many = fresh(t);
        for (Method add : t.getMethods()) {
            if (add.getName().equals("add") && add.getParameterCount() == 1) { add.invoke(many, one); return many; }
        }
        throw new IllegalStateException("no other value for " + f);
    }

    static Object changed(Class<?> t) throws Exception {
        Object m = fresh(t);
        for (Field f : t.getDeclaredFields()) {
            if (Modifier.isStatic(f.getModifiers()) || f.getName().startsWith("_")) continue;
            f.setAccessible(true);
            f.set(m, other(f, f.get(m)));
            break;
        }
        return m;
    }

    static Object scalar(Field f) {
        String arg = ((ParameterizedType) f.getGenericType()).getActualTypeArguments()[0].getTypeName();
        switch (arg) {
            case "java.lang.String": return "x";
            case "java.lang.Integer": return 1;
            case "java.lang.Long": return 1L;
            case "java.lang.Short": return (short) 1;
            case "java.lang.Byte": return (byte) 1;
            case "org.apache.kafka.common.Uuid": return new Uuid(7, 7);
            default: throw new IllegalStateException(arg);
        }
    }
}
