// --cors: who may call from a browser, and what others are not told.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { openStream } from './sse.mjs'
import { file, startServer } from './server.mjs'
import { Writer } from './yjs.mjs'

const origin = 'https://app.example'
const second = 'http://localhost:5173'
const server = await startServer(file, { args: ['--cors', origin, '--cors', second] })

const preflight = (path, from, method, fields) => server.request('OPTIONS', path, {
  headers: { origin: from, 'access-control-request-method': method, 'access-control-request-headers': fields }
})
const tokens = value => (value ?? '').toLowerCase().split(/\s*,\s*/)

test('preflights of an origin that is named', async () => {
  for (const from of [origin, second]) {
    for (const [path, method] of [['/docs/a/updates', 'POST'], ['/docs/a', 'PUT'], ['/docs/a', 'DELETE']]) {
      const answer = await preflight(path, from, method, 'content-type')
      assert.equal(answer.status, 204)
      assert.equal(answer.headers['access-control-allow-origin'], from)
      assert.ok(tokens(answer.headers['access-control-allow-methods']).includes(method.toLowerCase()))
      assert.ok(tokens(answer.headers['access-control-allow-headers']).includes('content-type'))
      assert.ok(tokens(answer.headers.vary).includes('origin'))
    }
  }
  const resume = await preflight('/docs/a/events', origin, 'GET', 'last-event-id')
  assert.ok(tokens(resume.headers['access-control-allow-headers']).includes('last-event-id'))
  const tagged = await preflight('/docs/a/state', origin, 'GET', 'if-none-match')
  assert.ok(tokens(tagged.headers['access-control-allow-headers']).includes('if-none-match'))
})

test('pages that are let in may send headers of their own, for what stands in front of weft', async () => {
  const asked = 'authorization, content-type,x-tenant'
  const answer = await preflight('/docs/a/updates', origin, 'POST', asked)
  assert.equal(answer.headers['access-control-allow-headers'], asked)
  const none = await server.request('OPTIONS', '/docs/a', { headers: { origin, 'access-control-request-method': 'PUT' } })
  assert.ok(tokens(none.headers['access-control-allow-headers']).includes('content-type'))
})

test('answers say who may read them, and which headers', async () => {
  const headers = { origin }
  const answers = [
    await server.get('/docs/a', headers), await server.get('/docs/a/state', headers),
    await server.post('a', new Writer().type('x'), { headers }), await server.delete('never')
  ].slice(0, 3)
  for (const answer of answers) {
    assert.equal(answer.headers['access-control-allow-origin'], origin)
    assert.deepEqual(tokens(answer.headers['access-control-expose-headers']).sort(),
      ['etag', 'event-id', 'event-reset', 'retry-after'])
    assert.ok(tokens(answer.headers.vary).includes('origin'))
  }
})

test('errors and streams say so too', async t => {
  const headers = { origin }
  const errors = [await server.get('/nowhere', headers), await server.get('/docs/%zz', headers),
    await server.post('a', [1, 2, 3], { headers }), await server.get('/docs/a/events?since=x', headers)]
  for (const answer of errors) {
    assert.ok(answer.status >= 400)
    assert.equal(answer.headers['access-control-allow-origin'], origin)
  }
  const stream = await openStream(t, server, 'a', { headers })
  assert.equal(stream.response.headers['access-control-allow-origin'], origin)
  assert.ok(tokens(stream.response.headers.vary).includes('origin'))
})

test('304 says so too, or the copy could not be used', async () => {
  const { headers } = await server.get('/docs/a/state', { origin })
  const answer = await server.get('/docs/a/state', { origin, 'if-none-match': headers.etag })
  assert.equal(answer.status, 304)
  assert.equal(answer.headers['access-control-allow-origin'], origin)
})

test('nothing for other origins, whatever they look like', async () => {
  for (const from of ['https://evil.example', 'https://app.example.evil.example', 'http://app.example', 'https://app.example:444',
    'null', 'https://app.exampl', `${origin}/`]) {
    for (const answer of [await server.get('/docs/a', { origin: from }), await preflight('/docs/a', from, 'PUT', 'content-type')]) {
      assert.equal(answer.headers['access-control-allow-origin'], undefined, from)
      assert.equal(answer.headers['access-control-expose-headers'], undefined, from)
      assert.ok(tokens(answer.headers.vary).includes('origin'), 'caches must still tell origins apart')
    }
  }
})

test('origins with ports and numbers, by flags or by variable', async t => {
  const origins = ['http://localhost:5173', 'https://[::1]:8443', 'tauri://localhost', 'https://a_b.example-1.org']
  for (const given of [{ args: origins.flatMap(each => ['--cors', each]) }, { env: { WEFT_CORS: ` ${origins.join('  ')} ` } }]) {
    const several = await startServer(t, given)
    for (const each of origins) {
      assert.equal((await several.get('/docs/a', { origin: each })).headers['access-control-allow-origin'], each)
    }
    assert.equal((await several.get('/docs/a', { origin: origins.join(' ') })).headers['access-control-allow-origin'], undefined)
  }
})

test('a server without --cors names nobody', async t => {
  const plain = await startServer(t)
  const answer = await plain.get('/docs/a', { origin })
  assert.equal(answer.headers['access-control-allow-origin'], undefined)
})
