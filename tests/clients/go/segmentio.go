package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
)

// segmentio is segmentio's kafka-go. Its writer hides the offsets, and has no idempotent mode.
type segmentio struct {
	bootstrap string
	client    *kafka.Client
	writers   map[string]*kafka.Writer
}

func newSegmentio(bootstrap string) (client, error) {
	address, err := net.ResolveTCPAddr("tcp", bootstrap)
	return &segmentio{bootstrap, &kafka.Client{Addr: address, Timeout: timeout}, map[string]*kafka.Writer{}}, err
}

func (s *segmentio) create(topic string, partitions int) error {
	ctx, cancel := within()
	defer cancel()
	answer, err := s.client.CreateTopics(ctx, &kafka.CreateTopicsRequest{
		Topics: []kafka.TopicConfig{{Topic: topic, NumPartitions: partitions, ReplicationFactor: 1}},
	})
	if err != nil {
		return err
	}
	return answer.Errors[topic]
}

func (s *segmentio) delete(topic string) error {
	ctx, cancel := within()
	defer cancel()
	answer, err := s.client.DeleteTopics(ctx, &kafka.DeleteTopicsRequest{Topics: []string{topic}})
	if err != nil {
		return err
	}
	return answer.Errors[topic]
}

func (s *segmentio) partitions(topic string) ([]kafka.Partition, error) {
	ctx, cancel := within()
	defer cancel()
	answer, err := s.client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{topic}})
	if err != nil {
		return nil, err
	}
	return answer.Topics[0].Partitions, answer.Topics[0].Error
}

func (s *segmentio) describe(topic string) error {
	partitions, err := s.partitions(topic)
	if err != nil {
		return err
	}
	leaders := make([]int, len(partitions))
	for _, p := range partitions {
		leaders[p.ID] = p.Leader.ID
	}
	for p, leader := range leaders {
		say(p, leader)
	}
	return nil
}

// The client keeps its picture of the cluster for some seconds: a topic that another client has just made may not be in
// it yet.
func untilKnown(ask func() error) error {
	deadline := time.Now().Add(20 * time.Second)
	for {
		err := ask()
		if !errors.Is(err, kafka.UnknownTopicOrPartition) || time.Now().After(deadline) {
			return err
		}
		time.Sleep(200 * time.Millisecond)
	}
}

func (s *segmentio) listOffset(topic string, partition int32, timestamp int64) (offset int64, err error) {
	err = untilKnown(func() error {
		offset, err = s.askOffset(topic, partition, timestamp)
		return err
	})
	return offset, err
}

func (s *segmentio) askOffset(topic string, partition int32, timestamp int64) (int64, error) {
	ctx, cancel := within()
	defer cancel()
	answer, err := s.client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{
		topic: {{Partition: int(partition), Timestamp: timestamp}},
	}})
	if err != nil {
		return 0, err
	}
	found := answer.Topics[topic][0]
	switch timestamp {
	case kafka.FirstOffset:
		return found.FirstOffset, found.Error
	case kafka.LastOffset:
		return found.LastOffset, found.Error
	}
	for offset := range found.Offsets {
		return offset, found.Error
	}
	return -1, errors.New("no offset for that time")
}

func (s *segmentio) offsets(topic string, partition int32) error {
	earliest, err := s.listOffset(topic, partition, kafka.FirstOffset)
	if err != nil {
		return err
	}
	latest, err := s.listOffset(topic, partition, kafka.LastOffset)
	say(earliest, latest)
	return err
}

func (s *segmentio) writer(topic string, partition int32, codec, acks string) *kafka.Writer {
	name := fmt.Sprint(topic, partition, codec, acks)
	if s.writers[name] == nil {
		s.writers[name] = &kafka.Writer{
			Addr: s.client.Addr, Topic: topic, BatchBytes: 2 << 20, BatchTimeout: 5 * time.Millisecond,
			RequiredAcks: map[string]kafka.RequiredAcks{"0": kafka.RequireNone, "1": kafka.RequireOne, "all": kafka.RequireAll}[acks],
			Compression: map[string]kafka.Compression{
				"gzip": kafka.Gzip, "snappy": kafka.Snappy, "lz4": kafka.Lz4, "zstd": kafka.Zstd,
			}[codec],
			Balancer: kafka.BalancerFunc(func(kafka.Message, ...int) int { return int(partition) }),
		}
	}
	return s.writers[name]
}

func (s *segmentio) produce(topic string, partition int32, codec, acks string, records []record) (int64, error) {
	if acks == "idempotent" {
		return 0, errors.New("kafka-go has no idempotent producer")
	}
	ctx, cancel := within()
	defer cancel()
	sent := make([]kafka.Message, len(records))
	for i, r := range records {
		sent[i] = kafka.Message{Time: r.timestamp, Key: r.key, Value: r.value}
		for _, h := range r.headers {
			sent[i].Headers = append(sent[i].Headers, protocol.Header{Key: h.name, Value: h.value})
		}
	}
	return -1, s.writer(topic, partition, codec, acks).WriteMessages(ctx, sent...)
}

func (s *segmentio) consume(topic, partition, from string, count int) error {
	if p, err := strconv.Atoi(partition); err == nil {
		return s.read(topic, int32(p), from, count)
	}
	var partitions []kafka.Partition
	err := untilKnown(func() (err error) {
		partitions, err = s.partitions(topic)
		return err
	})
	if err != nil {
		return err
	}
	// A reader reads one partition: each to its end, all at once.
	read := make(chan error)
	for p := range partitions {
		end, err := s.listOffset(topic, int32(p), kafka.LastOffset)
		if err != nil {
			return err
		}
		count -= int(end)
		go func() { read <- s.read(topic, int32(p), from, int(end)) }()
	}
	for range partitions {
		err = errors.Join(err, <-read)
	}
	if err == nil && count != 0 {
		err = fmt.Errorf("%d records more than asked for, from offset 0 on", -count)
	}
	return err
}

func (s *segmentio) read(topic string, partition int32, from string, count int) error {
	start, err := s.start(topic, partition, from)
	if err != nil {
		return err
	}
	reader := kafka.NewReader(kafka.ReaderConfig{
		Brokers: []string{s.bootstrap}, Topic: topic, Partition: int(partition), MaxBytes: 2 << 20, MaxWait: 100 * time.Millisecond,
	})
	defer reader.Close()
	if err := reader.SetOffset(start); err != nil {
		return err
	}
	ctx, cancel := within()
	defer cancel()
	for ; count > 0; count-- {
		m, err := reader.ReadMessage(ctx)
		if err != nil {
			return fmt.Errorf("%d records did not come: %w", count, err)
		}
		saySegmentio(m)
	}
	return nil
}

func (s *segmentio) start(topic string, partition int32, from string) (int64, error) {
	switch {
	case from == "earliest":
		return s.listOffset(topic, partition, kafka.FirstOffset)
	case from == "latest":
		return s.listOffset(topic, partition, kafka.LastOffset)
	case strings.HasPrefix(from, "time:"):
		ms, err := strconv.ParseInt(from[5:], 10, 64)
		if err != nil {
			return 0, err
		}
		return s.listOffset(topic, partition, ms)
	}
	return strconv.ParseInt(from, 10, 64)
}

func saySegmentio(m kafka.Message) {
	found := record{timestamp: m.Time, key: m.Key, value: m.Value}
	for _, h := range m.Headers {
		found.headers = append(found.headers, header{h.Key, h.Value})
	}
	sayRecord(int32(m.Partition), m.Offset, found)
}

func (s *segmentio) wait(topic string, partition int32) error {
	end, err := s.listOffset(topic, partition, kafka.LastOffset)
	if err != nil {
		return err
	}
	reader := kafka.NewReader(kafka.ReaderConfig{
		Brokers: []string{s.bootstrap}, Topic: topic, Partition: int(partition), MinBytes: 1, MaxBytes: 2 << 20, MaxWait: time.Minute,
	})
	defer func() { go reader.Close() }() // it waits for the next long poll
	if err := reader.SetOffset(end); err != nil {
		return err
	}
	defer time.AfterFunc(500*time.Millisecond, func() { say("waiting") }).Stop()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	m, err := reader.ReadMessage(ctx)
	if err == nil {
		saySegmentio(m)
	}
	return err
}

func (s *segmentio) load(string, int, string, <-chan string) error {
	return errors.New("no load with kafka-go")
}
