import assert from 'node:assert/strict'
import test from 'node:test'
import * as Y from 'yjs'
import { clientFor, serverFor, strangersUpdate, textOn, until } from './harness.mjs'

test('two clients see each other, and every edit is acknowledged', async (t) => {
  const server = await serverFor(t)
  const a = clientFor(t, server)
  const b = clientFor(t, server)
  await until(() => a.provider.synced && b.provider.synced, 'both synced')
  a.text.insert(0, 'from a. ')
  b.text.insert(0, 'from b. ')
  await until(() => a.text.toString() === b.text.toString() && a.text.length === 16, 'same text')
  await until(() => a.provider.unsentUpdates === 0 && b.provider.unsentUpdates === 0, 'nothing unsent')
  assert.equal(textOn(server), a.text.toString())
  assert.deepEqual(a.said.status.map((event) => event.status), ['connecting', 'connected'])
  assert.deepEqual(a.said.sync, [true])
  assert.deepEqual(a.said.synced, [true])
  assert.ok(a.provider.wsconnected && !a.provider.wsconnecting)
  assert.equal(a.provider.lastEventId, server.document('d').head)
})

test('a document is addressed by its encoded name, with params and headers on every request', async (t) => {
  const server = await serverFor(t)
  const options = { name: 'a/b c+ü', params: { token: 'x y' }, headers: async () => ({ 'X-Who': 'me' }) }
  const a = clientFor(t, server, options)
  a.text.insert(0, 'hi')
  await until(() => a.said.sync.length === 1 && a.provider.unsentUpdates === 0, 'synced')
  assert.equal(textOn(server, 'a/b c+ü'), 'hi')
  for (const request of server.requests) {
    assert.equal(request.query.token, 'x y')
    assert.equal(request.headers['x-who'], 'me')
  }
  assert.equal(server.of('GET', 'events')[0].query.client, String(a.doc.clientID))
  assert.match(a.provider.url, /\/docs\/a%2Fb%20c%2B%C3%BC\/events\?token=x\+y$/)
})

test('edits made before the first connection are uploaded, and only what the server lacks', async (t) => {
  const server = await serverFor(t)
  const doc = new Y.Doc()
  const seed = strangersUpdate('known. ')
  server.document('d').accept(seed)
  Y.applyUpdate(doc, seed)
  doc.getText('t').insert(7, 'offline.')
  const a = clientFor(t, server, { doc })
  await until(() => textOn(server) === 'known. offline.', 'uploaded')
  const [events] = server.of('GET', 'events')
  assert.ok(events.query.sv, 'asks by state vector')
  assert.equal(server.of('GET', 'state-vector').length, 1)
  const posts = server.of('POST', 'updates')
  assert.equal(posts.length, 1)
  assert.ok(posts[0].body.length < seed.length + 20, 'not the whole document')
  await until(() => a.provider.unsentUpdates === 0, 'acknowledged')
})

test('a deletion made before the first connection is uploaded', async (t) => {
  const server = await serverFor(t)
  const doc = new Y.Doc()
  const seed = strangersUpdate('to be deleted')
  server.document('d').accept(seed)
  Y.applyUpdate(doc, seed)
  doc.getText('t').delete(2, 11)
  clientFor(t, server, { doc })
  await until(() => textOn(server) === 'to', 'deleted there too')
})

test('a document that the server knows entirely is not uploaded', async (t) => {
  const server = await serverFor(t)
  const source = new Y.Doc()
  source.getText('t').insert(0, 'some text')
  source.getText('t').delete(0, 5)
  server.document('d').accept(Y.encodeStateAsUpdate(source))
  const doc = new Y.Doc()
  Y.applyUpdate(doc, Y.encodeStateAsUpdate(source))
  const a = clientFor(t, server, { doc })
  await until(() => a.provider.synced && server.of('GET', 'state-vector').length === 1, 'asked')
  a.text.insert(0, 'x')
  await until(() => textOn(server) === 'xtext', 'later edit there')
  assert.equal(server.of('POST', 'updates').length, 1)
})

test('edits between the request and sync are uploaded without asking', async (t) => {
  const server = await serverFor(t)
  server.document('d').accept(strangersUpdate('there. '))
  const a = clientFor(t, server)
  a.text.insert(0, 'here. ')
  await until(() => textOn(server).length === 13 && a.provider.unsentUpdates === 0, 'merged')
  assert.equal(server.of('GET', 'state-vector').length, 0)
})

test('content loaded by another provider while connecting is not uploaded when the server has it', async (t) => {
  const server = await serverFor(t)
  const seed = strangersUpdate('stored in the browser as well')
  server.document('d').accept(seed)
  const a = clientFor(t, server)
  Y.applyUpdate(a.doc, seed, 'another provider')
  await until(() => a.provider.synced, 'synced')
  assert.equal(a.provider.unsentUpdates, 0)
  assert.equal(server.of('POST', 'updates').length, 0)
})

test('a stream that is cut goes on after the last id', async (t) => {
  const server = await serverFor(t)
  const a = clientFor(t, server)
  await until(() => a.provider.synced, 'synced')
  server.document('d').accept(strangersUpdate('one. '))
  await until(() => a.text.length === 5, 'one')
  const position = server.document('d').head
  server.cut(server.document('d'))
  await until(() => !a.provider.synced, 'noticed')
  server.document('d').accept(strangersUpdate('two. '))
  await until(() => a.text.length === 10, 'two')
  const requests = server.of('GET', 'events')
  assert.equal(requests.length, 2)
  assert.equal(requests[1].headers['last-event-id'], position)
  assert.deepEqual(a.said.sync, [true, false, true])
  assert.deepEqual(
    a.said.status.map((event) => event.status),
    ['connecting', 'connected', 'disconnected', 'connecting', 'connected'],
  )
})

test('a stored document with its position asks for what came since', async (t) => {
  const server = await serverFor(t)
  server.document('d').accept(strangersUpdate('stored. '))
  const doc = new Y.Doc()
  Y.applyUpdate(doc, Y.encodeStateAsUpdate(server.document('d').doc))
  const lastEventId = server.document('d').head
  server.document('d').accept(strangersUpdate('since. '))
  const a = clientFor(t, server, { doc, lastEventId })
  await until(() => a.text.length === 15, 'caught up')
  assert.equal(server.of('GET', 'events')[0].headers['last-event-id'], lastEventId)
})

test('a stream that goes silent is given up', async (t) => {
  const server = await serverFor(t)
  server.commentMs = 1e6
  server.faults.push((request) => request.resource === 'events' && { silent: true })
  const a = clientFor(t, server, { transport: 'sse', silenceTimeout: 40 })
  await until(() => a.said['connection-error'].length > 0, 'given up')
  assert.match(a.said['connection-error'][0].message, /nothing heard/)
  server.commentMs = 5
  await until(() => a.provider.synced, 'synced after all')
})

test('an answer that is not a stream is a failed attempt', async (t) => {
  const server = await serverFor(t)
  server.faults.push((request) => request.resource === 'events' && { status: 503, headers: { 'Retry-After': '0' } })
  server.faults.push((request) => request.resource === 'events' && { cut: true })
  const a = clientFor(t, server)
  await until(() => a.provider.synced, 'synced')
  assert.equal(a.said['connection-error'].length, 2)
  assert.equal(a.said.error.length, 1)
  assert.ok(a.said.error[0].retryable)
})

test('a refusal that will not change stops the provider until connect()', async (t) => {
  const server = await serverFor(t)
  server.faults.push((request) => request.resource === 'events' && { status: 400, code: 'invalid_document_name' })
  const a = clientFor(t, server)
  await until(() => a.said.closed.length === 1, 'closed')
  assert.equal(a.said.closed[0].code, 4400)
  assert.equal(a.said.error[0].code, 'invalid_document_name')
  assert.equal(a.provider.shouldConnect, false)
  a.provider.connect()
  await until(() => a.provider.synced, 'synced')
})

test('disconnect() stays away, connect() comes back with what was written meanwhile', async (t) => {
  const server = await serverFor(t)
  const a = clientFor(t, server)
  a.text.insert(0, 'a')
  await until(() => a.provider.synced && a.provider.unsentUpdates === 0, 'synced')
  a.provider.disconnect()
  assert.equal(a.provider.synced, false)
  assert.deepEqual(a.said.status.at(-1), { status: 'disconnected' })
  a.text.insert(1, 'b')
  assert.equal(a.provider.unsentUpdates, 1)
  await until(() => server.document('d').streams.size === 0, 'stream gone')
  a.provider.connect()
  await until(() => textOn(server) === 'ab' && a.provider.unsentUpdates === 0, 'uploaded')
})

test('destroy() sends what is unsent and then is silent', async (t) => {
  const server = await serverFor(t)
  const a = clientFor(t, server)
  await until(() => a.provider.synced, 'synced')
  a.text.insert(0, 'last words')
  a.provider.destroy()
  await until(() => textOn(server) === 'last words', 'arrived')
  await until(() => server.document('d').streams.size === 0, 'stream gone')
  const heard = a.said.unsent.length
  a.text.insert(0, 'x')
  a.provider.connect()
  const b = clientFor(t, server)
  await until(() => b.provider.synced, 'another one synced')
  assert.equal(b.text.toString(), 'last words')
  assert.equal(a.said.unsent.length, heard)
  assert.equal(server.of('GET', 'events').length, 2)
})

test('an observer that throws costs the connection, not the document', async (t) => {
  const server = await serverFor(t)
  const a = clientFor(t, server)
  await until(() => a.provider.synced, 'synced')
  t.mock.method(console, 'error', () => {})
  let thrown = 0
  a.text.observe(() => {
    thrown += 1
    throw new Error('a bug in the application')
  })
  server.document('d').accept(strangersUpdate('text'))
  await until(() => a.said['connection-error'].length === 1 && a.provider.synced, 'synced again')
  assert.equal(thrown, 1)
  assert.equal(a.text.toString(), 'text')
  assert.equal(a.provider.lastEventId, server.document('d').head)
})
