package main

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/segmentio/kafka-go"
)

// segmentioMember is a Reader with a group. It does not tell its generations or partitions.
func segmentioMember(m *membership) error {
	balancer := map[string]kafka.GroupBalancer{"range": kafka.RangeGroupBalancer{}, "roundrobin": kafka.RoundRobinGroupBalancer{}}[m.options["protocol"]]
	reader := kafka.NewReader(kafka.ReaderConfig{
		Brokers: []string{m.bootstrap}, GroupID: m.group, Topic: m.topic, StartOffset: kafka.FirstOffset, MaxWait: 200 * time.Millisecond,
		MaxBytes: 1 << 20, SessionTimeout: m.ms("session"), HeartbeatInterval: m.ms("heartbeat"), JoinGroupBackoff: 100 * time.Millisecond,
		GroupBalancers: []kafka.GroupBalancer{balancer}, Dialer: &kafka.Dialer{ClientID: m.name, Timeout: 10 * time.Second},
		ReadBackoffMin: 20 * time.Millisecond, ReadBackoffMax: 200 * time.Millisecond,
		ErrorLogger: kafka.LoggerFunc(func(format string, words ...any) { m.tell("warned", strconv.Quote(format)) }),
	})
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-m.leaving
		cancel()
	}()
	for {
		record, err := reader.FetchMessage(ctx)
		if errors.Is(err, context.Canceled) {
			return reader.Close()
		}
		if err != nil {
			m.tell("unfetched", oneLine(err))
			continue
		}
		m.tell("got", record.Topic, record.Partition, record.Offset)
		// In a rebalance the commit may be sent by the next generation, which has already asked where to begin. So a commit
		// that was answered does not say that the record will not come again, and is not told.
		if err := reader.CommitMessages(context.Background(), record); err != nil {
			m.tell("uncommitted", oneLine(err))
		}
	}
}
