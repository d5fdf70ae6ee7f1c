// encoding=v2: taken and shown wherever an update is; inside, and for readers of v1, all is v1.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as Y from 'yjs'

import { assertProblem } from './problem.mjs'
import { file, inTime, startServer } from './server.mjs'
import { Writer, base64url, randomText, textOf } from './yjs.mjs'

const server = await startServer(file)
const v2 = update => Buffer.from(Y.convertUpdateFormatV1ToV2(update))
const octets = { 'content-type': 'application/octet-stream' }
const postV2 = (doc, update, query = '') => server.post(doc, update, { query: `?encoding=v2${query}` })
const putV2 = (doc, body) => server.request('PUT', `/docs/${doc}?encoding=v2`, { headers: octets, body })

const textOfV2 = update => {
  const doc = new Y.Doc()
  Y.applyUpdateV2(doc, update)
  return doc.getText('content').toString()
}

test('an update in v2 is taken, and shown in either format', async () => {
  const writer = new Writer()
  const first = await postV2('both', v2(writer.type('one ')))
  assert.equal(first.status, 200)
  assert.match(first.json.id, /^1\.[0-9a-f]{8}$/)
  assert.deepEqual({ ...first.json, id: '' }, { id: '', changed: true, pending: false })
  assert.equal((await server.post('both', writer.type('two'))).status, 200)
  assert.deepEqual((await server.get('/docs/both/state')).body, Buffer.from(writer.state))
  const state = await server.get('/docs/both/state?encoding=v2')
  assert.equal(state.headers['content-type'], 'application/octet-stream')
  assert.equal(textOfV2(state.body), 'one two')
  assert.equal(textOf((await server.get('/docs/both/state?encoding=v1')).body), 'one two')
})

test('what came in v2 is sent on in v1', async () => {
  const response = await fetch(`${server.url}/docs/on/events`)
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
  assert.equal((await postV2('on', v2(new Writer().type('sent on')))).status, 200)
  let seen = ''
  while (!/event: update\nid: .*\ndata: (.*)\n\n/.test(seen)) seen += (await inTime(reader.read(), 'the update')).value
  const [, data] = /event: update\nid: .*\ndata: (.*)\n\n/.exec(seen)
  assert.equal(textOf(Buffer.from(data, 'base64')), 'sent on')
  await reader.cancel()
})

test('a retry changes nothing, in whichever format', async () => {
  const writer = new Writer()
  const update = writer.type('once')
  const { id } = (await postV2('retry', v2(update))).json
  for (const answer of [await postV2('retry', v2(update)), await server.post('retry', update)]) {
    assert.deepEqual(answer.json, { id, changed: false, pending: false })
  }
})

test('what must wait waits', async () => {
  const writer = new Writer()
  const [one, two] = [writer.type('one '), writer.type('two')]
  const early = (await postV2('early', v2(two))).json
  assert.equal(early.pending, true)
  assert.deepEqual((await postV2('early', v2(two))).json, { ...early, changed: false })
  assert.equal((await postV2('early', v2(one))).json.pending, false)
  assert.equal(textOfV2((await server.get('/docs/early/state?encoding=v2')).body), 'one two')
})

test('a large one is taken as well', async () => {
  const writer = new Writer()
  const text = randomText(300_000)
  assert.equal((await postV2('large', v2(writer.type(text)))).status, 200)
  assert.equal(textOfV2((await server.get('/docs/large/state?encoding=v2')).body), text)
})

test('PUT takes its first update in v2', async () => {
  const writer = new Writer()
  const created = await putV2('seeded', v2(writer.type('seed')))
  assert.equal(created.status, 201)
  assert.equal(created.headers.location, '/docs/seeded')
  assert.match(created.json.epoch, /^[0-9a-f]{8}$/)
  assert.deepEqual((await server.get('/docs/seeded/state')).body, Buffer.from(writer.state))
  assertProblem(await putV2('seeded', v2(writer.state)), 412, 'document_exists')
  assert.equal((await putV2('seeded-empty', undefined)).status, 201)
})

test('malformed v2 is refused, and nothing comes of it', async () => {
  const update = v2(new Writer().type('some text'))
  const bad = [Buffer.alloc(0), Buffer.from([0]), Buffer.concat([update, Buffer.from([0])])]
  for (let len = 1; len < update.length; len++) bad.push(update.subarray(0, len))
  for (const body of bad) {
    assertProblem(await postV2('malformed', body), 400, 'malformed_update')
    assertProblem(await putV2('malformed', body.length === 0 ? Buffer.from([0]) : body), 400, 'malformed_update')
  }
  const v1 = new Writer().type('in the other format')
  assertProblem(await postV2('malformed', v1), 400, 'malformed_update')
  assertProblem(await server.post('malformed', update), 400, 'malformed_update')
  assert.equal((await server.get('/docs/malformed')).json.created, null)
})

test('an update that says nothing creates nothing', async () => {
  const nothing = Buffer.from(Y.encodeStateAsUpdateV2(new Y.Doc()))
  const answer = await postV2('nothing', nothing)
  assert.deepEqual(answer.json, { id: '0', changed: false, pending: false })
  assert.equal((await server.get('/docs/nothing')).json.created, null)
  assert.deepEqual((await server.get('/docs/nothing/state?encoding=v2')).body, nothing)
})

test('epoch= goes with it', async () => {
  const writer = new Writer()
  const { epoch } = (await putV2('epochs', v2(writer.type('a')))).json
  assert.equal((await postV2('epochs', v2(writer.type('b')), `&epoch=${epoch}`)).status, 200)
  const other = epoch === '00000000' ? '00000001' : '00000000'
  assertProblem(await postV2('epochs', v2(writer.type('c')), `&epoch=${other}`), 409, 'epoch_changed')
})

test('sv= and the tag go with it', async () => {
  const writer = new Writer()
  await server.post('parts', writer.type('one '))
  const { stateVector, state } = writer
  await server.post('parts', writer.type('two'))
  const part = await server.get(`/docs/parts/state?encoding=v2&sv=${base64url(stateVector)}`)
  const doc = new Y.Doc()
  Y.applyUpdate(doc, state)
  Y.applyUpdateV2(doc, part.body)
  assert.equal(doc.getText('content').toString(), 'one two')
  const tags = []
  for (const query of ['', '?encoding=v2', `?encoding=v2&sv=${base64url(stateVector)}`]) {
    tags.push((await server.get(`/docs/parts/state${query}`)).headers.etag)
  }
  assert.equal(new Set(tags).size, 3)
  const same = await server.get('/docs/parts/state?encoding=v2', { 'if-none-match': tags[1] })
  assert.equal(same.status, 304)
})

test('what is small in v2 and large in v1 is refused', async t => {
  const own = await startServer(t, { args: ['--max-update', '10000'] })
  const doc = new Y.Doc()
  const parts = []
  doc.on('update', update => parts.push(update))
  const array = doc.getArray('a')
  for (let i = 0; i < 8000; i++) array.insert(0, [null])
  const update = v2(Y.mergeUpdates(parts))
  assert.ok(update.length < 10000 && parts.reduce((sum, part) => sum + part.length, 0) > 50000)
  const answer = await own.request('POST', '/docs/runs/updates?encoding=v2', { headers: octets, body: update })
  assertProblem(answer, 413, 'too_large')
  assert.equal((await own.get('/docs/runs')).json.created, null)
})

test('other encodings, and event streams in v2, are refused', async () => {
  for (const encoding of ['', 'v3', 'V2', 'v1,v2']) {
    assertProblem(await server.get(`/docs/doc/state?encoding=${encoding}`), 400, 'bad_request')
    const posted = await server.post('doc', new Writer().type('a'), { query: `?encoding=${encoding}` })
    assertProblem(posted, 400, 'bad_request')
  }
  assertProblem(await server.get('/docs/doc/events?encoding=v2'), 400, 'bad_request')
})
