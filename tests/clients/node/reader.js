// Reading with kafkajs, which has no `assign`: alone in a group of its own for each topic, and from there with `seek`.
'use strict'
const { createHash } = require('node:crypto')

const printed = (bytes) => {
  if (bytes === null || bytes === undefined) return 'null'
  const buffer = Buffer.from(bytes)
  if (buffer.length > 256) return `${buffer.length}:${createHash('sha256').update(buffer).digest('hex')}`
  return buffer.length === 0 ? '.' : buffer.toString('hex')
}

function printedHeaders(headers) {
  const pairs = Object.entries(headers ?? {}).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((one) => `${printed(name)}=${printed(one)}`))
  return pairs.length === 0 ? 'none' : pairs.join(',')
}

let readers = 0

class Reader {
  constructor(kafka, topic, maxWaitTimeInMs) {
    this.topic = topic
    // What the command under way wants: `next` offset by partition, how many are `left`, whom to tell.
    this.wanted = null
    readers += 1
    this.consumer = kafka.consumer({
      groupId: `reader-${process.pid}-${Date.now()}-${readers}`, maxWaitTimeInMs, allowAutoTopicCreation: false,
      retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 100 },
    })
    // Resolves when the first fetch is under way.
    this.fetching = new Promise((resolve) => this.consumer.on(this.consumer.events.FETCH_START, resolve))
  }

  async start() {
    const { consumer } = this
    const joined = new Promise((resolve) => consumer.on(consumer.events.GROUP_JOIN, resolve))
    await consumer.connect()
    await consumer.subscribe({ topics: [this.topic] })
    await consumer.run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch: (batch) => this.take(batch) })
    await joined
  }

  async take({ batch, resolveOffset, isStale }) {
    for (const message of batch.messages) {
      const { wanted } = this
      const offset = Number(message.offset)
      if (!wanted || isStale() || !(offset >= wanted.next.get(batch.partition))) return
      const { timestamp, key, value, headers } = message
      wanted.say(batch.partition, offset, timestamp, printed(key), printed(value), printedHeaders(headers))
      wanted.next.set(batch.partition, offset + 1)
      resolveOffset(message.offset)
      wanted.left -= 1
      if (wanted.left === 0) {
        this.wanted = null
        wanted.done()
      }
    }
  }

  // `starts`: the first offset by partition; what comes of others is left alone.
  collect(starts, count, say) {
    return new Promise((done) => { this.wanted = { next: new Map(starts), left: count, say, done } })
  }

  async read(starts, count, say) {
    const { consumer, topic } = this
    const over = this.collect(starts, count, say)
    for (const [partition, offset] of starts) {
      consumer.resume([{ topic, partitions: [partition] }])
      consumer.seek({ topic, partition, offset: String(offset) })
    }
    await over
    consumer.pause([{ topic }])
  }
}

module.exports = { Reader }
