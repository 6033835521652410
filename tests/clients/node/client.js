// kafkajs: the contract of ../README.md.
'use strict'
const fs = require('node:fs')
const readline = require('node:readline')
const { Kafka, CompressionCodecs, CompressionTypes, logLevel } = require('kafkajs')
const lz4 = require('lz4-napi')
const zstd = require('@bokuweb/zstd-wasm')

CompressionCodecs[CompressionTypes.Snappy] = require('kafkajs-snappy')
CompressionCodecs[CompressionTypes.LZ4] = () => ({
  compress: (encoder) => lz4.compressFrame(encoder.buffer),
  decompress: (buffer) => lz4.decompressFrame(buffer),
})
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: async (encoder) => Buffer.from(zstd.compress(encoder.buffer)),
  decompress: async (buffer) => Buffer.from(zstd.decompress(buffer)),
})

const { Groups } = require('./member')
const { Reader } = require('./reader')

const CODECS = { none: 'None', gzip: 'GZIP', snappy: 'Snappy', lz4: 'LZ4', zstd: 'ZSTD' }
const say = (...words) => process.stdout.write(words.join(' ') + '\n')

function parseBytes(text) {
  if (text === 'null') return null
  return text === '.' ? Buffer.alloc(0) : Buffer.from(text, 'hex')
}

function readRecords(path) {
  const lines = fs.readFileSync(path, 'ascii').trimEnd().split('\n')
  return lines.map((line) => {
    const [timestamp, key, value, headerText] = line.split(' ')
    // A name that stands twice becomes a list of values: kafkajs keeps the order of names only.
    const headers = {}
    for (const pair of headerText === 'none' ? [] : headerText.split(',')) {
      const [name, text] = pair.split('=')
      const names = parseBytes(name).toString()
      headers[names] = [...(headers[names] ?? []), parseBytes(text)]
    }
    return { timestamp, key: parseBytes(key), value: parseBytes(value), headers }
  })
}

class Client {
  constructor(bootstrap) {
    this.kafka = new Kafka({ brokers: [bootstrap], clientId: 'kafkajs', logLevel: logLevel.ERROR })
    this.admin = this.kafka.admin()
    this.producers = new Map()
    this.groups = new Groups(this.kafka)
    this.readers = new Map()
  }

  join(...words) {
    this.groups.join(...words)
  }

  leave(name) {
    this.groups.leave(name)
  }

  events(group) {
    for (const event of this.groups.take(group)) say(event)
  }

  async create(topic, partitions) {
    await this.admin.createTopics({ topics: [{ topic, numPartitions: Number(partitions), replicationFactor: 1 }], waitForLeaders: false })
  }

  async delete(topic) {
    for (const [read, reader] of this.readers) {
      this.readers.delete(read)
      await reader.consumer.disconnect()
    }
    await this.admin.deleteTopics({ topics: [topic] })
  }

  async describe(topic) {
    const { topics } = await this.admin.fetchTopicMetadata({ topics: [topic] })
    const partitions = topics[0].partitions.sort((a, b) => a.partitionId - b.partitionId)
    for (const p of partitions) say(p.partitionId, p.leader)
  }

  async offsets(topic, partition) {
    const found = (await this.admin.fetchTopicOffsets(topic)).find((p) => p.partition === Number(partition))
    say(found.low, found.high)
  }

  async starts(topic, partition, from) {
    // One of its own: an administrator that knows a topic fails with whatever it does once the topic is gone.
    const admin = this.kafka.admin()
    await admin.connect()
    const time = from.startsWith('time:') && Number(from.slice(5))
    const found = time === false ? await admin.fetchTopicOffsets(topic) : await admin.fetchTopicOffsetsByTimestamp(topic, time)
    await admin.disconnect()
    const start = ({ low, high, offset }) => ({ earliest: low, latest: high })[from] ?? (time === false ? from : offset)
    const chosen = found.filter((p) => partition === 'all' || p.partition === Number(partition))
    return chosen.map((p) => [p.partition, Number(start(p))])
  }

  async consume(topic, partition, from, count) {
    if (!this.readers.has(topic)) {
      this.readers.set(topic, new Reader(this.kafka, topic, 100))
      await this.readers.get(topic).start()
    }
    await this.readers.get(topic).read(await this.starts(topic, partition, from), Number(count), say)
  }

  async wait(topic, partition) {
    const reader = new Reader(this.kafka, topic, 60_000)
    const read = reader.collect(await this.starts(topic, partition, 'latest'), 1, say)
    // It begins at the end, for nothing is committed.
    await reader.start()
    await reader.fetching
    say('waiting')
    await read
  }

  async producer(acks) {
    const idempotent = acks === 'idempotent'
    if (!this.producers.has(idempotent)) {
      const producer = this.kafka.producer({ idempotent, allowAutoTopicCreation: false })
      await producer.connect()
      this.producers.set(idempotent, producer)
    }
    return this.producers.get(idempotent)
  }

  async produce(topic, partition, codec, acks, path) {
    const messages = readRecords(path).map((record) => ({ ...record, partition: Number(partition) }))
    const producer = await this.producer(acks)
    const request = { topic, messages, compression: CompressionTypes[CODECS[codec]] }
    if (['0', '1', 'all'].includes(acks)) request.acks = acks === 'all' ? -1 : Number(acks)
    const answer = await producer.send(request)
    say(acks === '0' ? -1 : answer[0].baseOffset)
  }
}

async function main() {
  await zstd.init()
  const client = new Client(process.argv[2])
  await client.admin.connect()
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const [name, ...words] = line.split(' ')
    try {
      if (!['create', 'delete', 'describe', 'offsets', 'produce', 'consume', 'wait', 'join', 'leave', 'events'].includes(name)) throw new Error(`no command ${name}`)
      await client[name](...words)
      say('ok')
    } catch (error) {
      say('error', String(error.stack ?? error).replaceAll('\n', ' '))
    }
  }
  process.exit(0)
}

main()
