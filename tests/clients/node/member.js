// A group member of kafkajs (see ../README.md, "Groups").
'use strict'
const { PartitionAssigners } = require('kafkajs')

class Groups {
  constructor(kafka) {
    this.kafka = kafka
    this.members = new Map()
    this.events = new Map()
  }

  tell(group, ...words) {
    if (!this.events.has(group)) this.events.set(group, [])
    this.events.get(group).push(words.join(' ').replaceAll('\n', ' '))
  }

  take(group) {
    const taken = this.events.get(group) ?? []
    this.events.delete(group)
    return taken
  }

  // Returns at once; what becomes of the member is told.
  join(name, group, topic, ...options) {
    const member = new Member(this, name, group, topic, Object.fromEntries(options.map((o) => o.split('='))))
    this.members.set(name, member)
    member.run().catch((error) => member.tell('failed', error))
  }

  leave(name) {
    const member = this.members.get(name)
    this.members.delete(name)
    member.leave().catch((error) => member.tell('failed', error))
  }
}

class Member {
  constructor(groups, name, group, topic, options) {
    this.tell = (...words) => groups.tell(group, name, ...words)
    this.topic = topic
    this.consumer = groups.kafka.consumer({
      groupId: group, sessionTimeout: Number(options.session), heartbeatInterval: Number(options.heartbeat),
      rebalanceTimeout: 30_000, metadataMaxAge: 500, maxWaitTimeInMs: 200, allowAutoTopicCreation: false,
      partitionAssigners: [PartitionAssigners.roundRobin], retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 100 },
    })
  }

  async run() {
    const { consumer } = this
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      const names = Object.entries(payload.memberAssignment).flatMap(([topic, ps]) => ps.map((p) => `${topic}:${p}`))
      this.tell('assigned', '-', names.sort().join(',') || 'none')
    })
    consumer.on(consumer.events.REBALANCING, () => this.tell('revoked', '-', 'all'))
    await consumer.connect()
    const topic = this.topic.startsWith('^') ? new RegExp(this.topic) : this.topic
    await consumer.subscribe({ topics: [topic], fromBeginning: true })
    await consumer.run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch: (batch) => this.take(batch) })
  }

  async take({ batch, resolveOffset, heartbeat, isRunning, isStale }) {
    const { topic, partition } = batch
    for (const { offset } of batch.messages) {
      if (!isRunning() || isStale()) return
      this.tell('got', topic, partition, offset)
      resolveOffset(offset)
    }
    const offset = String(Number(batch.lastOffset()) + 1)
    try {
      await this.consumer.commitOffsets([{ topic, partition, offset }])
      this.tell('committed', topic, partition, offset)
    } catch (error) {
      this.tell('uncommitted', error)
      throw error // the library rejoins
    }
    await heartbeat()
  }

  async leave() {
    await this.consumer.disconnect()
    this.tell('left')
  }
}

module.exports = { Groups }
