package main

import (
	"context"
	"errors"
	"time"

	"github.com/IBM/sarama"
)

// saramaMember joins again and again, as sarama asks for: one session a generation.
func saramaMember(m *membership) error {
	config := sarama.NewConfig()
	config.ClientID = m.name
	config.Version = sarama.MaxVersion
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Consumer.Offsets.AutoCommit.Enable = false
	config.Consumer.Return.Errors = true
	config.Consumer.MaxWaitTime = 500 * time.Millisecond
	config.Consumer.Group.Session.Timeout = m.ms("session")
	config.Consumer.Group.Heartbeat.Interval = m.ms("heartbeat")
	config.Consumer.Group.InstanceId = m.options["instance"]
	config.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{map[string]sarama.BalanceStrategy{
		"range": sarama.NewBalanceStrategyRange(), "roundrobin": sarama.NewBalanceStrategyRoundRobin(), "sticky": sarama.NewBalanceStrategySticky(),
	}[m.options["protocol"]]}
	config.Metadata.RefreshFrequency = 500 * time.Millisecond
	consumer, err := sarama.NewConsumerGroup([]string{m.bootstrap}, m.group, config)
	if err != nil {
		return err
	}
	// A failed commit comes out here, and nowhere else.
	go func() {
		for err := range consumer.Errors() {
			m.tell("uncommitted", oneLine(err))
		}
	}()
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-m.leaving
		cancel()
	}()
	for ctx.Err() == nil {
		err := consumer.Consume(ctx, []string{m.topic}, saramaSession{m})
		if err != nil && ctx.Err() == nil {
			m.tell("unjoined", oneLine(err))
			time.Sleep(100 * time.Millisecond)
		}
	}
	if err := consumer.Close(); err != nil && !errors.Is(err, sarama.ErrClosedConsumerGroup) {
		return err
	}
	return nil
}

type saramaSession struct{ *membership }

func (s saramaSession) Setup(session sarama.ConsumerGroupSession) error {
	s.change("assigned", session.GenerationID(), session.Claims())
	return nil
}

func (s saramaSession) Cleanup(session sarama.ConsumerGroupSession) error {
	s.change("revoked", session.GenerationID(), session.Claims())
	return nil
}

// ConsumeClaim commits each record as it comes; sarama has no answer to show for a commit, so none is told.
func (s saramaSession) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for {
		select {
		case record, open := <-claim.Messages():
			if !open {
				return nil
			}
			s.tell("got", record.Topic, record.Partition, record.Offset)
			session.MarkMessage(record, "")
			if len(claim.Messages()) == 0 {
				session.Commit()
			}
		case <-session.Context().Done():
			session.Commit()
			return nil
		}
	}
}
