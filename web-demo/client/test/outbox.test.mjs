import assert from 'node:assert/strict'
import test from 'node:test'
import * as Y from 'yjs'
import { clientFor, serverFor, textOn, until } from './harness.mjs'

function gate() {
  let open
  const promise = new Promise((resolve) => (open = resolve))
  return { promise, open }
}

test('one request is in flight, and what gathers meanwhile is one batch', async (t) => {
  const server = await serverFor(t)
  const a = clientFor(t, server)
  await until(() => a.provider.synced, 'synced')
  const hold = gate()
  server.gate = hold.promise
  a.text.insert(0, 'x')
  await until(() => server.postsInFlight === 1, 'first on its way')
  for (let i = 0; i < 100; i++) a.text.insert(a.text.length, 'y')
  assert.equal(a.provider.unsentUpdates, 101)
  hold.open()
  await until(() => a.provider.unsentUpdates === 0, 'all acknowledged')
  assert.equal(server.of('POST', 'updates').length, 2)
  assert.equal(server.postsInFlightMax, 1)
  assert.equal(textOn(server), a.text.toString())
  assert.equal(a.said.unsent.at(-1), 0)
})

test('edits survive failures, in order', async (t) => {
  const server = await serverFor(t)
  const a = clientFor(t, server)
  await until(() => a.provider.synced, 'synced')
  const fail = (answer) => server.faults.push((request) => request.method === 'POST' && request.resource === 'updates' && answer)
  fail({ cut: true })
  fail({ status: 503 })
  fail({ status: 507, code: 'storage_full' })
  fail({ cut: true })
  for (const word of ['one ', 'two ', 'three ']) {
    a.text.insert(a.text.length, word)
    await new Promise((resolve) => setImmediate(resolve))
  }
  await until(() => a.provider.unsentUpdates === 0, 'acknowledged')
  assert.equal(textOn(server), 'one two three ')
  assert.deepEqual(a.said.error.map((error) => [error.code, error.retryable]), [['overloaded', true], ['storage_full', true]])
  assert.equal(server.document('d').doc.store.pendingStructs, null)
})

test('an answer that is lost makes a repetition, not a second edit', async (t) => {
  const server = await serverFor(t)
  const a = clientFor(t, server)
  await until(() => a.provider.synced, 'synced')
  server.faults.push((request) => {
    if (request.method !== 'POST' || request.resource !== 'updates') return null
    server.document('d').accept(request.body)
    return { cut: true }
  })
  a.text.insert(0, 'once')
  await until(() => a.provider.unsentUpdates === 0, 'acknowledged')
  assert.equal(textOn(server), 'once')
  assert.equal(server.of('POST', 'updates').length, 2)
  assert.equal(server.document('d').events.length, 1)
})

test('a server that is away for a while finds everything when it comes back', async (t) => {
  const server = await serverFor(t)
  const a = clientFor(t, server)
  const b = clientFor(t, server)
  await until(() => a.provider.synced && b.provider.synced, 'synced')
  await server.stop()
  a.text.insert(0, 'a while away. ')
  b.text.insert(0, 'b while away. ')
  await until(() => a.said['connection-error'].length > 1, 'tried in vain')
  assert.equal(a.provider.unsentUpdates, 1)
  await server.start()
  await until(() => a.text.length === 28 && a.text.toString() === b.text.toString(), 'converged')
  await until(() => a.provider.unsentUpdates + b.provider.unsentUpdates === 0, 'acknowledged')
  assert.equal(textOn(server), a.text.toString())
})

test('a refused batch is taken apart; sending stops at the update that is at fault', async (t) => {
  const server = await serverFor(t)
  const a = clientFor(t, server)
  await until(() => a.provider.synced, 'synced')
  const hold = gate()
  server.gate = hold.promise
  a.text.insert(0, 'first ')
  await until(() => server.postsInFlight === 1, 'first on its way')
  const tooBig = 'BIG'.repeat(100)
  for (const word of ['good ', 'fine ', tooBig, 'after ']) a.text.insert(a.text.length, word)
  const refuse = (request) => {
    if (request.method !== 'POST' || request.resource !== 'updates' || request.body.length < 300) return null
    server.faults.push(refuse)
    return { status: 413, code: 'too_large' }
  }
  server.faults.push(refuse)
  hold.open()
  await until(() => a.provider.refused !== null, 'refused')
  assert.equal(textOn(server), 'first good fine ')
  assert.equal(a.provider.unsentUpdates, 2)
  assert.deepEqual(a.said.error.map((error) => [error.status, error.code, error.retryable]), [[413, 'too_large', false]])
  const posts = server.of('POST', 'updates').length
  a.text.insert(0, 'more ')
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(server.of('POST', 'updates').length, posts, 'nothing is sent any more')
  server.faults.length = 0
  a.provider.connect()
  await until(() => a.provider.unsentUpdates === 0 && a.provider.refused === null, 'accepted in the end')
  assert.equal(textOn(server), a.text.toString())
})

for (const status of [400, 415, 422]) {
  test(`${status} is not repeated`, async (t) => {
    const server = await serverFor(t)
    const a = clientFor(t, server)
    await until(() => a.provider.synced, 'synced')
    server.faults.push((request) => request.method === 'POST' && request.resource === 'updates' && { status, code: 'no' })
    a.text.insert(0, 'x')
    await until(() => a.provider.refused !== null, 'refused')
    assert.equal(a.provider.refused.status, status)
    assert.equal(server.of('POST', 'updates').length, 1)
    assert.equal(a.provider.unsentUpdates, 1)
    assert.ok(a.provider.synced, 'reading goes on')
  })
}

test('thousands of offline edits go out in bounded batches', async (t) => {
  const server = await serverFor(t)
  const a = clientFor(t, server)
  await until(() => a.provider.synced, 'synced')
  a.provider.disconnect()
  for (let i = 0; i < 1200; i++) a.text.insert(0, 'z')
  a.provider.connect()
  await until(() => a.provider.unsentUpdates === 0, 'acknowledged')
  assert.equal(server.of('POST', 'updates').length, 3)
  assert.equal(Y.encodeStateVector(a.doc).length, Y.encodeStateVector(server.document('d').doc).length)
  assert.equal(textOn(server).length, 1200)
})

test('writes name the epoch that is known', async (t) => {
  const server = await serverFor(t)
  const a = clientFor(t, server)
  await until(() => a.provider.synced, 'synced')
  a.text.insert(0, 'a')
  await until(() => a.provider.unsentUpdates === 0, 'first')
  a.text.insert(0, 'b')
  await until(() => a.provider.unsentUpdates === 0, 'second')
  const [first, second] = server.of('POST', 'updates')
  assert.equal(first.query.epoch, undefined)
  assert.equal(second.query.epoch, server.document('d').epoch)
})
