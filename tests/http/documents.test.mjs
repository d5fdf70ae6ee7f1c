// Names, and the life of a document: PUT, DELETE, what they leave, the listing and the numbers.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { assertProblem } from './problem.mjs'
import { connect } from './raw.mjs'
import { epochOf, openStream } from './sse.mjs'
import { docPath, file, startServer } from './server.mjs'
import { EMPTY, Writer, textOf } from './yjs.mjs'

const server = await startServer(file)
const listing = async query => (await server.get(`/docs${query}`)).json

test('a document that never existed reads as an empty one with head 0', async () => {
  const info = await server.get('/docs/absent')
  assert.equal(info.status, 200)
  assert.equal(info.json.name, 'absent')
  assert.equal(info.json.head, '0')
  assert.equal(info.json.epoch, null)
  assert.equal(info.json.created, null)
  assert.equal(info.json.updated, null)
  assert.equal(info.json.events, 0)
  const state = await server.get('/docs/absent/state')
  assert.equal(state.status, 200)
  assert.deepEqual([...state.body], [...EMPTY])
  assert.deepEqual([...(await server.get('/docs/absent/state-vector')).body], [0])
})

test('a document tells its numbers', async t => {
  const { id } = (await server.post('numbers', new Writer().type('hello'))).json
  await openStream(t, server, 'numbers')
  const { json } = await server.get('/docs/numbers')
  assert.deepEqual(Object.keys(json).sort(),
    ['created', 'epoch', 'events', 'head', 'log_bytes', 'name', 'readers', 'state_bytes', 'updated'])
  assert.equal(json.name, 'numbers')
  assert.equal(json.head, id)
  assert.equal(json.epoch, epochOf(id))
  assert.equal(json.events, 1)
  assert.equal(json.readers, 1)
  assert.ok(json.state_bytes > 0)
  assert.ok(json.log_bytes > 0)
  for (const time of [json.created, json.updated]) assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
})

test('PUT creates an empty document, once', async () => {
  const first = await server.put('put-empty')
  assert.equal(first.status, 201)
  assert.equal(first.headers.location, '/docs/put-empty')
  assert.match(first.json.epoch, /^[0-9a-f]{8}$/)
  assert.equal(first.json.pending, false)
  assertProblem(await server.put('put-empty'), 412, 'document_exists')
  assert.deepEqual((await listing('?prefix=put-empty')).docs, ['put-empty'])
})

test('PUT without a body has no type to be asked for', async () => {
  for (const [doc, type] of [['typed-fetch', 'text/plain;charset=UTF-8'], ['typed-curl', 'application/x-www-form-urlencoded']]) {
    const answer = await server.request('PUT', `/docs/${doc}`, { headers: { 'content-type': type, 'content-length': '0' } })
    assert.equal(answer.status, 201, type)
    const filled = await server.put(`${doc}-filled`, new Writer().type('x'), { 'content-type': type })
    assertProblem(filled, 415, 'unsupported_media_type')
  }
})

test('PUT seeds a document with one update, exactly once', async () => {
  const first = await server.put('put-seed', new Writer().type('seed'), { 'if-none-match': '*' })
  assert.equal(first.status, 201)
  assert.equal(first.json.id, `1.${first.json.epoch}`)
  assert.equal(first.json.changed, true)
  assertProblem(await server.put('put-seed', new Writer().type('seed')), 412, 'document_exists')
  assert.equal(textOf((await server.get('/docs/put-seed/state')).body), 'seed')
})

test('of many PUTs at once one wins', async () => {
  const answers = await Promise.all(Array.from({ length: 20 }, () => server.put('race', new Writer().type('x'))))
  assert.equal(answers.filter(answer => answer.status === 201).length, 1)
  assert.equal(answers.filter(answer => answer.status === 412).length, 19)
  assert.equal(textOf((await server.get('/docs/race/state')).body), 'x')
})

test('Location is percent-encoded as the path must be', async () => {
  const answer = await server.put('a/b ü?')
  assert.equal(answer.status, 201)
  assert.equal(decodeURIComponent(answer.headers.location), '/docs/a/b ü?')
  assert.equal((await server.get(answer.headers.location)).json.name, 'a/b ü?')
})

test('a PUT that is refused creates nothing', async () => {
  assertProblem(await server.put('put-bad', Buffer.of(1, 2, 3)), 400, 'malformed_update')
  const text = await server.put('put-bad', new Writer().type('x'), { 'content-type': 'text/plain' })
  assertProblem(text, 415, 'unsupported_media_type')
  assert.deepEqual((await listing('?prefix=put-bad')).docs, [])
})

test('DELETE of what never existed is 204 and leaves no mark', async () => {
  const answer = await server.delete('never')
  assert.equal(answer.status, 204)
  assert.equal(answer.body.length, 0)
  assert.equal((await server.post('never', new Writer().type('x'))).status, 200)
})

test('a deleted name is marked until a PUT brings it back, with another epoch', async () => {
  const update = new Writer().type('old')
  const { id } = (await server.post('gone', update)).json
  assert.equal((await server.delete('gone')).status, 204)
  assert.equal((await server.delete('gone')).status, 204)

  assertProblem(await server.post('gone', update), 410, 'document_deleted')
  assertProblem(await server.post('gone', update, { query: `?epoch=${epochOf(id)}` }), 410, 'document_deleted')
  for (const path of ['', '/state', '/state-vector', '/awareness']) {
    assertProblem(await server.get(`/docs/gone${path}`), 410, 'document_deleted')
  }
  assert.deepEqual((await listing('?prefix=gone')).docs, [])

  const back = await server.put('gone', new Writer().type('new'))
  assert.equal(back.status, 201)
  assert.notEqual(back.json.epoch, epochOf(id))
  assert.equal(textOf((await server.get('/docs/gone/state')).body), 'new')
  assertProblem(await server.post('gone', update, { query: `?epoch=${epochOf(id)}` }), 409, 'epoch_changed')
})

test('names are one percent-encoded segment', async () => {
  const names = {
    plain: 'plain', 'a%2Fb': 'a/b', 'a+b': 'a+b', 'a%20b': 'a b', '%C3%BC': 'ü', '%F0%9F%8C%BE': '🌾', '...': '...',
    '%3F%23': '?#', 'a%252Fb': 'a%2Fb', '.a': '.a', "~!$&'()*,;=:@": "~!$&'()*,;=:@", '%61': 'a'
  }
  for (const [path, name] of Object.entries(names)) {
    const answer = await server.get(`/docs/${path}`)
    assert.equal(answer.status, 200, path)
    assert.equal(answer.json.name, name)
  }
})

test('a + is a plus, and no normal form is made', async () => {
  await server.post('n+n', new Writer().type('plus'))
  assert.equal((await server.get('/docs/n%2Bn')).json.events, 1)
  assert.equal((await server.get('/docs/n%20n')).json.events, 0)
  await server.post('\u00e9-nfc', new Writer().type('x'))
  assert.equal((await server.get(docPath('e\u0301-nfc'))).json.events, 0)
})

test('names that are none are refused, everywhere', async t => {
  const bad = [
    '.', '..', '%2e', '%2E%2e', '.%2E', 'a%00b', '%01', 'a%0Ab', '%1F', '%7F', '%C2%80', '%C2%9F', '%FF', '%C3', '%C0%AF',
    '%ED%A0%80', '%F5%80%80%80', '%', '%a', '%zz', 'a%2', 'x'.repeat(256), '%C3%BC'.repeat(128)
  ]
  const connection = connect(t, server)
  for (const name of bad) {
    for (const [method, rest] of [['GET', ''], ['GET', '/events'], ['POST', '/updates'], ['PUT', ''], ['DELETE', '']]) {
      connection.send(`${method} /docs/${name}${rest} HTTP/1.1\r\nHost: x\r\n` +
        'Content-Type: application/octet-stream\r\nContent-Length: 0\r\n\r\n')
      assertProblem(await connection.answer(), 400, 'invalid_document_name')
    }
  }
})

test('a name has up to 255 bytes', async () => {
  for (const name of ['x'.repeat(255), 'ü'.repeat(127) + 'x']) {
    assert.equal((await server.put(name)).status, 201)
    assert.equal((await server.get(docPath(name))).json.name, name)
  }
})

test('the listing pages in byte order', async () => {
  const names = ['l/Z', 'l/a', 'l/a b', 'l/a/b', 'l/b', 'l/z', 'l/é', 'l/\uffee', 'l/🌾']
  for (const name of [...names].reverse()) assert.equal((await server.put(name)).status, 201)
  const sorted = [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  assert.deepEqual(await listing('?prefix=l%2F'), { docs: sorted, next: null })

  const paged = []
  let after = ''
  for (let pages = 0; pages < 20; pages++) {
    const page = await listing(`?prefix=l%2F&limit=2&after=${encodeURIComponent(after)}`)
    paged.push(...page.docs)
    if (page.next === null) break
    assert.equal(page.next, page.docs.at(-1))
    after = page.next
  }
  assert.deepEqual(paged, sorted)
})

test('the listing takes any prefix, an after that is no document, and clamps its limit', async () => {
  for (let i = 0; i < 120; i++) await server.put(`many-${String(i).padStart(4, '0')}`)
  const page = await listing('?prefix=many-')
  assert.equal(page.docs.length, 100)
  assert.equal(page.next, 'many-0099')
  assert.equal((await listing('?prefix=many-&limit=5000')).docs.length, 120)
  assert.deepEqual((await listing('?prefix=many-&after=many-0117x')).docs, ['many-0118', 'many-0119'])
  assert.deepEqual(await listing('?prefix=no-such-prefix'), { docs: [], next: null })
  assert.deepEqual((await listing('?prefix=many-000&after=many-0005')).docs,
    ['many-0006', 'many-0007', 'many-0008', 'many-0009'])
})

test('a malformed limit is refused', async () => {
  for (const limit of ['x', '-1', '', '1.5', '99999999999999999999', '%31x']) {
    assertProblem(await server.get(`/docs?limit=${limit}`), 400, 'bad_request')
  }
})

test('documents survive a restart: heads, epochs, marks of deleted names', async t => {
  const first = await startServer(t)
  const { id } = (await first.post('kept', new Writer().type('kept'))).json
  await first.put('empty')
  await first.post('dropped', new Writer().type('x'))
  await first.delete('dropped')
  const before = (await first.get('/docs/kept')).json
  assert.deepEqual(await first.stop(), { code: 0, signal: null })

  const second = await startServer(t, { dir: first.dir })
  assert.deepEqual((await second.get('/docs')).json.docs, ['empty', 'kept'])
  assert.deepEqual((await second.get('/docs/kept')).json, before)
  assert.equal(before.head, id)
  assertProblem(await second.get('/docs/dropped'), 410, 'document_deleted')
  assertProblem(await second.put('empty'), 412, 'document_exists')
})
