// What the contract names and this version does not have: refused clearly, and nothing is half done.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { file, startServer } from './server.mjs'
import { Writer } from './yjs.mjs'

const server = await startServer(file)
const update = new Writer().type('hello')
await server.post('doc', update)
const before = (await server.get('/docs/doc')).json

const later = {
  WebSocket: ['GET', '/ws/doc', {
    headers: { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' }
  }]
}

for (const [what, [method, path, options]] of Object.entries(later)) {
  test(`${what}: refused with a problem`, async () => {
    const answer = await server.request(method, path, options)
    assert.ok([400, 404, 405, 406, 501].includes(answer.status), String(answer.status))
    assert.match(answer.headers['content-type'], /^application\/problem\+json/)
    assert.equal(answer.json.status, answer.status)
    assert.match(answer.json.detail, /\w+ \w+/)
    assert.deepEqual((await server.get('/docs/doc')).json, before)
  })
}
