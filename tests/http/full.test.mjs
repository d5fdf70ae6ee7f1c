// A data directory without room: 507, shown to nobody; reading goes on; writing works again when there is room.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import * as Y from 'yjs'

import { assertProblem } from './problem.mjs'
import { openStream, seqOf } from './sse.mjs'
import { startServer, tempDir } from './server.mjs'
import { OP, closeFrame, openSocket, step1, step2, syncSocket, update } from './ws.mjs'
import { Writer, randomText, textOf } from './yjs.mjs'

// The server runs in a mount namespace of its own, on a file system of 16 MB that goes when it ends. The test reaches
// it through /proc. (Root may make one; others need user namespaces.)
const smallDisk = t => {
  const dir = join(tempDir(t), 'disk')
  mkdirSync(dir)
  const flags = process.getuid() === 0 ? ['--mount'] : ['--mount', '--map-root-user']
  // Inside a chroot, "/" is no mount that could be made private; what then shows outside is taken away with the test.
  if (spawnSync('unshare', [...flags, 'true']).status !== 0) {
    flags.push('--propagation', 'unchanged')
    t.after(() => { spawnSync('umount', ['-l', dir]) })
  }
  const script = 'mount -t tmpfs -o size=16m weft-test "$0" && mkdir "$0/data" && exec "$@"'
  return { dir, data: join(dir, 'data'), command: ['unshare', ...flags, 'sh', '-c', script, dir] }
}

test('a full disk refuses writes and nothing else', async t => {
  const disk = smallDisk(t)
  const server = await startServer(t, { dir: disk.data, command: disk.command })
  const inside = `/proc/${server.pid}/root${disk.dir}`
  const ballast = join(inside, 'ballast')
  writeFileSync(ballast, Buffer.alloc(6 << 20, 1))
  assert.equal(statSync(ballast).size, 6 << 20)

  const writer = new Writer()
  const first = (await server.post('doc', writer.type('begin '))).json
  const stream = await openStream(t, server, 'doc')
  await stream.next()

  let head = first.id
  let full = null
  let refused
  for (let i = 0; i < 1000 && !full; i++) {
    refused = writer.type(randomText(50_000, i))
    const answer = await server.post('doc', refused)
    if (answer.status === 200) head = answer.json.id
    else full = answer
  }
  assertProblem(full, 507, 'storage_full')

  // Reads and streams go on, and see what was acknowledged and nothing else.
  const state = await server.get('/docs/doc/state')
  assert.equal(state.status, 200)
  const kept = writer.updates.slice(0, seqOf(head))
  assert.equal(textOf(state.body), textOf(...kept))
  assert.equal((await server.get('/docs/doc')).json.head, head)
  if (head !== first.id) await stream.reach(head)
  assert.equal(stream.lastId, head)
  assert.equal(stream.events.length, 0)
  const late = await openStream(t, server, 'doc')
  assert.equal((await late.next()).id, head)
  assert.equal((await server.get('/readyz')).status, 200)
  // Packing makes some room by itself; other documents meet the end of it as well.
  let other = null
  for (let i = 0; i < 1000 && other?.status !== 507; i++) other = await server.post('other', new Writer().type(randomText(50_000, i)))
  assertProblem(other, 507, 'storage_full')

  // There is room again: the same update is taken, with the next id, and the streams that stayed hear of it.
  rmSync(ballast)
  const again = await server.post('doc', refused)
  assert.equal(again.status, 200, again.text)
  assert.equal(seqOf(again.json.id), seqOf(head) + 1)
  assert.equal(again.json.changed, true)
  await stream.reach(again.json.id)
  assert.equal(stream.doc.getText('content').toString(), writer.text.toString())
})

test('a full disk closes a socket that writes with 1013, and it may come back', async t => {
  const disk = smallDisk(t)
  const server = await startServer(t, { dir: disk.data, command: disk.command })
  const ballast = join(`/proc/${server.pid}/root${disk.dir}`, 'ballast')
  writeFileSync(ballast, Buffer.alloc(6 << 20, 1))
  const writer = new Writer()
  const socket = await syncSocket(t, server, 'doc')
  // One update after the other: the socket gets each back, as its receipt.
  let frame
  for (let i = 0; frame?.code === undefined; i++) {
    socket.binary(update(writer.type(randomText(50_000, i))))
    do frame = await socket.frame(); while (frame.opcode !== OP.binary && frame.opcode !== OP.close)
  }
  assert.equal(frame.code, 1013)
  const kept = (await server.get('/docs/doc')).json.events
  assert.equal(kept, writer.updates.length - 1)
  socket.send(closeFrame(1013))
  await socket.end()

  rmSync(ballast)
  const again = await openSocket(t, server, 'doc')
  const { body } = await again.until('step1')
  again.binary(step2(Y.encodeStateAsUpdate(writer.doc, body))).binary(step1())
  while (again.text !== writer.text.toString()) await again.message()
})
