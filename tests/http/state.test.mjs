// GET /docs/{doc}/state and /state-vector: reading now, and caching what was read.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as Y from 'yjs'

import { assertProblem } from './problem.mjs'
import { connect } from './raw.mjs'
import { file, startServer } from './server.mjs'
import { Writer, base64url, textOf } from './yjs.mjs'

const server = await startServer(file)

const written = async (doc, ...words) => {
  const writer = new Writer()
  for (const word of words) await server.post(doc, writer.type(word))
  return writer
}

test('the state is one update, as Yjs would write it', async () => {
  const writer = await written('whole', 'one ', 'two')
  const answer = await server.get('/docs/whole/state')
  assert.equal(answer.status, 200)
  assert.equal(answer.headers['content-type'], 'application/octet-stream')
  assert.equal(answer.headers['cache-control'], 'no-cache')
  assert.deepEqual(answer.body, Buffer.from(writer.state))
})

test('the state vector is what Yjs would write', async () => {
  const writer = await written('vector', 'abc')
  const answer = await server.get('/docs/vector/state-vector')
  assert.equal(answer.status, 200)
  assert.equal(answer.headers['content-type'], 'application/octet-stream')
  assert.deepEqual(answer.body, Buffer.from(writer.stateVector))
})

test('sv: only what that state vector lacks', async () => {
  const writer = await written('lacking', 'one ')
  const { stateVector, state } = writer
  await server.post('lacking', writer.type('two'))
  const rest = await server.get(`/docs/lacking/state?sv=${base64url(stateVector)}`)
  assert.equal(rest.status, 200)
  assert.deepEqual(rest.body, Buffer.from(Y.encodeStateAsUpdate(writer.doc, stateVector)))
  assert.equal(textOf(state, rest.body), 'one two')
})

test('a malformed sv is refused', async () => {
  for (const sv of ['', '!', '%ff', 'AQ', base64url([1, 1]), base64url([0, 0]), base64url([0xff, 0xff, 0x7f])]) {
    assertProblem(await server.get(`/docs/whole/state?sv=${sv}`), 400, 'bad_request')
  }
})

test('same tag, same bytes; a change, or another question, has another tag', async () => {
  const writer = await written('tagged', 'one ')
  const path = '/docs/tagged/state'
  const first = await server.get(path)
  assert.match(first.headers.etag, /^"[^"]+"$/, 'a strong tag')
  assert.equal((await server.get(path)).headers.etag, first.headers.etag)
  const partial = await server.get(`${path}?sv=${base64url(writer.stateVector)}`)
  assert.notEqual(partial.headers.etag, first.headers.etag)
  await server.post('tagged', writer.type('two'))
  assert.notEqual((await server.get(path)).headers.etag, first.headers.etag)
  assert.notEqual((await server.get('/docs/whole/state')).headers.etag, (await server.get(path)).headers.etag)
})

test('If-None-Match: 304 without a body while nothing has changed', async () => {
  const writer = await written('matched', 'one ')
  const path = '/docs/matched/state'
  const { etag } = (await server.get(path)).headers
  for (const value of [etag, '*', `"other", ${etag}`, `W/${etag}`]) {
    const answer = await server.get(path, { 'if-none-match': value })
    assert.equal(answer.status, 304, value)
    assert.equal(answer.body.length, 0)
    assert.equal(answer.headers.etag, etag)
  }
  assert.equal((await server.get(path, { 'if-none-match': '"other"' })).status, 200)
  await server.post('matched', writer.type('two'))
  assert.equal((await server.get(path, { 'if-none-match': etag })).status, 200)
})

test('a tag outlives a restart, with the same bytes', async t => {
  const first = await startServer(t)
  const writer = new Writer()
  for (const word of ['a', 'b', 'c']) await first.post('kept', writer.type(word))
  const before = await first.get('/docs/kept/state')
  await first.stop()
  const second = await startServer(t, { dir: first.dir })
  const after = await second.get('/docs/kept/state')
  assert.equal(after.headers.etag, before.headers.etag)
  assert.deepEqual(after.body, before.body)
})

test('HEAD has the head of GET', async t => {
  await written('head', 'hello')
  const got = await server.get('/docs/head/state')
  const connection = connect(t, server)
  connection.send('HEAD /docs/head/state HTTP/1.1\r\nHost: x\r\n\r\n')
  const answer = await connection.answer({ headOnly: true })
  assert.equal(answer.status, 200)
  assert.equal(answer.headers['content-length'], String(got.body.length))
  assert.equal(answer.headers.etag, got.headers.etag)
  connection.send('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n')
  assert.equal((await connection.answer()).status, 200, 'no body followed')
})

test('what is deleted is not in the state, and collaborators agree on it', async () => {
  const writer = await written('erased', 'secret text')
  await server.post('erased', writer.delete(0, 7))
  const { body } = await server.get('/docs/erased/state')
  assert.equal(textOf(body), 'text')
  assert.ok(!body.includes('secret'))
  assert.deepEqual(body, Buffer.from(writer.state))
})

test('rich text, maps, arrays and XML come back as they went in', async () => {
  const doc = new Y.Doc()
  doc.getText('rich').applyDelta([{ insert: 'bold', attributes: { bold: true } }, { insert: { image: 'x.png' } }, { insert: ' 🌾' }])
  doc.getMap('map').set('nested', new Y.Map([['n', 1.5], ['b', new Uint8Array([1, 2])], ['u', null]]))
  doc.getArray('array').insert(0, [1, 'two', { three: [3] }, true, [2n ** 40n]])
  const paragraph = new Y.XmlElement('p')
  paragraph.setAttribute('class', 'x')
  paragraph.insert(0, [new Y.XmlText('hello')])
  doc.getXmlFragment('xml').insert(0, [paragraph])
  await server.post('kinds', Y.encodeStateAsUpdate(doc))
  assert.deepEqual((await server.get('/docs/kinds/state')).body, Buffer.from(Y.encodeStateAsUpdate(doc)))
})
