package main

import (
	"errors"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/IBM/sarama"
)

// saramaClient is sarama with its own default protocol version.
type saramaClient struct {
	bootstrap []string
	client    sarama.Client
	admin     sarama.ClusterAdmin
	producers map[string]sarama.SyncProducer
}

func newSarama(bootstrap string) (client, error) {
	s := &saramaClient{bootstrap: []string{bootstrap}, producers: map[string]sarama.SyncProducer{}}
	plain, err := sarama.NewClient(s.bootstrap, sarama.NewConfig())
	if err != nil {
		return nil, err
	}
	s.client = plain
	s.admin, err = sarama.NewClusterAdminFromClient(plain)
	return s, err
}

func (s *saramaClient) create(topic string, partitions int) error {
	return s.admin.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: int32(partitions), ReplicationFactor: 1}, false)
}

func (s *saramaClient) delete(topic string) error { return s.admin.DeleteTopic(topic) }

func (s *saramaClient) describe(topic string) error {
	found, err := s.admin.DescribeTopics([]string{topic})
	if err != nil {
		return err
	}
	if found[0].Err != sarama.ErrNoError {
		return found[0].Err
	}
	partitions := found[0].Partitions
	sort.Slice(partitions, func(i, j int) bool { return partitions[i].ID < partitions[j].ID })
	for _, p := range partitions {
		say(p.ID, p.Leader)
	}
	return nil
}

func (s *saramaClient) offsets(topic string, partition int32) error {
	earliest, err := s.client.GetOffset(topic, partition, sarama.OffsetOldest)
	if err != nil {
		return err
	}
	latest, err := s.client.GetOffset(topic, partition, sarama.OffsetNewest)
	say(earliest, latest)
	return err
}

func (s *saramaClient) producer(codec, acks string) (sarama.SyncProducer, error) {
	if found := s.producers[codec+acks]; found != nil {
		return found, nil
	}
	config := sarama.NewConfig()
	config.Producer.Return.Successes = true
	config.Producer.Partitioner = sarama.NewManualPartitioner
	config.Producer.RequiredAcks = map[string]sarama.RequiredAcks{"0": 0, "1": 1, "default": 1}[acks]
	if acks == "all" || acks == "idempotent" {
		config.Producer.RequiredAcks = sarama.WaitForAll
	}
	if acks == "idempotent" {
		config.Producer.Idempotent = true
		config.Net.MaxOpenRequests = 1
	}
	config.Producer.Compression = map[string]sarama.CompressionCodec{
		"none": sarama.CompressionNone, "gzip": sarama.CompressionGZIP, "snappy": sarama.CompressionSnappy,
		"lz4": sarama.CompressionLZ4, "zstd": sarama.CompressionZSTD,
	}[codec]
	made, err := sarama.NewSyncProducer(s.bootstrap, config)
	s.producers[codec+acks] = made
	return made, err
}

func (s *saramaClient) produce(topic string, partition int32, codec, acks string, records []record) (int64, error) {
	producer, err := s.producer(codec, acks)
	if err != nil {
		return 0, err
	}
	sent := make([]*sarama.ProducerMessage, len(records))
	for i, r := range records {
		sent[i] = &sarama.ProducerMessage{Topic: topic, Partition: partition, Timestamp: r.timestamp}
		// A nil encoder is null; an encoder of nil bytes is not.
		if r.key != nil {
			sent[i].Key = sarama.ByteEncoder(r.key)
		}
		if r.value != nil {
			sent[i].Value = sarama.ByteEncoder(r.value)
		}
		for _, h := range r.headers {
			sent[i].Headers = append(sent[i].Headers, sarama.RecordHeader{Key: []byte(h.name), Value: h.value})
		}
	}
	err = producer.SendMessages(sent)
	if failed := (sarama.ProducerErrors)(nil); errors.As(err, &failed) {
		return 0, failed[0]
	}
	if err != nil {
		return 0, err
	}
	if acks == "0" {
		return -1, nil
	}
	return sent[0].Offset, nil
}

func (s *saramaClient) start(topic string, partition int32, from string) (int64, error) {
	switch {
	case from == "earliest":
		return sarama.OffsetOldest, nil
	case from == "latest":
		return sarama.OffsetNewest, nil
	case strings.HasPrefix(from, "time:"):
		ms, err := strconv.ParseInt(from[5:], 10, 64)
		if err != nil {
			return 0, err
		}
		return s.client.GetOffset(topic, partition, ms)
	}
	return strconv.ParseInt(from, 10, 64)
}

func (s *saramaClient) consume(topic, partition, from string, count int) error {
	partitions, err := s.client.Partitions(topic)
	if err != nil {
		return err
	}
	if p, err := strconv.Atoi(partition); err == nil {
		partitions = []int32{int32(p)}
	}
	return s.read(topic, partitions, from, count, 500*time.Millisecond, func() {})
}

func (s *saramaClient) read(topic string, partitions []int32, from string, count int, wait time.Duration, open func()) error {
	config := sarama.NewConfig()
	config.Consumer.MaxWaitTime = wait
	config.Consumer.Fetch.Default = 2 << 20
	config.Net.ReadTimeout = 2 * time.Minute
	consumer, err := sarama.NewConsumer(s.bootstrap, config)
	if err != nil {
		return err
	}
	found := make(chan *sarama.ConsumerMessage)
	done := make(chan struct{})
	defer close(done)
	for _, p := range partitions {
		offset, err := s.start(topic, p, from)
		if err != nil {
			return err
		}
		one, err := consumer.ConsumePartition(topic, p, offset)
		if err != nil {
			return err
		}
		go func() {
			for {
				select {
				case m := <-one.Messages():
					select {
					case found <- m:
					case <-done:
						return
					}
				case <-done:
					return
				}
			}
		}()
	}
	open()
	deadline := time.After(timeout)
	for ; count > 0; count-- {
		select {
		case m := <-found:
			saySarama(m)
		case <-deadline:
			return fmt.Errorf("%d records did not come", count)
		}
	}
	return nil
}

func saySarama(m *sarama.ConsumerMessage) {
	found := record{timestamp: m.Timestamp, key: m.Key, value: m.Value}
	for _, h := range m.Headers {
		found.headers = append(found.headers, header{string(h.Key), h.Value})
	}
	sayRecord(m.Partition, m.Offset, found)
}

func (s *saramaClient) wait(topic string, partition int32) error {
	return s.read(topic, []int32{partition}, "latest", 1, time.Minute, func() {
		time.Sleep(500 * time.Millisecond)
		say("waiting")
	})
}

func (s *saramaClient) load(string, int, string, <-chan string) error {
	return errors.New("no load with sarama")
}
