import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** What the members of each group have told, in order, until it is asked for. */
final class GroupEvents {
    private final Map<String, List<String>> byGroup = new HashMap<>();

    synchronized void add(String group, String event) {
        byGroup.computeIfAbsent(group, unused -> new ArrayList<>()).add(event);
    }

    synchronized List<String> take(String group) {
        List<String> events = byGroup.remove(group);
        return events == null ? List.of() : events;
    }
}
