// Documents that the disk has damaged: they can be deleted, for good, and no other document notices.
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { assertProblem } from './problem.mjs'
import { startServer, tempDir } from './server.mjs'
import { Writer } from './yjs.mjs'

/** Flips one bit, `offset` bytes from wherever `bytes` stand in the file. */
const damage = (dir, bytes, offset) => {
  const path = join(dir, 'data.mdb')
  const whole = readFileSync(path)
  for (let at = whole.indexOf(bytes); at >= 0; at = whole.indexOf(bytes, at + 1)) whole[at + offset] ^= 0x10
  writeFileSync(path, whole)
}

/** A server on documents "bad", of three events, whose second is damaged, and "good". */
const startDamaged = async (t, offset) => {
  const dir = tempDir(t)
  const server = await startServer(t, { dir })
  const writer = new Writer()
  for (const word of ['one ', 'two ', 'three']) await server.post('bad', writer.type(word))
  await server.post('good', new Writer().type('well'))
  await server.stop()
  damage(dir, Buffer.from(writer.updates[1]), offset)
  return startServer(t, { dir })
}

// Before the update stand its document's number, its sequence number, its time and the length of its user.
for (const [what, offset] of [['update', 3], ['seq', -11], ['number', -19]]) {
  test(`a document with a damaged ${what} is deleted`, async t => {
    const server = await startDamaged(t, offset)
    assertProblem(await server.get('/docs/bad/state'), 503, 'storage_failed')
    assertProblem(await server.post('bad', new Writer().type('more')), 503, 'storage_failed')
    assert.equal((await server.delete('bad')).status, 204)
    assertProblem(await server.get('/docs/bad/state'), 410, 'document_deleted')
    assert.match((await server.get('/metrics')).text, /^weft_documents_damaged 0$/m)
    await server.stop('SIGKILL')
    const again = await startServer(t, { dir: server.dir })
    assertProblem(await again.post('bad', new Writer().type('more')), 410, 'document_deleted')
    assert.deepEqual((await again.get('/docs')).json.docs, ['good'])
    assert.equal((await again.get('/docs/good')).json.events, 1)
    assert.equal((await again.delete('bad')).status, 204, 'as often as one likes')
    assert.equal((await again.put('bad', new Writer().type('anew'))).status, 201)
    assert.equal((await again.get('/docs/bad')).json.events, 1)
  })
}
