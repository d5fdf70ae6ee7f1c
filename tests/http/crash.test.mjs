// Killed without warning, under load, again and again: what was acknowledged is there, and readers resume.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as Y from 'yjs'

import { openStream, seqOf } from './sse.mjs'
import { inTime, startServer, tempDir } from './server.mjs'
import { Writer } from './yjs.mjs'

const KILLS = 20
const DOCS = ['one', 'two', 'three']
const WRITERS = 4 // for each document

const isSuperset = (state, update) => {
  const doc = new Y.Doc()
  Y.applyUpdate(doc, state)
  const before = Y.encodeStateAsUpdate(doc)
  Y.applyUpdate(doc, update)
  return Buffer.compare(Buffer.from(before), Buffer.from(Y.encodeStateAsUpdate(doc))) === 0
}

/** Writes until the server is gone; each acknowledged event is noted in `acked` (id -> update). */
const writeOn = async (server, doc, acked, onAck) => {
  const writer = new Writer()
  for (;;) {
    const update = writer.type('x')
    let answer
    try {
      answer = await server.post(doc, update)
    } catch {
      return
    }
    assert.equal(answer.status, 200)
    assert.equal(answer.json.changed, true)
    assert.ok(!acked.has(answer.json.id), `${answer.json.id} was given twice`)
    acked.set(answer.json.id, update)
    onAck()
  }
}

test(`killed ${KILLS} times under load, nothing acknowledged is lost`, { timeout: 240_000 }, async t => {
  const dir = tempDir(t)
  const docs = new Map(DOCS.map(doc => [doc, { acked: new Map(), position: null, copy: new Y.Doc() }]))

  for (let kill = 0; kill < KILLS; kill++) {
    const server = await startServer(t, { dir })
    const streams = []
    for (const [doc, known] of docs) {
      const { head, epoch } = (await server.get(`/docs/${doc}`)).json
      const seqs = [...known.acked.keys()].map(seqOf)
      assert.ok(seqs.every(seq => seq <= seqOf(head)), `${doc}: the head ${head} is behind what was acknowledged`)
      assert.ok(seqOf(head) <= Math.max(0, ...seqs) + (WRITERS + 1) * (kill + 1), `${doc}: ${head} counts what nobody wrote`)
      assert.ok(!known.epoch || known.epoch === epoch, `${doc}: another epoch`)
      known.epoch = epoch ?? known.epoch

      const probe = new Writer().type('p')
      const { id } = (await server.post(doc, probe)).json
      assert.equal(seqOf(id), seqOf(head) + 1, `${doc}: ids go on without a gap`)
      known.acked.set(id, probe)

      const stream = await openStream(t, server, doc, known.position ? { headers: { 'last-event-id': known.position } } : {})
      const first = await stream.next()
      assert.equal(first.type, 'sync', `${doc}: the position ${known.position} was kept (came ${first.type} ${first.data})`)
      Y.applyUpdate(known.copy, first.update)
      known.position = first.id
      streams.push([known, stream])
    }

    let count = 0
    let enough
    const loaded = new Promise(resolve => { enough = resolve })
    const onAck = () => { if (++count === 30 + 13 * kill) enough() }
    const writers = DOCS.flatMap(doc => Array.from({ length: WRITERS }, () => writeOn(server, doc, docs.get(doc).acked, onAck)))
    await inTime(loaded, 'acknowledged writes')
    await server.stop('SIGKILL')
    await Promise.all(writers)
    for (const [known, stream] of streams) {
      for (let event; (event = await stream.next()) !== null;) {
        if (!event.update) continue
        assert.ok(seqOf(event.id) > seqOf(known.position))
        Y.applyUpdate(known.copy, event.update)
        known.position = event.id
      }
    }
  }

  const server = await startServer(t, { dir })
  for (const [doc, { acked, position, copy }] of docs) {
    const state = (await server.get(`/docs/${doc}/state`)).body
    assert.ok(isSuperset(state, Y.mergeUpdates([...acked.values()])), `${doc}: an acknowledged event is missing`)
    const { events, head } = (await server.get(`/docs/${doc}`)).json
    assert.equal(events, seqOf(head), `${doc}: ids without gaps`)
    assert.ok(isSuperset(state, Y.encodeStateAsUpdate(copy)), `${doc}: a reader was shown what was not kept`)

    const stream = await openStream(t, server, doc, { headers: { 'last-event-id': position } })
    Y.applyUpdate(copy, (await stream.next()).update)
    assert.deepEqual(Buffer.from(Y.encodeStateVector(copy)), Buffer.from(Y.encodeStateVectorFromUpdate(state)),
      `${doc}: the reader that resumed each time has everything`)
  }
})

test('killed between a write and its answer, a retry settles it', async t => {
  const dir = tempDir(t)
  const update = new Writer().type('once')
  const first = await startServer(t, { dir })
  const sent = first.post('retry', update).catch(() => null)
  first.signal('SIGKILL')
  await Promise.all([sent, first.exited])
  const second = await startServer(t, { dir })
  assert.match((await second.post('retry', update)).json.id, /^1\./)
  assert.equal((await second.post('retry', update)).json.changed, false)
  assert.equal((await second.get('/docs/retry')).json.events, 1)
})
