import assert from 'node:assert/strict'
import test from 'node:test'
import * as Y from 'yjs'
import { WeftError, WeftHistory } from '../dist/index.js'
import { clientFor, serverFor, textOn, until } from './harness.mjs'

/** A text that is written word by word, one event each, by one client. */
function write(document, words) {
  const doc = new Y.Doc()
  Y.applyUpdate(doc, Y.encodeStateAsUpdate(document.doc))
  doc.on('update', (update) => document.accept(update))
  for (const word of words) doc.getText('t').insert(doc.getText('t').length, word)
  return doc.clientID
}

async function written(t, words) {
  const server = await serverFor(t)
  const client = write(server.document('d'), words)
  return { server, document: server.document('d'), client, past: new WeftHistory(server.url, 'd') }
}

async function all(events) {
  const list = []
  for await (const event of events) list.push(event)
  return list
}

function textOf(...updates) {
  const doc = new Y.Doc()
  for (const update of updates) Y.applyUpdate(doc, update)
  return doc.getText('t').toString()
}

const problem = (status, code) => (error) => error instanceof WeftError && error.status === status && error.code === code

test('events come page by page', async (t) => {
  const { past, document, client } = await written(t, ['a', 'b', 'c', 'd', 'e'])
  const first = await past.page({ limit: 2 })
  assert.deepEqual(first.events.map((event) => event.id), [`1.${document.epoch}`, `2.${document.epoch}`])
  assert.equal(first.next, first.events[1].id)
  const second = await past.page({ limit: 2, after: first.next })
  const third = await past.page({ limit: 2, after: second.next })
  assert.equal(third.next, null)
  const events = [first, second, third].flatMap((page) => page.events)
  assert.equal(textOf(...events.map((event) => event.update)), 'abcde')
  const [event] = events
  assert.deepEqual({ ...event, update: null }, {
    id: `1.${document.epoch}`,
    time: new Date('2026-01-01T00:00:00.000Z'),
    bytes: event.update.length,
    clients: [client],
    user: null,
    update: null,
  })
})

test('all events come in one request, and replaying them gives every state', async (t) => {
  const words = Array.from({ length: 300 }, (_, i) => `${i} `)
  const { past, server } = await written(t, words)
  const doc = new Y.Doc()
  let seen = 0
  for await (const event of past.events()) {
    Y.applyUpdate(doc, event.update)
    seen += 1
    if (seen % 60 === 0) assert.equal(doc.getText('t').toString(), textOf(await past.state(event.id)), event.id)
  }
  assert.equal(seen, 300)
  assert.equal(doc.getText('t').toString(), words.join(''))
  assert.equal(server.of('GET', 'history').length, 1)
})

test('a range is exclusive of its beginning, inclusive of its end, and without updates if not wanted', async (t) => {
  const { past, document } = await written(t, ['a', 'b', 'c', 'd', 'e'])
  const id = (seq) => `${seq}.${document.epoch}`
  const events = await all(past.events({ after: id(1), until: id(4), updates: false }))
  assert.deepEqual(events.map((event) => event.id), [id(2), id(3), id(4)])
  assert.deepEqual(events.map((event) => event.update), [null, null, null])
  assert.ok(events.every((event) => event.bytes > 0))
  assert.deepEqual(await all(past.events({ after: id(5) })), [])
})

test('a loop that is left ends the request; one that is aborted throws', async (t) => {
  const { past } = await written(t, Array.from({ length: 500 }, () => 'word '))
  for await (const event of past.events()) {
    assert.ok(event.update)
    break
  }
  const abort = new AbortController()
  await assert.rejects(async () => {
    for await (const event of past.events({ signal: abort.signal })) if (event) abort.abort()
  }, { name: 'AbortError' })
})

test('a history that is cut off is told from one that has ended', async (t) => {
  const { past, server } = await written(t, ['a'])
  const type = 'application/x-ndjson'
  server.faults.push((request) => request.resource === 'history' && { type, text: '{"id":"1.a","time":"2026-01-01T00:00:00Z"' })
  await assert.rejects(all(past.events()), /cut off/)
  server.faults.push((request) => request.resource === 'history' && { type, text: '' })
  assert.deepEqual(await all(past.events()), [])
})

test('the state and the content as of an event, and as they are', async (t) => {
  const { past, document } = await written(t, ['one ', 'two ', 'three'])
  const at = `2.${document.epoch}`
  assert.equal(textOf(await past.state(at)), 'one two ')
  assert.equal(textOf(await past.state()), 'one two three')
  assert.equal(textOf(await past.state('0')), '')
  assert.equal(await past.content('t', { as: 'text', at }), 'one two ')
  assert.equal(await past.content('t'), 'one two three')
})

test('a root is addressed by its encoded name, with params and headers on every request', async (t) => {
  const server = await serverFor(t)
  const options = { params: { token: 'x y' }, headers: async () => ({ 'X-Who': 'me' }) }
  const past = new WeftHistory(server.url.replace('http:', 'ws:'), 'a/b', options)
  await past.content('c/d ü', { as: 'text' })
  await past.page()
  await past.state()
  assert.equal(server.requests[0].root, 'c/d ü')
  for (const request of server.requests) {
    assert.equal(request.name, 'a/b')
    assert.equal(request.query.token, 'x y')
    assert.equal(request.headers['x-who'], 'me')
  }
})

test('what was restored arrives like any other edit, and is taken back the same way', async (t) => {
  const { past, server, document } = await written(t, ['one ', 'two ', 'three'])
  const a = clientFor(t, server)
  await until(() => a.provider.synced, 'synced')
  const before = document.head
  const receipt = await past.restore(`1.${document.epoch}`)
  assert.deepEqual(receipt, { id: `4.${document.epoch}`, changed: true, pending: false })
  await until(() => a.text.toString() === 'one ', 'restored')
  assert.equal((await past.restore(`1.${document.epoch}`)).changed, false)
  await past.restore(before)
  await until(() => a.text.toString() === 'one two three', 'taken back')
  assert.equal(document.events.length, 5)
  assert.equal(a.provider.unsentUpdates, 0)
  a.text.insert(0, 'x')
  await until(() => textOn(server) === 'xone two three', 'written on')
})

test('ids of another life, ids to come and deleted documents are told apart', async (t) => {
  const { past, document } = await written(t, ['a'])
  const gone = `1.${document.epoch}`
  document.end('deleted')
  write(document, ['b'])
  await assert.rejects(past.state(gone), problem(410, 'event_gone'))
  await assert.rejects(all(past.events({ after: gone })), problem(410, 'event_gone'))
  await assert.rejects(past.restore(gone), problem(409, 'epoch_changed'))
  await assert.rejects(past.state(`2.${document.epoch}`), problem(404, 'event_unknown'))
  document.deleted = true
  await assert.rejects(past.page(), problem(410, 'document_deleted'))
})

test('no answer is an error, but not one of the server', async (t) => {
  const { past, server } = await written(t, ['a'])
  server.faults.push((request) => request.resource === 'state' && { cut: true })
  await assert.rejects(past.state(), (error) => !(error instanceof WeftError))
})
