// Command go: the contract of ../README.md over one of three libraries: franz, sarama, segmentio.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// client is one library under test. A say function prints a line of an answer.
type client interface {
	create(topic string, partitions int) error
	delete(topic string) error
	describe(topic string) error
	offsets(topic string, partition int32) error
	produce(topic string, partition int32, codec, acks string, records []record) (int64, error)
	consume(topic, partition, from string, count int) error
	wait(topic string, partition int32) error
	load(topic string, partitions int, acks string, stop <-chan string) error
}

func say(words ...any) { fmt.Fprintln(os.Stdout, words...) }

func main() {
	open := map[string]func(string) (client, error){"franz": newFranz, "sarama": newSarama, "segmentio": newSegmentio}[os.Args[1]]
	c, err := open(os.Args[2])
	if err != nil {
		say("error", err)
		os.Exit(1)
	}
	member := map[string]func(*membership) error{"franz": franzMember, "sarama": saramaMember, "segmentio": segmentioMember}[os.Args[1]]
	hosted := newGroups()
	lines := make(chan string)
	go func() {
		for scanner := bufio.NewScanner(os.Stdin); scanner.Scan(); {
			lines <- scanner.Text()
		}
		close(lines)
	}()
	for line := range lines {
		words := strings.Fields(line)
		switch words[0] {
		case "join":
			hosted.join(os.Args[2], words, member)
		case "leave":
			hosted.leave(words[1])
		case "events":
			for _, event := range hosted.take(words[1]) {
				say(event)
			}
		default:
			err = run(c, words, lines)
		}
		if err != nil {
			say("error", oneLine(err))
			err = nil
		} else {
			say("ok")
		}
	}
}

func run(c client, words []string, lines <-chan string) error {
	topic := words[1]
	number := func(i int) int {
		n, err := strconv.Atoi(words[i])
		if err != nil {
			panic(err)
		}
		return n
	}
	switch words[0] {
	case "create":
		return c.create(topic, number(2))
	case "delete":
		return c.delete(topic)
	case "describe":
		return c.describe(topic)
	case "offsets":
		return c.offsets(topic, int32(number(2)))
	case "produce":
		records, err := readRecords(words[5])
		if err != nil {
			return err
		}
		offset, err := c.produce(topic, int32(number(2)), words[3], words[4], records)
		if err == nil {
			say(offset)
		}
		return err
	case "consume":
		return c.consume(topic, words[2], words[3], number(4))
	case "wait":
		return c.wait(topic, int32(number(2)))
	case "load":
		acks := "idempotent"
		if len(words) > 3 {
			acks = words[3]
		}
		return c.load(topic, number(2), acks, lines)
	}
	return fmt.Errorf("no command %s", words[0])
}
