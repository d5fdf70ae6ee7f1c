// Who is present: POST and GET awareness, and what streams hear of it.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Awareness, applyAwarenessUpdate, encodeAwarenessUpdate } from 'y-protocols/awareness'
import * as Y from 'yjs'

import { assertProblem } from './problem.mjs'
import { openStream } from './sse.mjs'
import { file, slow, startServer } from './server.mjs'
import { Writer } from './yjs.mjs'

const server = await startServer(file)
const octets = { 'content-type': 'application/octet-stream' }

/** The states of awareness updates taken in order: { client: state }. */
const statesOf = (...updates) => {
  const awareness = new Awareness(new Y.Doc())
  awareness.setLocalState(null)
  for (const update of updates) applyAwarenessUpdate(awareness, update, 'remote')
  const states = Object.fromEntries(awareness.getStates())
  awareness.destroy()
  return states
}

const present = (client, ...states) => {
  const doc = new Y.Doc()
  doc.clientID = client
  const awareness = new Awareness(doc)
  for (const state of states) awareness.setLocalState(state)
  const update = encodeAwarenessUpdate(awareness, [client])
  awareness.destroy()
  return update
}

const postAwareness = (doc, update, headers = octets) =>
  server.request('POST', `/docs/${doc}/awareness`, { headers, body: Buffer.from(update) })

const isAwareness = event => event.type === 'awareness'
const awarenessIn = async stream => Buffer.from((await stream.until(isAwareness)).data, 'base64')

test('a state is told to the streams, to those that come later, and to who asks', async t => {
  const stream = await openStream(t, server, 'present')
  await stream.next()
  const answer = await postAwareness('present', present(7, { name: 'Ada' }))
  assert.equal(answer.status, 204)
  assert.equal(answer.body.length, 0)
  assert.deepEqual(statesOf(await awarenessIn(stream)), { 7: { name: 'Ada' } })

  await postAwareness('present', present(8, { name: 'Bo' }))
  const later = await openStream(t, server, 'present')
  assert.equal((await later.next()).type, 'sync', 'sync comes before awareness')
  assert.deepEqual(statesOf(await awarenessIn(later)), { 7: { name: 'Ada' }, 8: { name: 'Bo' } })

  const asked = await server.get('/docs/present/awareness')
  assert.equal(asked.status, 200)
  assert.equal(asked.headers['content-type'], 'application/octet-stream')
  assert.match(asked.headers['cache-control'], /no-store/)
  assert.deepEqual(statesOf(asked.body), { 7: { name: 'Ada' }, 8: { name: 'Bo' } })
})

test('awareness moves no position', async t => {
  const stream = await openStream(t, server, 'position')
  const sync = await stream.next()
  await postAwareness('position', present(1, { a: 1 }))
  assert.equal((await stream.until(isAwareness)).id, sync.id)
})

test('awareness never creates a document and is never stored', async t => {
  const own = await startServer(t)
  await own.request('POST', '/docs/ghost/awareness', { headers: octets, body: Buffer.from(present(1, { a: 1 })) })
  assert.equal((await own.get('/docs/ghost')).json.created, null)
  assert.deepEqual((await own.get('/docs')).json.docs, [])
  await own.stop()
  const again = await startServer(t, { dir: own.dir })
  assert.deepEqual(statesOf((await again.get('/docs/ghost/awareness')).body), {})
})

test('nobody present: an awareness update without states', async () => {
  const answer = await server.get('/docs/lonely/awareness')
  assert.equal(answer.status, 200)
  assert.deepEqual([...answer.body], [0])
})

test('a newer clock wins, an older one is ignored, null is a goodbye', async t => {
  const stream = await openStream(t, server, 'clocks')
  const older = present(5, { at: 1 })
  const newer = present(5, { at: 1 }, { at: 2 })
  await postAwareness('clocks', newer)
  assert.deepEqual(statesOf(await awarenessIn(stream)), { 5: { at: 2 } })
  assert.equal((await postAwareness('clocks', older)).status, 204)
  const goodbye = present(5, { at: 1 }, { at: 2 }, null)
  await postAwareness('clocks', goodbye)
  assert.deepEqual(statesOf(newer, await awarenessIn(stream)), {})
  assert.deepEqual(statesOf((await server.get('/docs/clocks/awareness')).body), {})
})

test('malformed awareness is refused whole', async () => {
  const good = Buffer.from(present(9, { name: 'x' }))
  const bad = [Buffer.alloc(0), Buffer.of(1), good.subarray(0, -1), Buffer.concat([good, Buffer.of(0)]),
    Buffer.of(0xff, 0xff, 0xff, 0x7f), Buffer.from([1, 9, 1, 3, 0x7b, 0x7b, 0x7b])]
  for (const bytes of bad) assertProblem(await postAwareness('bad', bytes), 400, 'malformed_awareness')
  assert.deepEqual(statesOf((await server.get('/docs/bad/awareness')).body), {})
})

test('awareness is octet-stream, of at most 64 KiB', async () => {
  const sized = (client, size) => {
    const overhead = present(client, 'x'.repeat(60_000)).length - 60_000
    return present(client, 'x'.repeat(size - overhead))
  }
  assert.equal(sized(3, 65_536).length, 65_536)
  assert.equal((await postAwareness('sizes', sized(3, 65_536))).status, 204)
  assertProblem(await postAwareness('sizes', sized(4, 65_537)), 413, 'too_large')
  assertProblem(await postAwareness('sizes', present(1, {}), { 'content-type': 'application/json' }), 415,
    'unsupported_media_type')
  assertProblem(await postAwareness('sizes', present(1, {}), {}), 415, 'unsupported_media_type')
})

test('only GET and POST', async () => {
  const answer = await server.request('PUT', '/docs/present/awareness')
  assertProblem(answer, 405, 'method_not_allowed')
  assert.match(answer.headers.allow, /GET/)
  assert.match(answer.headers.allow, /POST/)
})

test('a state goes with the last stream that owned it', async t => {
  const doc = 'owned'
  const watcher = await openStream(t, server, doc)
  const first = await openStream(t, server, doc, { query: '?client=77' })
  const second = await openStream(t, server, doc, { query: '?client=77' })
  await Promise.all([first.next(), second.next()])
  const here = present(77, { here: true })
  await postAwareness(doc, here)
  await watcher.until(isAwareness)
  first.close()
  second.close()
  assert.deepEqual(statesOf(here, await awarenessIn(watcher)), {}, 'its removal is announced')
})

if (slow) test('a state that is not renewed goes', async t => {
  const watcher = await openStream(t, server, 'expiring')
  const here = present(78, { here: true })
  await postAwareness('expiring', here)
  await watcher.until(isAwareness)
  const gone = new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error('still there after 45 s')), 45_000)
    watcher.response.on('data', () => {
      const event = watcher.events.find(isAwareness)
      if (!event) return
      clearTimeout(late)
      resolve(Buffer.from(event.data, 'base64'))
    })
  })
  assert.deepEqual(statesOf(here, await gone), {})
})

test('a deleted document has no presence', async () => {
  await server.post('ended', new Writer().type('x'))
  await postAwareness('ended', present(1, { a: 1 }))
  await server.delete('ended')
  assertProblem(await postAwareness('ended', present(2, { a: 1 })), 410, 'document_deleted')
  await server.put('ended')
  assert.deepEqual(statesOf((await server.get('/docs/ended/awareness')).body), {})
})
