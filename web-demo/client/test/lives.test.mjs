// A document's lives: deleted, created again, brought back from a backup, lost.
import assert from 'node:assert/strict'
import test from 'node:test'
import { clientFor, serverFor, strangersUpdate, textOn, until } from './harness.mjs'

/** A client whose document is on the server as well, now cut off and kept away by `server.stop()`. */
async function cutOff(t) {
  const server = await serverFor(t)
  const a = clientFor(t, server)
  a.text.insert(0, 'old ')
  await until(() => a.provider.synced && a.provider.unsentUpdates === 0, 'synced')
  await until(() => a.provider.lastEventId === server.document('d').head, 'position known')
  await server.stop()
  a.text.insert(4, 'offline ')
  return { server, a, document: server.document('d') }
}

test('reset deleted: nothing is uploaded, the provider stops', async (t) => {
  const { server, a, document } = await cutOff(t)
  document.end('deleted')
  document.accept(strangersUpdate('new life'))
  await server.start()
  await until(() => a.said.deleted.length === 1, 'told')
  assert.deepEqual(a.said.reset, [{ reason: 'deleted' }])
  assert.deepEqual(a.said.deleted, [{ replaced: true }])
  assert.deepEqual(a.said.closed.map((event) => event.code), [4404])
  assert.ok(a.provider.deleted && !a.provider.shouldConnect && !a.provider.synced)
  assert.equal(a.provider.unsentUpdates, 0)
  await until(() => document.streams.size === 0, 'stream gone')
  assert.equal(textOn(server), 'new life')
  assert.equal(a.text.toString(), 'old offline ')
})

for (const reason of ['restored', 'unknown']) {
  test(`reset ${reason}: what the server lacks is uploaded`, async (t) => {
    const { server, a, document } = await cutOff(t)
    document.end(reason)
    if (reason === 'restored') document.accept(strangersUpdate('backup '))
    await server.start()
    await until(() => a.provider.synced && a.provider.unsentUpdates === 0, 'synced')
    assert.deepEqual(a.said.reset, [{ reason }])
    await until(() => textOn(server) === a.text.toString(), 'same')
    assert.match(textOn(server), /old offline /)
    a.text.insert(0, 'on we go ')
    await until(() => a.provider.unsentUpdates === 0, 'acknowledged')
    assert.match(textOn(server), /^on we go /)
  })
}

test('a deleted document ends the stream for good', async (t) => {
  const server = await serverFor(t)
  const a = clientFor(t, server)
  a.text.insert(0, 'x')
  await until(() => a.provider.synced && a.provider.unsentUpdates === 0, 'synced')
  const document = server.document('d')
  document.end('deleted')
  document.deleted = true
  for (const stream of document.streams) {
    stream.event('deleted', '{}')
    stream.end()
  }
  await until(() => a.said.deleted.length === 1, 'told')
  assert.deepEqual(a.said.deleted, [{ replaced: false }])
  assert.equal(a.provider.shouldConnect, false)
  assert.equal(server.of('GET', 'events').length, 1)
})

test('204 means deleted', async (t) => {
  const server = await serverFor(t)
  server.document('d').deleted = true
  const a = clientFor(t, server)
  await until(() => a.said.deleted.length === 1, 'told')
  assert.equal(a.provider.shouldConnect, false)
})

test('a write that is told 410 means deleted', async (t) => {
  const server = await serverFor(t)
  const a = clientFor(t, server)
  await until(() => a.provider.synced, 'synced')
  server.document('d').deleted = true
  a.text.insert(0, 'x')
  await until(() => a.said.deleted.length === 1, 'told')
  assert.equal(a.provider.shouldConnect, false)
})

test('a write that is told 409 is kept until the stream has told what happened', async (t) => {
  const server = await serverFor(t)
  const a = clientFor(t, server)
  a.text.insert(0, 'old ')
  await until(() => a.provider.synced && a.provider.unsentUpdates === 0, 'synced')
  await until(() => a.provider.lastEventId === server.document('d').head, 'position known')
  const document = server.document('d')
  // The stream hears nothing: the write is the first to find out.
  const streams = [...document.streams]
  document.streams.clear()
  t.after(() => streams.forEach((stream) => stream.response.destroy()))
  document.end('restored')
  document.accept(strangersUpdate('backup '))
  a.text.insert(4, 'late ')
  await until(() => a.said.reset.length === 1, 'told')
  await until(() => a.provider.unsentUpdates === 0 && a.provider.synced, 'sent after all')
  assert.match(textOn(server), /old late /)
  assert.match(textOn(server), /backup /)
})

test('connect() after a deletion brings the content into the new life', async (t) => {
  const server = await serverFor(t)
  const a = clientFor(t, server)
  a.text.insert(0, 'keep me')
  await until(() => a.provider.synced && a.provider.unsentUpdates === 0, 'synced')
  const document = server.document('d')
  document.end('deleted')
  document.deleted = true
  server.cut(document)
  await until(() => a.provider.deleted, 'told')
  document.deleted = false
  a.provider.connect()
  await until(() => textOn(server) === 'keep me', 'brought back')
  assert.equal(a.provider.deleted, false)
})

test('a document that was lost before its first event was seen is uploaded again', async (t) => {
  const server = await serverFor(t)
  const a = clientFor(t, server)
  await until(() => a.provider.synced, 'synced')
  const document = server.document('d')
  const streams = [...document.streams]
  document.streams.clear()
  a.text.insert(0, 'acknowledged ')
  await until(() => a.provider.unsentUpdates === 0, 'acknowledged')
  assert.equal(a.provider.lastEventId, '0')
  document.end('unknown')
  document.accept(strangersUpdate('another life '))
  for (const stream of streams) stream.response.destroy()
  await until(() => textOn(server).length === 26 && textOn(server) === a.text.toString(), 'merged')
})
