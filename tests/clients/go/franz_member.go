package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// franzMember polls and commits with rebalances held back meanwhile, as kgo recommends.
func franzMember(m *membership) error {
	var client *kgo.Client
	commit := func() { m.commit(func(offsets map[at]int64) error { return commitFranz(client, offsets) }) }
	generation := func(c *kgo.Client) int32 {
		_, generation := c.GroupMetadata()
		return generation
	}
	options := []kgo.Opt{
		kgo.SeedBrokers(m.bootstrap), kgo.ClientID(m.name), kgo.ConsumerGroup(m.group), kgo.ConsumeTopics(m.topic),
		kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll(), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.MetadataMinAge(50 * time.Millisecond), kgo.MetadataMaxAge(500 * time.Millisecond), kgo.FetchMaxWait(500 * time.Millisecond),
		kgo.OnPartitionsAssigned(func(_ context.Context, c *kgo.Client, topics map[string][]int32) {
			m.change("assigned", generation(c), topics)
		}),
		kgo.OnPartitionsRevoked(func(_ context.Context, c *kgo.Client, topics map[string][]int32) {
			commit()
			m.change("revoked", generation(c), topics)
		}),
		kgo.OnPartitionsLost(func(_ context.Context, c *kgo.Client, topics map[string][]int32) {
			m.change("lost", generation(c), topics)
		}),
	}
	if strings.HasPrefix(m.topic, "^") {
		options = append(options, kgo.ConsumeRegex())
	}
	if instance := m.options["instance"]; instance != "" {
		options = append(options, kgo.InstanceID(instance))
	}
	switch protocol := m.options["protocol"]; protocol {
	case "consumer":
		options = append(options, kgo.ServerSideBalancer(), kgo.Balancers(kgo.StickyBalancer()))
	default:
		options = append(options, kgo.SessionTimeout(m.ms("session")), kgo.HeartbeatInterval(m.ms("heartbeat")))
		options = append(options, kgo.Balancers(map[string]kgo.GroupBalancer{
			"range": kgo.RangeBalancer(), "sticky": kgo.StickyBalancer(), "cooperative-sticky": kgo.CooperativeStickyBalancer(),
		}[protocol]))
	}
	var err error
	if client, err = kgo.NewClient(options...); err != nil {
		return err
	}
	for !m.isLeaving() {
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		fetches := client.PollRecords(ctx, 100)
		cancel()
		for _, failed := range fetches.Errors() {
			if !errors.Is(failed.Err, context.DeadlineExceeded) {
				m.tell("unfetched", failed.Topic, failed.Partition, oneLine(failed.Err))
			}
		}
		for _, r := range fetches.Records() {
			m.got(r.Topic, r.Partition, r.Offset)
		}
		commit()
		client.AllowRebalance()
	}
	client.CloseAllowingRebalance()
	return nil
}

func commitFranz(client *kgo.Client, offsets map[at]int64) error {
	asked := map[string]map[int32]kgo.EpochOffset{}
	for at, offset := range offsets {
		if asked[at.topic] == nil {
			asked[at.topic] = map[int32]kgo.EpochOffset{}
		}
		asked[at.topic][at.partition] = kgo.EpochOffset{Epoch: -1, Offset: offset}
	}
	var failure error
	ctx, cancel := within()
	defer cancel()
	client.CommitOffsetsSync(ctx, asked, func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, answer *kmsg.OffsetCommitResponse, err error) {
		if failure = err; err != nil {
			return
		}
		for _, topic := range answer.Topics {
			for _, p := range topic.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					failure = fmt.Errorf("%s %d: %w", topic.Topic, p.Partition, err)
				}
			}
		}
	})
	return failure
}
