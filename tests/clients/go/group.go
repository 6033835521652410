package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// at is a partition of a topic.
type at struct {
	topic     string
	partition int32
}

// membership is what a member is told and where it tells what happens to it; see "Groups" in ../README.md.
type membership struct {
	bootstrap, name, group, topic string
	options                       map[string]string
	groups                        *groups
	leaving                       chan struct{}
	lock                          sync.Mutex
	pending                       map[at]int64
}

// groups is the members that this program hosts, and what they have told, by group.
type groups struct {
	lock    sync.Mutex
	members map[string]*membership
	events  map[string][]string
}

func newGroups() *groups {
	return &groups{members: map[string]*membership{}, events: map[string][]string{}}
}

func (g *groups) join(bootstrap string, words []string, run func(*membership) error) {
	m := &membership{
		bootstrap: bootstrap, name: words[1], group: words[2], topic: words[3], options: map[string]string{},
		groups: g, leaving: make(chan struct{}), pending: map[at]int64{},
	}
	for _, word := range words[4:] {
		name, value, _ := strings.Cut(word, "=")
		m.options[name] = value
	}
	g.members[m.name] = m
	go func() {
		if err := run(m); err != nil {
			m.tell("failed", oneLine(err))
		} else {
			m.tell("left")
		}
	}()
}

func (g *groups) leave(name string) {
	close(g.members[name].leaving)
	delete(g.members, name)
}

func (g *groups) take(group string) []string {
	g.lock.Lock()
	defer g.lock.Unlock()
	taken := g.events[group]
	delete(g.events, group)
	return taken
}

func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", " ") }

func (m *membership) tell(words ...any) {
	line := strings.TrimSuffix(fmt.Sprintln(append([]any{m.name}, words...)...), "\n")
	m.groups.lock.Lock()
	defer m.groups.lock.Unlock()
	m.groups.events[m.group] = append(m.groups.events[m.group], line)
}

func (m *membership) got(topic string, partition int32, offset int64) {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.tell("got", topic, partition, offset)
	m.pending[at{topic, partition}] = offset + 1
}

// change tells that partitions came or went; what is gone needs no commit.
func (m *membership) change(how string, generation int32, topics map[string][]int32) {
	m.lock.Lock()
	defer m.lock.Unlock()
	var names []string
	for topic, partitions := range topics {
		for _, p := range partitions {
			names = append(names, topic+":"+strconv.Itoa(int(p)))
			if how != "assigned" {
				delete(m.pending, at{topic, p})
			}
		}
	}
	slices.Sort(names)
	if names == nil {
		names = []string{"none"}
	}
	m.tell(how, generation, strings.Join(names, ","))
}

// commit hands what was received to the library; what fails stays pending while the partitions are ours.
func (m *membership) commit(send func(map[at]int64) error) {
	m.lock.Lock()
	defer m.lock.Unlock()
	if len(m.pending) == 0 {
		return
	}
	if err := send(m.pending); err != nil {
		m.tell("uncommitted", oneLine(err))
		return
	}
	for at, offset := range m.pending {
		m.tell("committed", at.topic, at.partition, offset)
	}
	clear(m.pending)
}

func (m *membership) isLeaving() bool {
	select {
	case <-m.leaving:
		return true
	default:
		return false
	}
}

func (m *membership) ms(option string) time.Duration {
	n, err := strconv.Atoi(m.options[option])
	if err != nil {
		panic(err)
	}
	return time.Duration(n) * time.Millisecond
}
