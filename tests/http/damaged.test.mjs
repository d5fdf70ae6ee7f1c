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

/** A server on documents "bad", of three events, and "good", after `spoil` (its directory, the updates of "bad"). */
const startDamaged = async (t, spoil) => {
  const dir = tempDir(t)
  const server = await startServer(t, { dir })
  const writer = new Writer()
  for (const word of ['one ', 'two ', 'three']) await server.post('bad', writer.type(word))
  await server.post('good', new Writer().type('well'))
  await server.stop()
  spoil(dir, writer.updates)
  return startServer(t, { dir })
}

// Before the update stand its document's number, its sequence number, its time and the length of its user.
const ofSecondEvent = offset => (dir, updates) => damage(dir, Buffer.from(updates[1]), offset)
// Behind the length of its key and the key stand a name's checksum, and the number and epoch of its document.
const ofName = offset => dir => damage(dir, Buffer.from('\x03\x00bad'), 5 + offset)

for (const [what, spoil] of [
  ['update', ofSecondEvent(3)], ['seq', ofSecondEvent(-11)], ['number', ofSecondEvent(-19)],
  ['checksum of its name', ofName(2)], ['name', ofName(12)]
]) {
  test(`a document with a damaged ${what} is deleted`, async t => {
    const server = await startDamaged(t, spoil)
    assertProblem(await server.get('/docs/bad/state'), 503, 'storage_failed')
    assertProblem(await server.post('bad', new Writer().type('more')), 503, 'storage_failed')
    assert.deepEqual((await server.get('/docs')).json.docs, ['bad', 'good'])
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
