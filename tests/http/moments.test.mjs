// GET /docs/{doc}/state?at=ID: the document as it was after each of its events, before and after they are packed.
import assert from 'node:assert/strict'
import { closeSync, openSync, readFileSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import * as Y from 'yjs'

import { assertProblem } from './problem.mjs'
import { PATIENCE_MS, file, inTime, startServer, tempDir } from './server.mjs'
import { EMPTY, Writer, base64url, randomText } from './yjs.mjs'

/** A text, formats, a map and an array, with deletions: `count` updates, each from one edit. */
const randomEdits = (count, seed = 1) => {
  const doc = new Y.Doc()
  doc.clientID = 1000 + seed
  const updates = []
  doc.on('update', update => updates.push(update))
  let state = seed
  const below = n => { state = (Math.imul(state, 1664525) + 1013904223) >>> 0; return Math.floor(state / 2 ** 32 * n) }
  const text = doc.getText('content')
  const edits = [
    () => text.insert(below(text.length + 1), randomText(1 + below(8), state)),
    () => text.insert(text.length, 'é😀'),
    () => text.length > 4 ? text.delete(below(text.length - 3), 2) : text.insert(0, 'abc'),
    () => text.length > 4 ? text.format(below(text.length - 3), 3, { bold: below(2) ? true : null }) : text.insert(0, 'abc'),
    () => doc.getMap('map').set(`k${below(5)}`, { n: below(100) }),
    () => doc.getArray('array').push([below(100), new Y.Text('nested')])
  ]
  while (updates.length < count) edits[below(edits.length)]()
  return updates.slice(0, count)
}

const read = doc => ({
  text: doc.getText('content').toDelta(), map: doc.getMap('map').toJSON(), array: doc.getArray('array').toJSON()
})

/** `body`, a state, is what a document is to which just these updates came. */
const assertState = (body, replayed, what, apply = Y.applyUpdate) => {
  const doc = new Y.Doc()
  apply(doc, body)
  assert.deepEqual(read(doc), read(replayed), what)
  assert.ok(Y.equalSnapshots(Y.snapshot(doc), Y.snapshot(replayed)), what)
}

/** Every moment of the document, held against Yjs. */
const assertEveryMoment = async (server, name, ids, updates) => {
  const replayed = new Y.Doc()
  for (const [i, id] of ids.entries()) {
    Y.applyUpdate(replayed, updates[i])
    const answer = await server.get(`/docs/${name}/state?at=${id}`)
    assert.equal(answer.status, 200, `${id}: ${answer.body}`)
    assert.equal(answer.headers['event-id'], id)
    assertState(answer.body, replayed, id)
  }
}

const postAll = async (server, name, updates) => {
  const ids = []
  for (const update of updates) ids.push((await server.post(name, update)).json.id)
  return ids
}

const metric = async (server, name) =>
  Number(new RegExp(`^${name} (\\d+)$`, 'm').exec((await server.get('/metrics')).text)[1])

/** Writes to other documents until the oldest events are packed. */
const pack = async server => {
  const writer = new Writer()
  const until = Date.now() + PATIENCE_MS
  for (let i = 0; await metric(server, 'weft_storage_segment_bytes') === 0; i++) {
    assert.ok(Date.now() < until, 'nothing is packed')
    await server.post('filler', writer.type(randomText(16384, i)))
  }
}

const server = await startServer(file)

test('at= gives the state after each event; before and after packing, and a restart', async t => {
  const own = await startServer(t)
  const updates = randomEdits(300)
  const ids = await postAll(own, 'doc', updates)
  assert.equal(ids.at(-1).split('.')[0], '300')
  await assertEveryMoment(own, 'doc', ids, updates)
  await pack(own)
  await assertEveryMoment(own, 'doc', ids, updates)
  await own.stop()
  const again = await startServer(t, { dir: own.dir })
  await assertEveryMoment(again, 'doc', ids, updates)
})

test('at= of a document with checkpoints', async t => {
  const own = await startServer(t)
  const writer = new Writer()
  const updates = Array.from({ length: 200 }, (_, i) => i % 5 === 4 ? writer.delete(10, 1500) : writer.type(randomText(2000, i)))
  const ids = await postAll(own, 'doc', updates)
  assert.ok(await metric(own, 'weft_storage_checkpoint_bytes') > 65536, 'there are some')
  await assertEveryMoment(own, 'doc', ids, updates)
  await own.stop()
  const again = await startServer(t, { dir: own.dir })
  await assertEveryMoment(again, 'doc', ids, updates)
})

test('the document is not loaded for it', async t => {
  const own = await startServer(t)
  const [id] = await postAll(own, 'doc', [new Writer().type('abc')])
  await own.stop()
  const again = await startServer(t, { dir: own.dir })
  assert.equal((await again.get(`/docs/doc/state?at=${id}`)).status, 200)
  assert.equal(await metric(again, 'weft_loads_total'), 0)
})

test('at=0 is before everything', async () => {
  await server.post('begun', new Writer().type('abc'))
  for (const name of ['begun', 'never']) {
    const answer = await server.get(`/docs/${name}/state?at=0`)
    assert.equal(answer.status, 200)
    assert.equal(answer.headers['event-id'], '0')
    assert.deepEqual(answer.body, Buffer.from(EMPTY))
  }
})

test('what waits is in the state of its moment', async () => {
  const writer = new Writer()
  const [first, second] = [writer.type('abc'), writer.type('def')]
  const [early, late] = await postAll(server, 'waiting', [second, first])
  const doc = new Y.Doc()
  Y.applyUpdate(doc, (await server.get(`/docs/waiting/state?at=${early}`)).body)
  assert.equal(doc.getText('content').toString(), '')
  Y.applyUpdate(doc, first)
  assert.equal(doc.getText('content').toString(), 'abcdef')
  const whole = new Y.Doc()
  Y.applyUpdate(whole, (await server.get(`/docs/waiting/state?at=${late}`)).body)
  assert.equal(whole.getText('content').toString(), 'abcdef')
})

test('with an epoch it never changes, and may be kept; a bare number may not', async () => {
  const writer = new Writer()
  const [id] = await postAll(server, 'kept', [writer.type('one ')])
  const full = await server.get(`/docs/kept/state?at=${id}`)
  assert.equal(full.headers['cache-control'], 'private, max-age=31536000, immutable')
  assert.equal(full.headers['content-type'], 'application/octet-stream')
  const bare = await server.get('/docs/kept/state?at=1')
  assert.equal(bare.headers['cache-control'], 'no-cache')
  assert.equal(bare.headers['event-id'], id)
  await server.post('kept', writer.type('two'))
  const later = await server.get(`/docs/kept/state?at=${id}`)
  assert.deepEqual(later.body, full.body)
  assert.equal(later.headers.etag, full.headers.etag)
})

test('the tag: strong, another for another moment or question; 304; HEAD', async () => {
  const writer = new Writer()
  const one = writer.type('one ')
  const vector = writer.stateVector
  const [first, second] = await postAll(server, 'tagged', [one, writer.type('two')])
  const path = id => `/docs/tagged/state?at=${id}`
  const paths = [path(first), path(second), `${path(second)}&sv=${base64url(vector)}`, `${path(second)}&encoding=v2`]
  const tags = []
  for (const p of paths) tags.push((await server.get(p)).headers.etag)
  for (const tag of tags) assert.match(tag, /^"[^"]+"$/)
  assert.equal(new Set(tags).size, paths.length)
  const same = await server.get(paths[0], { 'if-none-match': tags[0] })
  assert.equal(same.status, 304)
  assert.equal(same.body.length, 0)
  assert.equal(same.headers['cache-control'], 'private, max-age=31536000, immutable')
  const head = await server.request('HEAD', paths[0])
  assert.equal(head.status, 200)
  assert.equal(head.headers.etag, tags[0])
  assert.equal(head.body.length, 0)
  assert.equal(Number(head.headers['content-length']), (await server.get(paths[0])).body.length)
})

test('sv= and encoding= go with at=', async () => {
  const writer = new Writer()
  const updates = [writer.type('one ')]
  const { stateVector, state } = writer
  updates.push(writer.type('two '))
  const middle = new Y.Doc()
  for (const update of updates) Y.applyUpdate(middle, update)
  updates.push(writer.type('three'))
  const ids = await postAll(server, 'asked', updates)
  const partial = await server.get(`/docs/asked/state?at=${ids[1]}&sv=${base64url(stateVector)}`)
  assert.deepEqual(partial.body, Buffer.from(Y.encodeStateAsUpdate(middle, stateVector)))
  const whole = new Y.Doc()
  Y.applyUpdate(whole, state)
  Y.applyUpdate(whole, partial.body)
  assert.equal(whole.getText('content').toString(), 'one two ')
  const v2 = await server.get(`/docs/asked/state?at=${ids[1]}&encoding=v2`)
  assertState(v2.body, middle, 'v2', Y.applyUpdateV2)
})

test('ids that are none, that are ahead, or of another life', async () => {
  const writer = new Writer()
  const [id] = await postAll(server, 'lives', [writer.type('first life')])
  for (const at of ['', 'x', '01', '-1', '1.', '1.abc', '1.ABCDEF01', '18446744073709551616', '1.9f3c1a07x', 'latest', '%zz']) {
    assertProblem(await server.get(`/docs/lives/state?at=${at}`), 400, 'bad_request')
  }
  const epoch = id.split('.')[1]
  for (const at of ['2', `2.${epoch}`, '18446744073709551615']) {
    assertProblem(await server.get(`/docs/lives/state?at=${at}`), 404, 'event_unknown')
  }
  assertProblem(await server.get('/docs/nobody/state?at=1'), 404, 'event_unknown')
  assertProblem(await server.get(`/docs/nobody/state?at=${id}`), 410, 'event_gone')
  assertProblem(await server.get(`/docs/${'x'.repeat(256)}/state?at=1`), 400, 'invalid_document_name')
  await server.delete('lives')
  for (const at of ['0', '1', id]) {
    assertProblem(await server.get(`/docs/lives/state?at=${at}`), 410, 'document_deleted')
  }
  await server.put('lives', new Writer().type('second life'))
  assertProblem(await server.get(`/docs/lives/state?at=${id}`), 410, 'event_gone')
  assertProblem(await server.get(`/docs/lives/state?at=0.${epoch}`), 410, 'event_gone')
  const today = await server.get('/docs/lives/state?at=1')
  assert.equal(today.status, 200)
  assert.notEqual(today.headers['event-id'], id)
})

/** Flips one bit wherever `bytes` stand in the file. */
const damage = (path, bytes) => {
  const whole = readFileSync(path)
  const fd = openSync(path, 'r+')
  let places = 0
  for (let at = whole.indexOf(bytes); at >= 0; at = whole.indexOf(bytes, at + 1), places++) {
    const byte = Buffer.alloc(1)
    readSync(fd, byte, 0, 1, at)
    byte[0] ^= 1
    writeSync(fd, byte, 0, 1, at)
  }
  closeSync(fd)
  assert.ok(places > 0, 'the bytes are in the file')
}

test('damage: what comes before it is read, and so are other documents', async t => {
  const dir = tempDir(t)
  const own = await startServer(t, { dir })
  const writer = new Writer()
  const updates = ['before ', 'a word that will be damaged ', 'after'].map(word => writer.type(word))
  const ids = await postAll(own, 'damaged', updates)
  const [other] = await postAll(own, 'other', [new Writer().type('well')])
  await own.stop()
  damage(join(dir, 'data.mdb'), Buffer.from('a word that will be damaged'))
  const again = await startServer(t, { dir })
  assert.equal((await again.get(`/docs/damaged/state?at=${ids[0]}`)).status, 200)
  assertProblem(await again.get(`/docs/damaged/state?at=${ids[1]}`), 503, 'storage_failed')
  assertProblem(await again.get(`/docs/damaged/state?at=${ids[2]}`), 503, 'storage_failed')
  assertProblem(await again.get('/docs/damaged/state'), 503, 'storage_failed')
  assert.equal((await again.get(`/docs/other/state?at=${other}`)).status, 200)
  assert.equal((await again.get('/docs/other/state')).status, 200)
})

test('many at once, and some that do not wait for the answer', async () => {
  const updates = randomEdits(100, 7)
  const ids = await postAll(server, 'crowd', updates)
  const asked = Array.from({ length: 300 }, (_, i) => {
    const answer = server.get(`/docs/crowd/state?at=${ids[i % ids.length]}`)
    return answer.then(({ status, body }) => ({ status, body, i: i % ids.length }))
  })
  const gone = new AbortController()
  const lost = Array.from({ length: 20 }, () =>
    fetch(`${server.url}/docs/crowd/state?at=${ids.at(-1)}`, { signal: gone.signal }).then(r => r.arrayBuffer(), () => {}))
  gone.abort()
  await inTime(Promise.all(lost), 'those that went')
  const states = ids.map((_, i) => {
    const doc = new Y.Doc()
    for (const update of updates.slice(0, i + 1)) Y.applyUpdate(doc, update)
    return doc
  })
  for (const { status, body, i } of await Promise.all(asked)) {
    assert.equal(status, 200)
    assertState(body, states[i], ids[i])
  }
})
