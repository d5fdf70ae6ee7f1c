// Every transport against the real server: the same provider, whichever way it follows.
import assert from 'node:assert/strict'
import test from 'node:test'
import { Awareness, encodeAwarenessUpdate } from 'y-protocols/awareness'
import * as Y from 'yjs'
import { file } from '../../../tests/http/server.mjs'
import { WeftProvider } from '../dist/index.js'
import { clientFor, strangersUpdate, until } from './harness.mjs'
import { House, Way } from './weft.mjs'

const UPDATE_BYTES_MAX = 1000
const house = await House.open(file, ['--max-update', String(UPDATE_BYTES_MAX)])
const TRANSPORTS = ['sse', 'websocket', 'long-poll', 'poll']

let names = 0
const newName = () => `${process.pid}/${++names} é`

/** A client on a way of its own. */
async function reader(t, transport, name, { at = house, ...options } = {}) {
  const way = await Way.to(t, at)
  return { way, ...clientFor(t, way, { name, transport, ...options }) }
}

const saved = ({ provider }) => provider.synced && provider.unsentUpdates === 0
const named = ({ provider }, name) => provider.awareness.setLocalStateField('user', { name })
const sees = (client, other) => client.provider.awareness.getStates().get(other.doc.clientID)?.user?.name

for (const transport of TRANSPORTS) {
  test(`${transport}: a document that thousands have written in is synced`, async (t) => {
    const name = newName()
    const at = await House.open(t)
    // A state vector names each of them, and one of so many is too long for an address.
    const known = Y.mergeUpdates(Array.from({ length: 2500 }, (_, writer) => {
      const one = new Y.Doc()
      one.clientID = 0x7f000000 + writer
      one.getMap('writers').set(`${writer}`, 0)
      return Y.encodeStateAsUpdate(one)
    }))
    await at.server.post(name, known)
    const doc = new Y.Doc()
    Y.applyUpdate(doc, known)
    doc.getText('t').insert(0, 'offline')
    const a = await reader(t, transport, name, { at, doc })
    await until(() => saved(a), 'synced')
    assert.deepEqual(a.said.error, [])
    assert.deepEqual(Buffer.from(Y.encodeStateAsUpdate(doc)), await at.state(name))
    const { events } = (await at.server.get(`/docs/${encodeURIComponent(name)}/history`)).json
    assert.ok(events.length === 2 && events[1].bytes < 100, 'no more than is lacking is uploaded')
  })
}

for (const transport of ['long-poll', 'poll']) {
  test(`${transport}: who is said to be gone between two looks at who is present says otherwise`, async (t) => {
    const name = newName()
    const awareness = new Awareness(new Y.Doc())
    t.after(() => awareness.destroy())
    awareness.setLocalState(null)
    const a = await reader(t, transport, name, { doc: awareness.doc, awareness, pollInterval: 500 })
    const b = await reader(t, 'sse', name)
    const looks = () => a.way.of('GET').filter((request) => request.endsWith('/awareness')).length
    await until(() => looks() === 1 && b.provider.synced, 'a look at nobody')
    awareness.setLocalState({ user: { name: 'Ada' } })
    await until(() => sees(b, a) === 'Ada', 'seen')
    const seen = looks()
    const body = Buffer.from(encodeAwarenessUpdate(awareness, [a.doc.clientID], new Map()))
    const headers = { 'content-type': 'application/octet-stream' }
    await house.server.request('POST', `/docs/${encodeURIComponent(name)}/awareness`, { headers, body })
    await until(() => looks() > seen + 1 && sees(b, a) === 'Ada', 'back')
  })
}

for (const transport of TRANSPORTS) {
  test(`${transport}: edits and presence come and go, and every edit is acknowledged`, async (t) => {
    const name = newName()
    const a = await reader(t, transport, name)
    const b = await reader(t, transport, name)
    named(a, 'Ada')
    named(b, 'Ben')
    await until(() => sees(a, b) === 'Ben' && sees(b, a) === 'Ada', 'seen')
    a.text.insert(0, 'from a. ')
    b.text.insert(0, 'from b. ')
    await until(() => a.text.length === 16 && a.text.toString() === b.text.toString() && saved(a) && saved(b), 'same')
    a.text.delete(3, 5)
    await until(() => b.text.length === 11 && saved(a), 'deleted')
    assert.deepEqual(Buffer.from(Y.encodeStateAsUpdate(a.doc)), await house.state(name))
    assert.equal(a.provider.transport, transport)
    assert.deepEqual(a.said.transport, [{ transport }])
    assert.deepEqual(a.said.status.map(({ status }) => status), ['connecting', 'connected'])
    assert.deepEqual([a.said.synced, a.said.error, a.said['connection-error']], [[true], [], []])
    b.provider.destroy()
    await until(() => sees(a, b) === undefined, 'gone')
  })

  test(`${transport}: a connection that is cut goes on where it was, and presence comes back`, async (t) => {
    const name = newName()
    const a = await reader(t, transport, name)
    const b = await reader(t, 'sse', name)
    named(a, 'Ada')
    named(b, 'Ben')
    a.text.insert(0, 'one ')
    await until(() => b.text.length === 4 && saved(a) && sees(a, b) === 'Ben', 'one')
    for (const word of ['two ', 'three ', 'four ']) {
      const { length } = b.text
      a.way.cut()
      a.text.insert(a.text.length, word)
      b.text.insert(0, word)
      await until(() => b.text.length === length + 2 * word.length && a.text.toString() === b.text.toString() && saved(a), word)
    }
    await until(() => sees(a, b) === 'Ben' && sees(b, a) === 'Ada', 'seen again')
  })

  test(`${transport}: somebody who claims that we are gone is contradicted`, async (t) => {
    const name = newName()
    const a = await reader(t, transport, name)
    const b = await reader(t, 'sse', name)
    named(a, 'Ada')
    await until(() => sees(b, a) === 'Ada', 'seen')
    let gone = false
    b.provider.awareness.on('change', ({ removed }) => {
      gone ||= removed.includes(a.doc.clientID)
    })
    const body = Buffer.from(encodeAwarenessUpdate(a.provider.awareness, [a.doc.clientID], new Map()))
    const headers = { 'content-type': 'application/octet-stream' }
    await house.server.request('POST', `/docs/${encodeURIComponent(name)}/awareness`, { headers, body })
    await until(() => gone && sees(b, a) === 'Ada', 'gone, and back')
    assert.deepEqual(a.provider.awareness.getLocalState().user, { name: 'Ada' })
  })

  test(`${transport}: what was written without a connection is uploaded, and only that`, async (t) => {
    const name = newName()
    const seed = strangersUpdate('known '.repeat(20))
    await house.server.post(name, seed)
    const doc = new Y.Doc()
    Y.applyUpdate(doc, seed)
    doc.getText('t').insert(0, 'offline ')
    doc.getText('t').delete(doc.getText('t').length - 6, 6)
    const a = await reader(t, transport, name, { doc })
    await until(() => saved(a), 'uploaded')
    const { events } = (await house.server.get(`/docs/${encodeURIComponent(name)}/history?after=1`)).json
    assert.equal(events.length, 1)
    assert.ok(events[0].bytes < 50, `${events[0].bytes} bytes`)
    assert.deepEqual(Buffer.from(Y.encodeStateAsUpdate(doc)), await house.state(name))
  })

  test(`${transport}: a document that is deleted stops the provider`, async (t) => {
    const name = newName()
    const a = await reader(t, transport, name)
    a.text.insert(0, 'x')
    await until(() => saved(a), 'saved')
    await house.server.delete(name)
    await until(() => a.said.deleted.length === 1, 'told')
    assert.deepEqual(a.said.deleted, [{ replaced: false }])
    assert.deepEqual(a.said.closed.map(({ code }) => code), [4404])
    a.provider.connect()
    await until(() => a.said.deleted.length === 2, 'told again')
  })

  test(`${transport}: who comes back to another life of the document does not revive the old one`, async (t) => {
    const name = newName()
    const doc = new Y.Doc()
    const awareness = new Awareness(doc)
    // Nothing of presence shall be on its way when the document is deleted: its answer would be the first to tell.
    awareness.setLocalState(null)
    t.after(() => awareness.destroy())
    const a = await reader(t, transport, name, { doc, awareness })
    a.text.insert(0, 'old ')
    await until(() => saved(a), 'saved')
    // Over a WebSocket the position is that of the beginning.
    a.provider.disconnect()
    a.provider.connect()
    await until(() => saved(a) && a.provider.lastEventId !== '0', 'position known')
    a.provider.disconnect()
    a.text.insert(0, 'late ')
    await house.server.delete(name)
    await house.server.put(name, strangersUpdate('new life'))
    a.provider.connect()
    await until(() => a.said.deleted.length === 1, 'told')
    assert.deepEqual(a.said.reset, [{ reason: 'deleted' }])
    assert.deepEqual(a.said.deleted, [{ replaced: true }])
    assert.equal((await house.server.get(`/docs/${encodeURIComponent(name)}/content/t?as=text`)).text, 'new life')
  })

  test(`${transport}: an update that is refused stops sending, not reading; connect() tries again`, async (t) => {
    const name = newName()
    const a = await reader(t, transport, name)
    const b = await reader(t, 'sse', name)
    a.text.insert(0, 'fine ')
    await until(() => saved(a) && b.text.length === 5, 'saved')
    a.text.insert(0, 'BIG'.repeat(UPDATE_BYTES_MAX))
    await until(() => a.provider.refused !== null, 'refused')
    assert.deepEqual([a.provider.refused.status, a.provider.refused.code], [413, 'too_large'])
    assert.equal(a.provider.unsentUpdates, 1)
    b.text.insert(0, 'on we go ')
    await until(() => a.text.toString().includes('on we go ') && a.provider.synced, 'reading')
    assert.equal(a.said.error.length, 1)
    a.provider.connect()
    await until(() => a.said.error.length === 2 && a.provider.synced, 'refused again')
    assert.ok(a.provider.shouldConnect)
  })

  test(`${transport}: a server that has lost everything gets it back`, async (t) => {
    const own = await House.open(t)
    const a = await reader(t, transport, 'd', { at: own })
    a.text.insert(0, 'all there is')
    await until(() => saved(a), 'saved')
    a.provider.disconnect()
    a.provider.connect()
    await until(() => saved(a) && a.provider.lastEventId !== '0', 'position known')
    await own.burnDown()
    await own.start()
    await until(() => a.said.reset.length === 1 && saved(a), 'uploaded')
    assert.deepEqual(a.said.reset, [{ reason: 'unknown' }])
    assert.equal((await own.server.get('/docs/d/content/t?as=text')).text, 'all there is')
  })

  test(`${transport}: a name that the server does not take ends it, with the reason`, async (t) => {
    const a = await reader(t, transport, 'a\u0001b')
    await until(() => a.said.closed.length === 1, 'closed')
    assert.equal(a.said.closed[0].code, 4400)
    assert.equal(a.said.error[0].code, 'invalid_document_name')
  })
}

test('websocket: what is written goes over the socket, and what comes back acknowledges it', async (t) => {
  const name = newName()
  await house.server.post(name, strangersUpdate('text'))
  const a = await reader(t, 'websocket', name)
  await until(() => saved(a), 'synced')
  named(a, 'Ada')
  a.text.insert(4, ', more')
  await until(() => saved(a), 'insertion saved')
  a.text.delete(0, 2)
  await until(() => saved(a), 'deletion saved')
  a.doc.transact(() => {
    a.text.insert(0, 'x')
    a.text.delete(1, 2)
    a.text.format(0, 1, { bold: true })
  })
  await until(() => saved(a), 'all of it saved')
  assert.deepEqual(Buffer.from(Y.encodeStateAsUpdate(a.doc)), await house.state(name))
  assert.deepEqual(a.way.of('POST'), [])
})

test('websocket: two who delete the same both hear that it is deleted', async (t) => {
  const name = newName()
  await house.server.post(name, strangersUpdate('some text'))
  const a = await reader(t, 'websocket', name)
  const b = await reader(t, 'websocket', name)
  await until(() => saved(a) && saved(b), 'synced')
  a.text.delete(0, 5)
  b.text.delete(0, 5)
  await until(() => saved(a) && saved(b), 'saved')
  assert.deepEqual([...a.way.of('POST'), ...b.way.of('POST')], [])
})

test('long-poll: a request is waiting, and no others are sent while nothing happens', async (t) => {
  const name = newName()
  await house.server.post(name, strangersUpdate('text'))
  const a = await reader(t, 'long-poll', name, { pollInterval: 1e6 })
  await until(async () => (await house.server.get(`/docs/${encodeURIComponent(name)}`)).json.readers === 1, 'waiting')
  await until(() => a.way.of('GET').length === 3, 'presence asked for')
  const [first, second] = a.way.of('GET').filter((request) => request.includes('/updates'))
  assert.ok(!first.includes('since') && !first.includes('wait'), first)
  assert.match(second, /since=1\.[0-9a-f]{8}&wait=25$/)
  await house.server.post(name, strangersUpdate('more'))
  await until(() => a.text.length === 8, 'told')
})

test('without a WebSocket that transport is refused at once', () => {
  const there = globalThis.WebSocket
  delete globalThis.WebSocket
  try {
    assert.throws(() => new WeftProvider('http://127.0.0.1:1', 'd', new Y.Doc(), { transport: 'websocket' }), /WebSocketPolyfill/)
  } finally {
    if (there !== undefined) globalThis.WebSocket = there
  }
})
