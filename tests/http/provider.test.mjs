// The stock provider, y-websocket, as it comes: with `ws` where the platform has no WebSocket.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { WebSocket } from 'ws'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'

import { file, inTime, slow, startServer } from './server.mjs'
import { openStream } from './sse.mjs'
import { Writer, textOf } from './yjs.mjs'

const server = await startServer(file)

/** A provider of a document of its own, which ends with the test. */
const provide = (t, { url = `${server.url}/ws`, doc = 'room', options = {} } = {}) => {
  const provider = new WebsocketProvider(url.replace(/^http/, 'ws'), doc, new Y.Doc(),
    { WebSocketPolyfill: WebSocket, disableBc: true, ...options })
  provider.text = provider.doc.getText('content')
  t.after(() => {
    provider.destroy()
    provider.awareness.destroy()
  })
  return provider
}

/** Waits until `look` is true; looks when one of the events comes. */
const until = (what, look, ...sources) => inTime(new Promise(resolve => {
  const again = () => {
    if (!look()) return
    for (const [emitter, name] of sources) emitter.off(name, again)
    resolve()
  }
  for (const [emitter, name] of sources) emitter.on(name, again)
  again()
}), what)

const synced = provider => until('sync', () => provider.synced, [provider, 'sync'])
const says = (provider, text) =>
  until(`"${text}"`, () => provider.text.toString() === text, [provider.doc, 'update'])
const closed = provider => inTime(new Promise(resolve => {
  provider.once('closed', ({ code, reason }) => resolve({ code, reason }))
}), 'the provider to be told to stay away')
const sees = (provider, client, state) => until('awareness', () => {
  const seen = provider.awareness.getStates().get(client)
  return JSON.stringify(seen) === JSON.stringify(state)
}, [provider.awareness, 'change'])

test('two providers converge, whoever writes', async t => {
  const [a, b] = [provide(t, { doc: 'two' }), provide(t, { doc: 'two' })]
  await Promise.all([synced(a), synced(b)])
  a.text.insert(0, 'hello')
  await says(b, 'hello')
  b.text.insert(5, ' world')
  await says(a, 'hello world')
  assert.equal(textOf((await server.get('/docs/two/state')).body), 'hello world')
})

test('what was there is there, and what was written before the connection arrives', async t => {
  await server.post('before', new Writer(5).type('old'))
  const late = new Y.Doc()
  late.clientID = 9
  late.getText('content').insert(0, 'new')
  const a = new WebsocketProvider(`${server.url.replace(/^http/, 'ws')}/ws`, 'before', late,
    { WebSocketPolyfill: WebSocket, disableBc: true })
  t.after(() => { a.destroy(); a.awareness.destroy() })
  await synced(a)
  const b = provide(t, { doc: 'before' })
  await synced(b)
  await until('both', () => b.text.length === 6 && late.getText('content').length === 6,
    [b.doc, 'update'], [late, 'update'])
  assert.equal(b.text.toString(), late.getText('content').toString())
})

test('a name with slashes, spaces and other letters, sent as the provider sends it', async t => {
  for (const doc of ['päd/ä b/c', 'päd 100%', 'päd 50% of %x']) {
    const [a, b] = [provide(t, { doc }), provide(t, { doc })]
    await Promise.all([synced(a), synced(b)])
    a.text.insert(0, 'x')
    await says(b, 'x')
    assert.deepEqual((await server.get(`/docs?prefix=${encodeURIComponent(doc)}`)).json.docs, [doc])
  }
})

test('an event stream and a provider see each other', async t => {
  const stream = await openStream(t, server, 'mixed')
  const a = provide(t, { doc: 'mixed' })
  await synced(a)
  a.text.insert(0, 'from a socket')
  const { id } = await stream.until(event => event.type === 'update')
  assert.match(id, /^1\./)
  await server.post('mixed', new Writer(7).type('from a post'))
  await until('the post', () => a.text.length === 'from a socketfrom a post'.length, [a.doc, 'update'])
  assert.equal((await server.get('/docs/mixed')).json.readers, 2)
})

test('providers see who is present, and who has left', async t => {
  const [a, b] = [provide(t, { doc: 'present' }), provide(t, { doc: 'present' })]
  await Promise.all([synced(a), synced(b)])
  a.awareness.setLocalState({ name: 'Ada' })
  await sees(b, a.doc.clientID, { name: 'Ada' })
  const late = provide(t, { doc: 'present' })
  await sees(late, a.doc.clientID, { name: 'Ada' })
  a.disconnect()
  await sees(b, a.doc.clientID, undefined)
  a.connect()
  await synced(a)
  a.awareness.setLocalState({ name: 'Ada again' })
  await sees(b, a.doc.clientID, { name: 'Ada again' })
})

test('a client whose connection breaks is gone some seconds later', async t => {
  const [a, b] = [provide(t, { doc: 'broken' }), provide(t, { doc: 'broken' })]
  await Promise.all([synced(a), synced(b)])
  a.awareness.setLocalState({ name: 'Ada' })
  await sees(b, a.doc.clientID, { name: 'Ada' })
  a.shouldConnect = false
  a.ws.terminate()
  await sees(b, a.doc.clientID, undefined)
})

test('a client that comes right back was never gone', async t => {
  const [a, b, c] = ['back', 'back', 'back'].map(doc => provide(t, { doc, options: { maxBackoffTime: 50 } }))
  await Promise.all([a, b, c].map(synced))
  a.awareness.setLocalState({ name: 'Ada' })
  c.awareness.setLocalState({ name: 'Cy' })
  await sees(b, a.doc.clientID, { name: 'Ada' })
  await sees(b, c.doc.clientID, { name: 'Cy' })
  const left = []
  b.awareness.on('change', ({ removed }) => left.push(...removed))
  const cut = new Promise(resolve => a.once('connection-close', resolve))
  a.ws.terminate()
  await inTime(cut, 'the end of the connection')
  await until('another one', () => a.wsconnected && a.synced, [a, 'sync'])
  // Who goes after it is missed after it.
  c.shouldConnect = false
  c.ws.terminate()
  await sees(b, c.doc.clientID, undefined)
  assert.deepEqual(left, [c.doc.clientID])
})

test('a deleted document: the provider is told, and stays away', async t => {
  const a = provide(t, { doc: 'deleted' })
  await synced(a)
  a.text.insert(0, 'x')
  const ended = closed(a)
  await until('the document', () => a.text.length === 1, [a.doc, 'update'])
  await server.put('deleted')
  await server.delete('deleted')
  assert.equal((await ended).code, 4404)
  assert.equal(a.shouldConnect, false)

  const late = provide(t, { doc: 'deleted' })
  assert.equal((await closed(late)).code, 4404)
})

test('a restart: providers come back, and what was written meanwhile arrives', async t => {
  const own = await startServer(t)
  const port = own.port
  const url = `${own.url}/ws`
  const [a, b] = [provide(t, { url }), provide(t, { url })]
  await Promise.all([synced(a), synced(b)])
  a.text.insert(0, 'before')
  await says(b, 'before')
  const away = Promise.all([a, b].map(p => until('the end', () => !p.wsconnected, [p, 'status'])))
  assert.equal((await own.stop()).code, 0)
  await away
  a.text.insert(6, ' meanwhile')
  await startServer(t, { dir: own.dir, args: ['--listen', `127.0.0.1:${port}`] })
  await says(b, 'before meanwhile')
  await Promise.all([synced(a), synced(b)])
})

test('sub-protocols: the first offered is chosen', async t => {
  const a = provide(t, { doc: 'protocols', options: { protocols: ['first', 'second'] } })
  await synced(a)
  assert.equal(a.ws.protocol, 'first')
})

test('parameters of the address are no part of the name', async t => {
  const a = provide(t, { doc: 'params', options: { params: { token: 'a/b?c' } } })
  await synced(a)
  a.text.insert(0, 'x')
  const b = provide(t, { doc: 'params' })
  await says(b, 'x')
})

test('many edits at once arrive in order, merged', async t => {
  const [a, b] = [provide(t, { doc: 'many' }), provide(t, { doc: 'many' })]
  await Promise.all([synced(a), synced(b)])
  let text = ''
  for (let i = 0; i < 2000; i++) {
    a.text.insert(a.text.length, `${i} `)
    text += `${i} `
  }
  await says(b, text)
  assert.equal((await server.get('/docs/many')).json.events, 2000)
})

if (slow) test('an idle provider stays connected', async t => {
  const a = provide(t, { doc: 'idle' })
  await synced(a)
  a.awareness.setLocalState(null)
  let lost = 0
  a.on('connection-close', () => lost++)
  const end = Date.now() + 65_000
  let messages = 0
  a.ws.addEventListener('message', () => messages++)
  await new Promise(resolve => {
    const look = setInterval(() => { if (Date.now() >= end) { clearInterval(look); resolve() } }, 1000)
  })
  assert.equal(lost, 0)
  assert.ok(messages >= 3, `${messages} messages in 65 s`)
})
