import assert from 'node:assert/strict'
import test from 'node:test'
import { clientFor, serverFor, until } from './harness.mjs'

const named = (client, name) => client.provider.awareness.setLocalStateField('user', { name })
const seenBy = (client, other) => client.provider.awareness.getStates().get(other.doc.clientID)?.user?.name

test('clients see each other, and see each other leave', async (t) => {
  const server = await serverFor(t)
  const a = clientFor(t, server)
  const b = clientFor(t, server)
  named(a, 'Ada')
  named(b, 'Ben')
  await until(() => seenBy(a, b) === 'Ben' && seenBy(b, a) === 'Ada', 'seen')
  a.provider.disconnect()
  assert.equal(seenBy(a, b), undefined, 'who is away sees nobody')
  await until(() => seenBy(b, a) === undefined, 'gone')
})

test('after a broken connection everybody is there again at once', async (t) => {
  const server = await serverFor(t)
  const a = clientFor(t, server)
  const b = clientFor(t, server)
  named(a, 'Ada')
  named(b, 'Ben')
  await until(() => seenBy(a, b) === 'Ben' && seenBy(b, a) === 'Ada', 'seen')
  await server.stop()
  await until(() => seenBy(a, b) === undefined && seenBy(b, a) === undefined, 'forgotten')
  await server.start()
  await until(() => seenBy(a, b) === 'Ben' && seenBy(b, a) === 'Ada', 'seen again')
})

test('only the latest state is sent', async (t) => {
  const server = await serverFor(t)
  const a = clientFor(t, server)
  const b = clientFor(t, server)
  await until(() => a.provider.synced && b.provider.synced, 'synced')
  for (let i = 0; i < 200; i++) named(a, `Ada ${i}`)
  await until(() => seenBy(b, a) === 'Ada 199', 'the last one')
  assert.ok(server.of('POST', 'awareness').length < 20)
})

test('a state that was refused is not repeated; the next one is tried', async (t) => {
  const server = await serverFor(t)
  const a = clientFor(t, server)
  const b = clientFor(t, server)
  named(a, 'Ada')
  await until(() => seenBy(b, a) === 'Ada', 'seen')
  server.faults.push((request) => Buffer.from(request.body).includes('too long') && { status: 413, code: 'too_large' })
  named(a, 'too long')
  await until(() => a.said.error.length === 1, 'told')
  assert.equal(a.said.error[0].code, 'too_large')
  named(a, 'Ada again')
  await until(() => seenBy(b, a) === 'Ada again', 'seen again')
})

test('somebody who claims that we are gone is contradicted', async (t) => {
  const server = await serverFor(t)
  const a = clientFor(t, server)
  const b = clientFor(t, server)
  named(a, 'Ada')
  await until(() => seenBy(b, a) === 'Ada', 'seen')
  const { awareness } = server.document('d')
  awareness.states.delete(a.doc.clientID)
  awareness.emit('update', [{ added: [], updated: [], removed: [a.doc.clientID] }, 'timeout'])
  await until(() => b.said.sync.length === 1 && seenBy(b, a) === 'Ada' && awareness.states.has(a.doc.clientID), 'back')
})

test('tabs of one browser pass edits on while the server is away, and what one leaves behind another one saves', async (t) => {
  const server = await serverFor(t)
  const a = clientFor(t, server, { disableBc: false })
  const b = clientFor(t, server, { disableBc: false })
  a.text.insert(0, 'x')
  await until(() => b.text.length === 1 && a.provider.lastEventId === b.provider.lastEventId, 'synced')
  await until(() => a.provider.unsentUpdates === 0, 'acknowledged')
  await server.stop()
  await until(() => !a.provider.connected && !b.provider.connected, 'away')
  a.text.insert(1, 'y')
  await until(() => b.text.toString() === 'xy', 'passed on')
  assert.equal(b.provider.unsentUpdates, 0)
  a.provider.destroy()
  await server.start()
  await until(() => server.document('d').doc.getText('t').toString() === 'xy', 'saved by the other tab')
})
