package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const timeout = 30 * time.Second

// franz is franz-go: kgo for records, kadm for the rest.
type franz struct {
	bootstrap string
	plain     *kgo.Client
	admin     *kadm.Client
	producers map[string]*kgo.Client
}

func newFranz(bootstrap string) (client, error) {
	// The admin client answers from what it has seen within the least age of metadata.
	plain, err := kgo.NewClient(kgo.SeedBrokers(bootstrap), kgo.MetadataMinAge(50*time.Millisecond))
	if err != nil {
		return nil, err
	}
	return &franz{bootstrap, plain, kadm.NewClient(plain), map[string]*kgo.Client{}}, nil
}

func within() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), timeout)
}

func (f *franz) create(topic string, partitions int) error {
	ctx, cancel := within()
	defer cancel()
	_, err := f.admin.CreateTopic(ctx, int32(partitions), -1, nil, topic)
	return err
}

func (f *franz) delete(topic string) error {
	ctx, cancel := within()
	defer cancel()
	_, err := f.admin.DeleteTopic(ctx, topic)
	return err
}

func (f *franz) topic(topic string) (kadm.TopicDetail, error) {
	ctx, cancel := within()
	defer cancel()
	topics, err := f.admin.ListTopics(ctx, topic)
	if err != nil {
		return kadm.TopicDetail{}, err
	}
	return topics[topic], topics[topic].Err
}

func (f *franz) describe(topic string) error {
	detail, err := f.topic(topic)
	if err != nil {
		return err
	}
	for _, p := range detail.Partitions.Sorted() {
		say(p.Partition, p.Leader)
	}
	return nil
}

func (f *franz) offsets(topic string, partition int32) error {
	ctx, cancel := within()
	defer cancel()
	start, err := f.admin.ListStartOffsets(ctx, topic)
	if err != nil {
		return err
	}
	end, err := f.admin.ListEndOffsets(ctx, topic)
	if err != nil {
		return err
	}
	say(start[topic][partition].Offset, end[topic][partition].Offset)
	return nil
}

func (f *franz) producer(codec, acks string) (*kgo.Client, error) {
	if found := f.producers[codec+acks]; found != nil {
		return found, nil
	}
	options := []kgo.Opt{kgo.SeedBrokers(f.bootstrap), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchMaxBytes(1_000_000)}
	if acks != "default" {
		options = append(options, kgo.ProducerBatchCompression(map[string]kgo.CompressionCodec{
			"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
			"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
		}[codec]))
	}
	switch acks {
	case "0":
		options = append(options, kgo.RequiredAcks(kgo.NoAck()), kgo.DisableIdempotentWrite())
	case "1":
		options = append(options, kgo.RequiredAcks(kgo.LeaderAck()), kgo.DisableIdempotentWrite())
	case "all":
		options = append(options, kgo.DisableIdempotentWrite())
	}
	made, err := kgo.NewClient(options...)
	f.producers[codec+acks] = made
	return made, err
}

func (f *franz) produce(topic string, partition int32, codec, acks string, records []record) (int64, error) {
	ctx, cancel := within()
	defer cancel()
	producer, err := f.producer(codec, acks)
	if err != nil {
		return 0, err
	}
	sent := make([]*kgo.Record, len(records))
	for i, r := range records {
		sent[i] = &kgo.Record{Topic: topic, Partition: partition, Timestamp: r.timestamp, Key: r.key, Value: r.value}
		for _, h := range r.headers {
			sent[i].Headers = append(sent[i].Headers, kgo.RecordHeader{Key: h.name, Value: h.value})
		}
	}
	if err := producer.ProduceSync(ctx, sent...).FirstErr(); err != nil {
		return 0, err
	}
	if acks == "0" {
		return -1, nil
	}
	return sent[0].Offset, nil
}

func (f *franz) consume(topic, partition, from string, count int) error {
	partitions := []int32{}
	if partition == "all" {
		detail, err := f.topic(topic)
		if err != nil {
			return err
		}
		partitions = detail.Partitions.Numbers()
	} else if p, err := strconv.Atoi(partition); err == nil {
		partitions = append(partitions, int32(p))
	}
	offset, err := franzOffset(from)
	if err != nil {
		return err
	}
	return f.read(topic, partitions, offset, count, kgo.FetchMaxWait(500*time.Millisecond))
}

func franzOffset(from string) (kgo.Offset, error) {
	switch {
	case from == "earliest":
		return kgo.NewOffset().AtStart(), nil
	case from == "latest":
		return kgo.NewOffset().AtEnd(), nil
	case strings.HasPrefix(from, "time:"):
		ms, err := strconv.ParseInt(from[5:], 10, 64)
		return kgo.NewOffset().AfterMilli(ms), err
	}
	at, err := strconv.ParseInt(from, 10, 64)
	return kgo.NewOffset().At(at), err
}

// read opens a consumer of its own: kgo fixes what is consumed when the client is made.
func (f *franz) read(topic string, partitions []int32, offset kgo.Offset, count int, options ...kgo.Opt) error {
	offsets := map[int32]kgo.Offset{}
	for _, p := range partitions {
		offsets[p] = offset
	}
	options = append(options, kgo.SeedBrokers(f.bootstrap), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: offsets}))
	consumer, err := kgo.NewClient(options...)
	if err != nil {
		return err
	}
	defer consumer.Close()
	ctx, cancel := within()
	defer cancel()
	for count > 0 {
		fetches := consumer.PollRecords(ctx, count)
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("%d records did not come: %w", count, err)
		}
		for _, r := range fetches.Records() {
			sayFranz(r)
			count--
		}
	}
	return nil
}

func sayFranz(r *kgo.Record) {
	found := record{timestamp: r.Timestamp, key: r.Key, value: r.Value}
	for _, h := range r.Headers {
		found.headers = append(found.headers, header{h.Key, h.Value})
	}
	sayRecord(r.Partition, r.Offset, found)
}

func (f *franz) wait(topic string, partition int32) error {
	ctx, cancel := within()
	defer cancel()
	ends, err := f.admin.ListEndOffsets(ctx, topic)
	if err != nil {
		return err
	}
	timer := time.AfterFunc(500*time.Millisecond, func() { say("waiting") })
	defer timer.Stop()
	return f.read(topic, []int32{partition}, kgo.NewOffset().At(ends[topic][partition].Offset), 1, kgo.FetchMaxWait(60*time.Second))
}

func (f *franz) load(topic string, partitions int, acks string, stop <-chan string) error {
	options := []kgo.Opt{kgo.SeedBrokers(f.bootstrap), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchMaxBytes(2_000), kgo.RetryBackoffFn(func(int) time.Duration { return 50 * time.Millisecond })}
	if acks != "idempotent" {
		// One request at a time keeps the order of a producer that is not idempotent.
		options = append(options, kgo.DisableIdempotentWrite(), kgo.MaxProduceRequestsInflightPerBroker(1))
	}
	if acks == "1" {
		options = append(options, kgo.RequiredAcks(kgo.LeaderAck()))
	}
	producer, err := kgo.NewClient(options...)
	if err != nil {
		return err
	}
	defer producer.Close()
	var lock sync.Mutex
	var failure error
	for n := 0; ; n++ {
		select {
		case <-stop:
			ctx, cancel := within()
			defer cancel()
			if err := producer.Flush(ctx); err != nil {
				return err
			}
			lock.Lock()
			defer lock.Unlock()
			return failure
		case <-time.After(time.Millisecond):
		}
		for p := range partitions {
			r := &kgo.Record{Topic: topic, Partition: int32(p), Value: []byte(strconv.Itoa(n))}
			producer.Produce(context.Background(), r, func(r *kgo.Record, err error) {
				lock.Lock()
				defer lock.Unlock()
				if err == nil {
					say("acked", r.Partition, n, r.Offset)
				} else {
					failure = err
				}
			})
		}
	}
}
