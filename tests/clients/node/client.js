// kafkajs: the contract of ../README.md, less what reads without a group.
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
      if (!['create', 'delete', 'describe', 'offsets', 'produce', 'join', 'leave', 'events'].includes(name)) throw new Error(`no command ${name}`)
      await client[name](...words)
      say('ok')
    } catch (error) {
      say('error', String(error.stack ?? error).replaceAll('\n', ' '))
    }
  }
  process.exit(0)
}

main()
