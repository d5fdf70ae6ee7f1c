// HTTP/1.1 as bytes: what is understood, and what abuse gets.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { assertProblem } from './problem.mjs'
import { connect } from './raw.mjs'
import { file, slow, startServer } from './server.mjs'
import { Writer, textOf } from './yjs.mjs'

const server = await startServer(file)
const get = path => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`
const head = lines => `${lines.join('\r\n')}\r\n\r\n`
const postHead = (doc, ...lines) =>
  head([`POST /docs/${doc}/updates HTTP/1.1`, 'Host: x', 'Content-Type: application/octet-stream', ...lines])
const chunk = bytes => Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')])
const update = Buffer.from(new Writer().type('hello'))
const victim = '/docs/victim/updates'

const abuse = {
  garbage: '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 not http at all\r\n\r\n',
  'the preface of HTTP/2': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'no version': 'GET /healthz\r\n\r\n',
  'a version that does not exist': head(['GET /healthz HTTP/9.9', 'Host: x']),
  'no Host': head(['GET /healthz HTTP/1.1']),
  'Host twice': head(['GET /healthz HTTP/1.1', 'Host: x', 'Host: y']),
  'the same Host twice': head(['GET /healthz HTTP/1.1', 'Host: x', 'Host: x']),
  'both lengths': postHead('victim', `Content-Length: ${update.length}`, 'Transfer-Encoding: chunked') + '0\r\n\r\n',
  'both lengths, the other way round': postHead('victim', 'Transfer-Encoding: chunked', 'Content-Length: 5') + '0\r\n\r\n',
  'two lengths': postHead('victim', 'Content-Length: 5', 'Content-Length: 6') + 'hello!',
  'a list of lengths': postHead('victim', 'Content-Length: 5, 6') + 'hello!',
  'a negative length': postHead('victim', 'Content-Length: -5'),
  'a length with a sign': postHead('victim', 'Content-Length: +5') + 'hello',
  'a length in hex': postHead('victim', 'Content-Length: 0x5') + 'hello',
  'a length past 64 bits': postHead('victim', 'Content-Length: 99999999999999999999999'),
  'an empty length': postHead('victim', 'Content-Length: '),
  'obsolete folding': head(['GET /healthz HTTP/1.1', 'Host: x', 'X-A: b', ' c']),
  'folding with a tab': head(['GET /healthz HTTP/1.1', 'Host: x', 'X-A: b', '\tc']),
  'bare LF after the request line': 'GET /healthz HTTP/1.1\nHost: x\r\n\r\n',
  'bare LF after a field': 'GET /healthz HTTP/1.1\r\nHost: x\nX-A: b\r\n\r\n',
  'bare LF everywhere': 'GET /healthz HTTP/1.1\nHost: x\n\n',
  'bare CR in a field': 'GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: b\rc\r\n\r\n',
  'a space before the colon': head(['GET /healthz HTTP/1.1', 'Host: x', 'X-A : b']),
  'a field without a name': head(['GET /healthz HTTP/1.1', 'Host: x', ': b']),
  'a field without a colon': head(['GET /healthz HTTP/1.1', 'Host: x', 'nonsense']),
  'a NUL in a field': head(['GET /healthz HTTP/1.1', 'Host: x', 'X-A: a\x00b']),
  'a NUL in the path': head(['GET /doc\x00s HTTP/1.1', 'Host: x']),
  'a space in the path': head(['GET /docs/a b HTTP/1.1', 'Host: x']),
  'a chunk size that is none': postHead('victim', 'Transfer-Encoding: chunked') + 'zz\r\nhello\r\n0\r\n\r\n',
  'a chunk size past 64 bits': postHead('victim', 'Transfer-Encoding: chunked') + 'fffffffffffffffff\r\nhello\r\n0\r\n\r\n',
  'a chunk without its end': postHead('victim', 'Transfer-Encoding: chunked') + '5\r\nhelloXX0\r\n\r\n',
  'a chunk size ended by bare LF': postHead('victim', 'Transfer-Encoding: chunked') + '5\nhello\r\n0\r\n\r\n',
  'chunked not last': postHead('victim', 'Transfer-Encoding: chunked, gzip') + '0\r\n\r\n',
  'chunked twice': postHead('victim', 'Transfer-Encoding: chunked, chunked') + '0\r\n\r\n',
  'an unknown transfer coding': postHead('victim', 'Transfer-Encoding: xchunked') + '0\r\n\r\n',
  'chunked in HTTP/1.0': head([`POST ${victim} HTTP/1.0`, 'Host: x', 'Content-Type: application/octet-stream',
    'Transfer-Encoding: chunked']) + '0\r\n\r\n'
}

for (const [what, bytes] of Object.entries(abuse)) {
  test(`${what}: an error, and the connection closes`, async t => {
    const connection = connect(t, server).send(bytes)
    const answer = await connection.answer()
    assert.ok([400, 501, 505].includes(answer.status), `${answer.status}: ${answer.body}`)
    assertProblem(answer, answer.status, 'bad_request')
    assert.equal(answer.headers.connection, 'close')
    assert.equal(await connection.end(), '', 'nothing after the error is answered')
  })
}

test('abuse never reached the document', async () => {
  assert.equal((await server.get('/docs/victim')).json.created, null)
})

test('a smuggled request is not answered', async t => {
  const connection = connect(t, server)
  connection.send(postHead('victim', 'Content-Length: 4', 'Transfer-Encoding: chunked') + `0\r\n\r\n${get('/healthz')}`)
  assert.equal((await connection.answer()).status, 400)
  assert.equal(await connection.end(), '')
})

test('headers that are too large get 431', async t => {
  const large = {
    'one large field': head(['GET /healthz HTTP/1.1', 'Host: x', `X-Large: ${'x'.repeat(200_000)}`]),
    'many fields': head(['GET /healthz HTTP/1.1', 'Host: x', ...Array.from({ length: 20_000 }, (_, i) => `X-${i}: y`)]),
    'a long path': get(`/${'x'.repeat(200_000)}`)
  }
  for (const [what, bytes] of Object.entries(large)) {
    const connection = connect(t, server).send(bytes)
    const answer = await connection.answer()
    assertProblem(answer, 431, 'headers_too_large')
    await connection.end()
    assert.ok(what)
  }
})

test('trailers are limited as headers are', async t => {
  for (const trailers of [`X-T: ${'x'.repeat(200_000)}\r\n`, 'X-T: y\r\n'.repeat(20_000)]) {
    const connection = connect(t, server).send(postHead('trailers', 'Transfer-Encoding: chunked'))
    connection.send(chunk(update)).send(`0\r\n${trailers}\r\n`)
    assertProblem(await connection.answer(), 431, 'headers_too_large')
  }
})

test('trailers, however they are cut, do not count as headers', async t => {
  const connection = connect(t, server).send(postHead('trailers', 'Transfer-Encoding: chunked')).send(chunk(update))
  const trailers = `0\r\nContent-Type: text/plain\r\nContent-Encoding: gzip\r\nX-T: ${'x'.repeat(3000)}\r\n\r\n`
  for (let at = 0; at < trailers.length; at += 7) {
    connection.send(trailers.slice(at, at + 7))
    await new Promise(resolve => setImmediate(resolve))
  }
  assert.equal((await connection.answer()).status, 200)
})

test('one request cut into single bytes is one request', async t => {
  const connection = connect(t, server)
  for (const byte of postHead('bytes', `Content-Length: ${update.length}`)) {
    connection.send(byte)
    await new Promise(resolve => setImmediate(resolve))
  }
  for (const byte of update) {
    connection.send(Buffer.of(byte))
    await new Promise(resolve => setImmediate(resolve))
  }
  assert.equal((await connection.answer()).status, 200)
})

test('requests in a pipeline are answered in order', async t => {
  const connection = connect(t, server)
  const paths = Array.from({ length: 50 }, (_, i) => `/docs/pipe-${i}`)
  connection.send(paths.map(get).join(''))
  for (const path of paths) assert.equal(JSON.parse((await connection.answer()).body).name, path.slice(6))
})

test('a read behind a write in a pipeline sees it', async t => {
  const connection = connect(t, server)
  const writer = new Writer()
  for (let i = 1; i <= 10; i++) {
    const next = Buffer.from(writer.type('x'))
    connection.send(Buffer.concat([
      Buffer.from(postHead('behind', `Content-Length: ${next.length}`)), next, Buffer.from(get('/docs/behind/state'))
    ]))
    assert.equal(JSON.parse((await connection.answer()).body).id.split('.')[0], String(i))
    assert.equal(textOf((await connection.answer()).body), 'x'.repeat(i))
  }
})

test('an error that leaves the framing intact keeps the connection', async t => {
  const connection = connect(t, server)
  connection.send(get('/nowhere') + get('/docs/%zz') + get('/healthz'))
  assertProblem(await connection.answer(), 404, 'not_found')
  assertProblem(await connection.answer(), 400, 'invalid_document_name')
  assert.equal((await connection.answer()).status, 200)
})

test('Connection: close is honoured', async t => {
  const connection = connect(t, server)
  connection.send(head(['GET /healthz HTTP/1.1', 'Host: x', 'Connection: close']))
  const answer = await connection.answer()
  assert.equal(answer.status, 200)
  assert.equal(answer.headers.connection, 'close')
  await connection.end()
})

test('HTTP/1.0 works, without Host, and closes unless asked to stay', async t => {
  const once = connect(t, server).send('GET /docs/victim HTTP/1.0\r\n\r\n')
  assert.equal((await once.answer()).status, 200)
  await once.end()
  const kept = connect(t, server).send('GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n')
  assert.equal((await kept.answer()).status, 200)
  kept.send('GET /healthz HTTP/1.0\r\n\r\n')
  assert.equal((await kept.answer()).status, 200)
  await kept.end()
})

test('Expect: 100-continue is answered before the body', async t => {
  const connection = connect(t, server)
  connection.send(postHead('expecting', `Content-Length: ${update.length}`, 'Expect: 100-continue'))
  assert.equal((await connection.answer()).status, 100)
  connection.send(update)
  assert.equal((await connection.answer()).status, 200)
})

test('Expect: 100-continue for what will be refused gets the refusal', async t => {
  const connection = connect(t, server)
  connection.send(postHead('expecting', 'Content-Length: 999999999', 'Expect: 100-continue'))
  assertProblem(await connection.answer(), 413, 'too_large')
})

test('chunked bodies, with extensions and trailers', async t => {
  const connection = connect(t, server)
  connection.send(postHead('chunked', 'Transfer-Encoding: chunked'))
  connection.send(chunk(update.subarray(0, 3)))
  connection.send(`${(update.length - 3).toString(16).toUpperCase()};name=value\r\n`).send(update.subarray(3)).send('\r\n')
  connection.send('0\r\nX-Trailer: y\r\n\r\n')
  assert.equal((await connection.answer()).status, 200)
  connection.send(get('/docs/chunked/state'))
  assert.equal(textOf((await connection.answer()).body), 'hello')
})

test('a body that ends early changes nothing', async t => {
  const connection = connect(t, server)
  connection.send(postHead('early', `Content-Length: ${update.length + 1}`)).send(update)
  connection.socket.end()
  await connection.closed
  assert.equal((await server.get('/docs/early')).json.created, null)
})

test('a target in absolute form is taken', async t => {
  for (const [target, status] of [
    ['http://x/healthz', 200], ['HTTP://x/healthz?a', 200], ['https://x:8443/healthz', 200], ['http://x/docs?limit=0', 400],
    ['http://x', 404], ['http://x?healthz', 404], ['http://x#a', 400], ['http://', 400], ['ftp://x/healthz', 400], ['//x/healthz', 404]
  ]) {
    const connection = connect(t, server).send(head([`GET ${target} HTTP/1.1`, 'Host: x']))
    assert.equal((await connection.answer()).status, status, target)
  }
})

test('empty lines before a request are ignored', async t => {
  const connection = connect(t, server).send(`\r\n\r\n${get('/healthz')}`)
  assert.equal((await connection.answer()).status, 200)
})

test('a body nobody asked for is read and dropped', async t => {
  const connection = connect(t, server)
  connection.send(head(['GET /healthz HTTP/1.1', 'Host: x', 'Content-Length: 5']) + 'hello' + get('/docs/victim'))
  assert.equal((await connection.answer()).status, 200)
  assert.equal((await connection.answer()).status, 200)
})

test('methods that a path does not have: 405, and Allow', async t => {
  const connection = connect(t, server)
  for (const [method, path, allowed] of [
    ['POST', '/docs', /GET/], ['DELETE', '/docs/x/state', /GET/], ['PATCH', '/docs/x', /PUT/], ['POST', '/docs/x/events', /GET/],
    ['POST', '/healthz', /GET/]
  ]) {
    connection.send(head([`${method} ${path} HTTP/1.1`, 'Host: x', 'Content-Length: 0']))
    const answer = await connection.answer()
    assertProblem(answer, 405, 'method_not_allowed')
    assert.match(answer.headers.allow, allowed)
  }
})

test('OPTIONS *: what the server knows as a whole', async t => {
  const connection = connect(t, server).send(head(['OPTIONS * HTTP/1.1', 'Host: x']))
  const answer = await connection.answer()
  assert.equal(answer.status, 204)
  assert.match(answer.headers.allow, /\bPUT\b/)
  assertProblem(await connect(t, server).send(head(['GET * HTTP/1.1', 'Host: x'])).answer(), 400, 'bad_request')
})

test('paths that are none: 404', async () => {
  for (const path of ['/', '/nope', '/docs/', '/docs/a/b', '/docs/a/updates/x', '/docs//updates', '/Docs/a', '/healthz/']) {
    assertProblem(await server.get(path), 404, 'not_found')
  }
})

test('every answer has a date, and none says too much', async () => {
  const answer = await server.get('/healthz')
  assert.ok(Math.abs(Date.parse(answer.headers.date) - Date.now()) < 60_000)
  assert.equal(answer.headers['x-powered-by'], undefined)
})

test('clients that go in the middle of things do no harm', async t => {
  const parts = [get('/docs/x'), postHead('gone', 'Content-Length: 100') + 'abc', 'GET /do', get('/docs/gone/events'),
    postHead('gone', 'Transfer-Encoding: chunked') + '5\r\nhe']
  for (const part of parts) {
    for (const reset of [true, false]) {
      const connection = connect(t, server)
      await new Promise(resolve => connection.socket.once('connect', resolve))
      await new Promise(resolve => connection.socket.write(Buffer.from(part, 'latin1'), resolve))
      if (reset) connection.socket.resetAndDestroy()
      else connection.socket.destroy()
      await connection.closed
    }
  }
  assert.equal((await server.get('/docs/gone')).json.created, null)
})

if (slow) test('heads that do not come: 408', async t => {
  const silent = connect(t, server)
  const half = connect(t, server).send('GET /healthz HTTP/1.1\r\nHost:')
  const used = connect(t, server).send(get('/healthz'))
  assert.equal((await used.answer()).status, 200)
  assertProblem(await half.answer(), 408, 'request_timeout')
  await half.end()
  assert.equal(await silent.end(), '', 'nothing at all is closed without an answer')
  used.send(get('/healthz'))
  assert.equal((await used.answer()).status, 200, 'a connection that was used may be idle for longer')
})

if (slow) test('a body that makes no progress: 408', async t => {
  const connection = connect(t, server).send(postHead('stalled', 'Content-Length: 10') + 'abc')
  await connection.closed
  assert.match(connection.received.toString(), /^HTTP\/1\.1 408 /)
})
