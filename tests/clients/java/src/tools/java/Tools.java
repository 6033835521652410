import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import org.apache.kafka.common.utils.Exit;

/** Kafka's tools in one process: `CLASS ARGUMENT...` a line, answered by what the tool prints and `ok` or `error`. */
public final class Tools {
    /** Thrown where a tool would end the process. */
    private static final class Ended extends RuntimeException {
        Ended(int status) {
            super("status " + status, null, false, false);
            // A tool that catches this says 1 on its own account then.
            if (ended == null) ended = this;
        }
    }

    private static Ended ended;

    private Tools() {}

    public static void main(String[] args) throws Exception {
        PrintStream answers = System.out;
        Exit.setExitProcedure((status, message) -> {
            throw new Ended(status);
        });
        Exit.setHaltProcedure((status, message) -> {
            throw new Ended(status);
        });
        Exit.setShutdownHookAdder((name, hook) -> { });
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = input.readLine()) != null; ) {
            ByteArrayOutputStream printed = new ByteArrayOutputStream();
            System.setOut(new PrintStream(printed, true));
            System.setErr(System.out);
            String end = run(line.split(" "));
            printed.toString().lines().filter(text -> !text.isBlank()).forEach(answers::println);
            answers.println(end);
            answers.flush();
        }
        Runtime.getRuntime().halt(0);
    }

    private static String run(String[] words) {
        ended = null;
        String[] arguments = java.util.Arrays.copyOfRange(words, 1, words.length);
        try {
            Class.forName("org.apache.kafka.tools." + words[0]).getMethod("main", String[].class).invoke(null, (Object) arguments);
        } catch (ReflectiveOperationException e) {
            Throwable cause = e.getCause() == null ? e : e.getCause();
            if (!(cause instanceof Ended)) return "error " + cause.toString().replace('\n', ' ');
        }
        return ended == null || ended.getMessage().equals("status 0") ? "ok" : "error " + ended.getMessage();
    }
}
