// Reads "name version hex" lines, has Apache Kafka's own classes read and write each, and prints those that come
// back unchanged. What does not come back is told on stderr. Against the jars of a Kafka release:
//
//   cargo run -p jackdaw-codec-tests --example samples -- 1 1 | java -cp 'libs/*' java/Recode.java > fixtures/kafka-4.4.0.txt

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.reflect.Constructor;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.ObjectSerializationCache;
import org.apache.kafka.common.protocol.Readable;

class Recode {
    static final List<String> PACKAGES = List.of(
        "org.apache.kafka.common.message", "org.apache.kafka.common.metadata",
        "org.apache.kafka.coordinator.group.generated", "org.apache.kafka.coordinator.transaction.generated",
        "org.apache.kafka.coordinator.share.generated",
        "org.apache.kafka.server.log.remote.metadata.storage.generated",
        "org.apache.kafka.storage.internals.log", "org.apache.kafka.server.log.internals", "kafka.log");

    static final Map<String, Constructor<?>> READERS = new HashMap<>();

    static Constructor<?> reader(String name) throws Exception {
        for (String place : PACKAGES) {
            for (String suffix : new String[] {"Data", ""}) {
                try {
                    return Class.forName(place + "." + name + suffix).getConstructor(Readable.class, short.class);
                } catch (ClassNotFoundException elsewhere) {
                    continue;
                }
            }
        }
        return null;
    }

    static String refusal(String name, short version, byte[] bytes) throws Exception {
        if (!READERS.containsKey(name)) {
            READERS.put(name, reader(name));
        }
        Constructor<?> reader = READERS.get(name);
        if (reader == null) {
            return "no such class";
        }
        ByteBuffer input = ByteBuffer.wrap(bytes);
        Message message = (Message) reader.newInstance(new ByteBufferAccessor(input), version);
        if (input.hasRemaining()) {
            return input.remaining() + " bytes are left";
        }
        ObjectSerializationCache cache = new ObjectSerializationCache();
        ByteBuffer output = ByteBuffer.allocate(message.size(cache, version));
        message.write(new ByteBufferAccessor(output), cache, version);
        return java.util.Arrays.equals(output.array(), bytes) ? null
            : "written as " + HexFormat.of().formatHex(output.array());
    }

    public static void main(String[] arguments) throws Exception {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] words = line.split(" ", 3);
            String refusal;
            try {
                refusal = refusal(words[0], Short.parseShort(words[1]), HexFormat.of().parseHex(words[2]));
            } catch (Exception error) {
                refusal = String.valueOf(error.getCause() == null ? error : error.getCause());
            }
            if (refusal == null) {
                System.out.println(line);
            } else {
                System.err.println(line + ": " + refusal);
            }
        }
    }
}
