import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;

/** The text form of records (see ../README.md). */
final class RecordText {
    private static final HexFormat HEX = HexFormat.of();

    private RecordText() {}

    static byte[] parseBytes(String text) {
        return switch (text) {
            case "null" -> null;
            case "." -> new byte[0];
            default -> HEX.parseHex(text);
        };
    }

    static String formatBytes(byte[] data) throws Exception {
        if (data == null) return "null";
        if (data.length > 256) return data.length + ":" + HEX.formatHex(MessageDigest.getInstance("SHA-256").digest(data));
        return data.length == 0 ? "." : HEX.formatHex(data);
    }

    static ProducerRecord<byte[], byte[]> parse(String topic, int partition, String line) {
        String[] words = line.split(" ");
        List<Header> headers = new ArrayList<>();
        if (!words[3].equals("none"))
            for (String header : words[3].split(",")) {
                String[] pair = header.split("=");
                headers.add(new RecordHeader(new String(parseBytes(pair[0]), StandardCharsets.UTF_8), parseBytes(pair[1])));
            }
        return new ProducerRecord<>(topic, partition, Long.valueOf(words[0]), parseBytes(words[1]), parseBytes(words[2]), headers);
    }

    static String format(ConsumerRecord<byte[], byte[]> record) throws Exception {
        StringBuilder headers = new StringBuilder();
        for (Header header : record.headers())
            headers.append(headers.isEmpty() ? "" : ",")
                .append(formatBytes(header.key().getBytes(StandardCharsets.UTF_8)))
                .append('=')
                .append(formatBytes(header.value()));
        return String.join(" ", "" + record.partition(), "" + record.offset(), "" + record.timestamp(), formatBytes(record.key()),
            formatBytes(record.value()), headers.isEmpty() ? "none" : headers);
    }
}
