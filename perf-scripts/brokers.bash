# Jackdaw and Apache Kafka as the comparisons start them: sourced, not run. Sets `broker` to the process it started.
# Wants: root (the repository), jackdaw (the program), nice (a priority).

jars=${XDG_CACHE_HOME:-$HOME/.cache}/jackdaw/clients/java/server
heap=${KAFKA_HEAP:-1G} # kafka-server-start.sh's
broker=''

# What tests/clients/setup installs, and no more of it.
install_kafka() {
  [ -d "$jars" ] || mvn -B -q -f "$root/tests/clients/java/pom.xml" -P server dependency:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$jars"
}

java_tool() { java -Xmx256M -Dorg.apache.logging.log4j.level=WARN -cp "$jars/*" "$@"; }

start_jackdaw() { # dir log port
  nice -n "$nice" "$jackdaw" --override "log.dirs=$1/data" --override "listeners=PLAINTEXT://127.0.0.1:$3" >>"$2" 2>&1 &
  broker=$!
}

# Formatting is not part of a start. Jackdaw formats an empty directory by itself.
format_jackdaw() { :; }

format_kafka() { # dir log port
  cat >"$1/server.properties" <<P
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$(($3 + 1))
listeners=PLAINTEXT://127.0.0.1:$3,CONTROLLER://127.0.0.1:$(($3 + 1))
advertised.listeners=PLAINTEXT://127.0.0.1:$3
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=$1/data
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
P
  java_tool kafka.tools.StorageTool format -t "$(java_tool kafka.tools.StorageTool random-uuid)" -c "$1/server.properties" >>"$2"
}

start_kafka() { # dir log port
  nice -n "$nice" java -Xms"$heap" -Xmx"$heap" -server -XX:+UseG1GC -XX:MaxGCPauseMillis=20 -XX:InitiatingHeapOccupancyPercent=35 \
    -XX:+ExplicitGCInvokesConcurrent -XX:MaxInlineLevel=15 -Djava.awt.headless=true -Dorg.apache.logging.log4j.level=INFO \
    -cp "$jars/*" kafka.Kafka "$1/server.properties" >>"$2" 2>&1 &
  broker=$!
}

# Asks a process that we started to end, waits 60 s, and then ends it.
end_process() { # pid
  local _
  kill "$1" 2>/dev/null || return 0
  for _ in $(seq 600); do
    kill -0 "$1" 2>/dev/null || break
    sleep 0.1
  done
  kill -KILL "$1" 2>/dev/null || true
  wait "$1" 2>/dev/null || true
}
