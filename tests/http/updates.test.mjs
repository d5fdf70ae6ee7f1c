// POST /docs/{doc}/updates: what is accepted, what is refused, what is answered.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as Y from 'yjs'

import { assertProblem } from './problem.mjs'
import { connect } from './raw.mjs'
import { epochOf } from './sse.mjs'
import { docPath, file, startServer } from './server.mjs'
import { EMPTY, Writer, randomText, textOf } from './yjs.mjs'

const server = await startServer(file)
const octets = { 'content-type': 'application/octet-stream' }

test('an update is acknowledged with its id, and then is in the state', async () => {
  const writer = new Writer()
  const answer = await server.post('first', writer.type('hello'))
  assert.equal(answer.status, 200)
  assert.match(answer.headers['content-type'], /^application\/json/)
  assert.match(answer.json.id, /^1\.[0-9a-f]{8}$/)
  assert.deepEqual(answer.json, { id: answer.json.id, changed: true, pending: false })
  assert.equal(textOf((await server.get('/docs/first/state')).body), 'hello')
})

test('ids count from 1 without gaps, within one epoch', async () => {
  const writer = new Writer()
  const ids = []
  for (let i = 0; i < 20; i++) ids.push((await server.post('counting', writer.type('x'))).json.id)
  const epoch = epochOf(ids[0])
  assert.deepEqual(ids, ids.map((_, i) => `${i + 1}.${epoch}`))
})

test('each document has an epoch and a counter of its own', async () => {
  const writer = new Writer()
  const update = writer.type('x')
  const one = (await server.post('own-1', update)).json.id
  const two = (await server.post('own-2', update)).json.id
  assert.match(one, /^1\./)
  assert.match(two, /^1\./)
  assert.notEqual(one, two)
})

test('a retry is safe: nothing new, and the id is the head', async () => {
  const writer = new Writer()
  const first = writer.type('a')
  await server.post('retry', first)
  const head = (await server.post('retry', writer.type('b'))).json.id
  const again = await server.post('retry', first)
  assert.equal(again.status, 200)
  assert.deepEqual(again.json, { id: head, changed: false, pending: false })
})

test('a deletion is an event; the same deletion again is none', async () => {
  const writer = new Writer()
  await server.post('deleting', writer.type('abc'))
  const erase = writer.delete(0, 1)
  const answer = (await server.post('deleting', erase)).json
  assert.match(answer.id, /^2\./)
  assert.equal(answer.changed, true)
  assert.deepEqual((await server.post('deleting', erase)).json, { ...answer, changed: false })
})

test('an update that says nothing creates nothing', async () => {
  const answer = await server.post('nothing', EMPTY)
  assert.equal(answer.status, 200)
  assert.deepEqual(answer.json, { id: '0', changed: false, pending: false })
  assert.equal((await server.get('/docs/nothing')).json.created, null)
  assert.equal((await server.get('/docs?prefix=nothing')).json.docs.length, 0)
})

test('an update that waits for others is kept, told of, and takes effect when they come', async () => {
  const writer = new Writer()
  const first = writer.type('one ')
  const second = writer.type('two')
  const early = (await server.post('waiting', second)).json
  assert.match(early.id, /^1\./)
  assert.equal(early.changed, true)
  assert.equal(early.pending, true)
  assert.equal(typeof early.missing, 'string')

  const again = (await server.post('waiting', second)).json
  assert.equal(again.id, early.id)
  assert.equal(again.changed, false)
  assert.equal(again.pending, true)
  assert.equal(textOf((await server.get('/docs/waiting/state')).body), '')

  const late = (await server.post('waiting', first)).json
  assert.match(late.id, /^2\./)
  assert.equal(late.changed, true)
  assert.equal(late.pending, false)
  assert.equal(late.missing, undefined)
  assert.equal(textOf((await server.get('/docs/waiting/state')).body), 'one two')
})

test('a peer completes a waiting document with its difference to what is missing', async () => {
  const writer = new Writer()
  for (const word of ['a', 'b', 'c']) writer.type(word)
  const { missing } = (await server.post('missing', writer.updates[2])).json
  const rest = Y.encodeStateAsUpdate(writer.doc, Buffer.from(missing, 'base64'))
  assert.equal((await server.post('missing', rest)).json.pending, false)
  assert.equal(textOf((await server.get('/docs/missing/state')).body), 'abc')
})

test('pending tells how the document stands, also to a write that has nothing to wait for', async () => {
  const waiting = new Writer()
  waiting.type('a')
  await server.post('stands', waiting.type('b'))
  const answer = (await server.post('stands', new Writer().type('c'))).json
  assert.equal(answer.changed, true)
  assert.equal(answer.pending, true)
})

test('malformed updates are refused and leave no trace', async () => {
  const good = new Writer().type('hello')
  const bad = {
    empty: Buffer.alloc(0),
    'one byte': Buffer.of(0),
    'cut short': Buffer.from(good).subarray(0, good.length - 1),
    'bytes after the end': Buffer.concat([good, Buffer.of(0)]),
    'more clients than bytes': Buffer.of(0xff, 0xff, 0xff, 0xff, 0x0f, 0),
    'more structs than bytes': Buffer.of(1, 0xff, 0xff, 0xff, 0xff, 0x0f, 1, 0, 0),
    'a delete set of a length that is not there': Buffer.of(0, 0xff, 0xff, 0x7f),
    text: Buffer.from('{"not":"an update"}')
  }
  for (const [what, bytes] of Object.entries(bad)) {
    const answer = await server.post('malformed', bytes)
    assertProblem(answer, 400, 'malformed_update')
    assert.equal((await server.get('/docs/malformed')).json.created, null, what)
  }
})

test('a malformed update leaves a living document untouched', async () => {
  const writer = new Writer()
  const { id } = (await server.post('untouched', writer.type('safe'))).json
  const before = (await server.get('/docs/untouched/state')).body
  const next = writer.type('!')
  assertProblem(await server.post('untouched', Buffer.concat([next, Buffer.of(7)])), 400, 'malformed_update')
  assert.deepEqual((await server.get('/docs/untouched/state')).body, before)
  assert.equal((await server.get('/docs/untouched')).json.head, id)
})

test('values nest 512 levels deep, and no deeper', async () => {
  const nested = depth => {
    const doc = new Y.Doc()
    let value = 1
    for (let i = 0; i < depth; i++) value = [value]
    doc.getArray('a').push([value])
    return Y.encodeStateAsUpdate(doc)
  }
  assert.equal((await server.post('nested', nested(512))).status, 200)
  assertProblem(await server.post('nested-deeper', nested(513)), 400, 'malformed_update')
})

test('types nest in types without limit', async () => {
  const doc = new Y.Doc()
  let map = doc.getMap('root')
  for (let i = 0; i < 5000; i++) map = map.set('k', new Y.Map())
  assert.equal((await server.post('types', Y.encodeStateAsUpdate(doc))).status, 200)
})

test('only octet-stream without an encoding is taken', async () => {
  const update = new Writer().type('x')
  const refused = [
    {}, { 'content-type': 'application/json' }, { 'content-type': 'text/plain' },
    { 'content-type': 'application/octet-streams' },
    { ...octets, 'content-encoding': 'gzip' }, { ...octets, 'content-encoding': 'br' }
  ]
  for (const headers of refused) {
    const answer = await server.request('POST', '/docs/media/updates', { headers, body: Buffer.from(update) })
    assertProblem(answer, 415, 'unsupported_media_type')
  }
  for (const type of ['application/octet-stream; charset=binary', 'Application/Octet-Stream']) {
    const answer = await server.post('media', update, { headers: { 'content-type': type } })
    assert.equal(answer.status, 200, type)
  }
})

test('?epoch= refuses a writer of another life', async () => {
  const writer = new Writer()
  const first = writer.type('a')
  const second = writer.type('b')
  assertProblem(await server.post('epoch', first, { query: '?epoch=0123abcd' }), 409, 'epoch_changed')
  assert.equal((await server.get('/docs/epoch')).json.created, null)
  const epoch = epochOf((await server.post('epoch', first)).json.id)
  const other = epoch === '00000000' ? '00000001' : '00000000'
  assertProblem(await server.post('epoch', second, { query: `?epoch=${other}` }), 409, 'epoch_changed')
  assert.equal((await server.post('epoch', second, { query: `?epoch=${epoch}` })).json.changed, true)
  for (const value of ['zz', '', '123', '0123ABCD']) {
    assertProblem(await server.post('epoch', second, { query: `?epoch=${value}` }), 400, 'bad_request')
  }
})

test('an update up to --max-update is taken, a larger one is not', async t => {
  const small = await startServer(t, { args: ['--max-update', '1000'] })
  const update = new Writer(1).type(randomText(975))
  assert.ok(update.length < 1000)
  const exact = new Writer(1).type(randomText(975 + 1000 - update.length))
  assert.equal(exact.length, 1000)
  assert.equal((await small.post('exact', exact)).status, 200)

  const over = new Writer(1).type(randomText(976 + 1000 - update.length))
  assert.equal(over.length, 1001)
  assertProblem(await small.post('over', over), 413, 'too_large')
  const chunked = await small.request('POST', '/docs/over/updates', {
    headers: { ...octets, 'transfer-encoding': 'chunked' }, body: Buffer.from(over)
  })
  assertProblem(chunked, 413, 'too_large')
  assertProblem(await small.put('over', over), 413, 'too_large')
  assert.equal((await small.get('/docs/over')).json.created, null)
})

test('a body that is announced too large is refused before it is sent', async t => {
  const connection = connect(t, server)
  connection.send('POST /docs/announced/updates HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n' +
    'Content-Length: 99999999999\r\n\r\n')
  assertProblem(await connection.answer(), 413, 'too_large')
  await connection.send(Buffer.alloc(100_000)).end()
})

test('waiting bytes of a document are limited as one update is', async t => {
  const small = await startServer(t, { args: ['--max-update', '1000'] })
  const writer = new Writer()
  writer.type('never sent')
  let refused = null
  for (let i = 0; i < 10 && !refused; i++) {
    const answer = await small.post('hoard', writer.type(randomText(400, i)))
    if (answer.status !== 200) refused = answer
  }
  assertProblem(refused, 413, 'too_large')
  assert.equal((await small.post('hoard', writer.updates[0])).status, 200, 'what was waited for is still taken')
})

test('many writers at once: every event gets an id, none twice', async () => {
  const writers = Array.from({ length: 16 }, () => new Writer())
  const ids = (await Promise.all(writers.map(async writer => {
    const mine = []
    for (let i = 0; i < 25; i++) mine.push((await server.post('crowd', writer.type('x'))).json.id)
    return mine
  }))).flat()
  const seqs = ids.map(id => Number(id.split('.')[0])).sort((a, b) => a - b)
  assert.deepEqual(seqs, seqs.map((_, i) => i + 1))
  assert.equal(textOf((await server.get('/docs/crowd/state')).body).length, 400)
})

test('what Yjs merges is what the server merges', async () => {
  const left = new Writer(1)
  const right = new Writer(2)
  left.type('left')
  right.type('right')
  await Promise.all([server.post('merge', left.state), server.post('merge', right.state)])
  left.receive(right.state)
  right.receive(left.state)
  const state = (await server.get('/docs/merge/state')).body
  assert.equal(textOf(state), left.text.toString())
  assert.deepEqual(Buffer.from(Y.encodeStateVectorFromUpdate(state)), Buffer.from(left.stateVector))
})

test('only POST writes updates', async () => {
  for (const method of ['PUT', 'DELETE', 'PATCH']) {
    const answer = await server.request(method, `${docPath('methods')}/updates`)
    assertProblem(answer, 405, 'method_not_allowed')
    assert.match(answer.headers.allow, /\bPOST\b/)
  }
})
