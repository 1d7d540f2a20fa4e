import assert from 'node:assert/strict'
import { test } from 'node:test'
import kafkajs from 'kafkajs'
import { start } from './milena.js'

function client(milena) {
  const retry = { initialRetryTime: 50, maxRetryTime: 500, retries: 30 }
  return new kafkajs.Kafka({ clientId: 'shop', brokers: [milena.kafka], retry, logLevel: kafkajs.logLevel.NOTHING })
}

test('nothing is lost and nothing doubled over a kill', { timeout: 60_000 }, async t => {
  const milena = await start(t)
  const kafka = client(milena)
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  for (let n = 0; n < 40; n++) {
    if (n === 20) await milena.control('POST', 'kill?for=300ms')
    await producer.send({ topic: 'orders', messages: [{ value: `order ${n}` }] })
  }
  await producer.disconnect()
  const seen = new Map()
  const consumer = kafka.consumer({ groupId: 'shop' })
  await consumer.connect()
  await consumer.subscribe({ topic: 'orders', fromBeginning: true })
  await new Promise((done, failed) => {
    const eachMessage = async ({ message }) => {
      const name = message.value.toString()
      seen.set(name, (seen.get(name) ?? 0) + 1)
      if (seen.size === 40) done()
    }
    consumer.run({ eachMessage }).catch(failed)
  })
  await consumer.disconnect()
  assert.deepEqual([...seen.values()], Array(40).fill(1))
  await milena.control('GET', 'expect/empty?topic=orders&group=shop&within=5s')
  await milena.control('POST', 'expect/nothing-lost?end=power-cut')
})

test('a lease that runs out gives the message to somebody else', async t => {
  const milena = await start(t)
  const post = async (path, body) => {
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(milena.http + path, { method: 'POST', headers, body: JSON.stringify(body) })
    return answer.status === 204 ? null : answer.json()
  }
  await post('/q/v1/topics/jobs/messages', { value: 'paint' })
  const receive = wait_ms => post('/q/v1/topics/jobs/groups/crew:receive', { wait_ms })
  assert.equal((await receive(0)).messages[0].delivery_count, 1)
  assert.equal(await receive(0), null)
  await milena.control('POST', 'clock?forward=1h')
  assert.equal((await receive(5000)).messages[0].delivery_count, 2)
})
