// Many documents, large documents, cold documents.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

import * as Y from 'yjs'

import { openStream, seqOf } from './sse.mjs'
import { file, inTime, slow, startServer } from './server.mjs'
import { Writer, randomText, textOf } from './yjs.mjs'

const server = await startServer(file)
const DOCS = 1000

const inBatches = async (count, size, work) => {
  for (let from = 0; from < count; from += size) {
    await Promise.all(Array.from({ length: Math.min(size, count - from) }, (_, i) => work(from + i)))
  }
}

test('a thousand documents open at once, each with a reader of its own', async t => {
  const writers = Array.from({ length: DOCS }, (_, i) => new Writer(i + 1))
  await inBatches(DOCS, 50, async i => {
    const { json } = await server.post(`many-${i}`, writers[i].type(`document ${i}`))
    assert.equal(json.changed, true)
  })
  const streams = []
  await inBatches(DOCS, 50, async i => { streams[i] = await openStream(t, server, `many-${i}`) })
  await inBatches(DOCS, 50, async i => {
    assert.equal((await streams[i].next()).type, 'sync')
    await server.post(`many-${i}`, writers[i].type('!'))
  })
  await inBatches(DOCS, 50, async i => {
    await streams[i].reach('2')
    assert.equal(streams[i].doc.getText('content').toString(), `document ${i}!`)
    streams[i].close()
  })
})

test('documents that nobody reads any more come back as they were', async () => {
  await inBatches(DOCS, 50, async i => {
    assert.equal(textOf((await server.get(`/docs/many-${i}/state`)).body), `document ${i}!`)
  })
})

/** The value of one of the server's numbers. */
const metric = async (of, name) => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec((await of.get('/metrics')).text)[1])

if (slow) test('documents that nobody reads are unloaded, which writes nothing, and come back', async t => {
  const own = await startServer(t)
  const writer = new Writer()
  const { id } = (await own.post('idle', writer.type('before '))).json
  assert.equal(await metric(own, 'weft_rooms'), 1)
  const commits = await metric(own, 'weft_commits_total')
  await inTime((async () => { while (await metric(own, 'weft_rooms') > 0); })(), 'the document to be unloaded')
  assert.equal(await metric(own, 'weft_commits_total'), commits)

  const stream = await openStream(t, own, 'idle', { headers: { 'last-event-id': id } })
  assert.equal((await stream.next()).data, 'AAA=', 'the position is still good')
  await own.post('idle', writer.type('after'))
  await stream.reach('2')
  assert.equal(textOf((await own.get('/docs/idle/state')).body), 'before after')
})

test('writers and readers racing with the load of a cold document lose nothing', async t => {
  const first = await startServer(t)
  const author = new Writer(1)
  for (let i = 0; i < 40; i++) await first.post('cold', author.type(randomText(5_000, i)))
  await first.stop()

  const second = await startServer(t, { dir: first.dir })
  const writers = [new Writer(2), new Writer(3)]
  const [stream, , state, ...answers] = await Promise.all([
    openStream(t, second, 'cold', { headers: { 'last-event-id': '40' } }),
    second.get('/docs/cold'),
    second.get('/docs/cold/state'),
    ...writers.flatMap(writer => [1, 2, 3, 4, 5].map(n => second.post('cold', writer.type(String(n)))))
  ])
  assert.ok(textOf(state.body).length >= 200_000)
  assert.ok(answers.every(answer => answer.status === 200 && answer.json.changed))
  assert.deepEqual(answers.map(answer => seqOf(answer.json.id)).sort((a, b) => a - b),
    Array.from({ length: 10 }, (_, i) => 41 + i))
  while (seqOf(stream.lastId || '0') < 50) await stream.next()
  Y.applyUpdate(stream.doc, author.state)
  const text = textOf((await second.get('/docs/cold/state')).body)
  assert.equal(text.length, 200_000 + 10)
  assert.equal(stream.doc.getText('content').toString(), text)
})

test('a document of a megabyte opens and is edited', async t => {
  const author = new Writer(1)
  for (let i = 0; i < 50; i++) author.text.insert((i * 7919) % (author.text.length + 1), randomText(20_000, i))
  assert.ok(author.state.length > 1_000_000)
  const first = await startServer(t)
  assert.equal((await first.post('large', author.state)).json.changed, true)
  await first.stop()

  const second = await startServer(t, { dir: first.dir })
  const stream = await openStream(t, second, 'large')
  const sync = await stream.next()
  assert.equal(textOf(sync.update), author.text.toString())
  author.text.insert(500_000, 'here')
  await second.post('large', author.updates.at(-1))
  const update = await stream.reach('2')
  assert.ok(update.update.length < 200, 'an edit is as large as the edit')
  assert.equal(stream.doc.getText('content').toString(), author.text.toString())
})

const statusBytes = (of, field) =>
  Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${of.pid}/status`, 'utf8'))[1]) * 1024

// A sanitizer has a malloc of its own, and reserves terabytes.
const sanitized = of => statusBytes(of, 'VmSize') > 2 ** 40

test('what it took to put a large text together is given back', async t => {
  const own = await startServer(t)
  if (sanitized(own)) return t.skip('a sanitizer keeps what is freed')
  const MiB = 1 << 20
  const writers = Array.from({ length: 8 }, (_, i) => new Writer(i + 1))
  await Promise.all(writers.map(async (writer, w) => {
    for (let i = 0; i < 40; i++) await own.post('put-together', writer.type(String(w).repeat(40_000)))
  }))
  const idle = async () => statusBytes(own, 'RssAnon') - await metric(own, 'weft_document_bytes')
  await inTime((async () => { while (await idle() > 24 * MiB); })(), 'memory that holds no document to be given back')
})

test('a document of many small edits opens and is edited', async t => {
  const author = new Writer(1)
  const updates = []
  for (let i = 0; i < 3000; i++) {
    author.text.insert((i * 7919) % (author.text.length + 1), 'ab')
    updates.push(author.updates.at(-1))
  }
  await server.post('edits', updates[0])
  await inBatches(updates.length - 1, 60, i => server.post('edits', updates[i + 1]))
  assert.equal(textOf((await server.get('/docs/edits/state')).body), author.text.toString())
})

test('many readers of one document all hear everything', async t => {
  const readers = await Promise.all(Array.from({ length: 200 }, () => openStream(t, server, 'hall')))
  const author = new Writer()
  for (let i = 0; i < 20; i++) await server.post('hall', author.type('x'))
  for (const reader of readers) {
    await reader.reach('20')
    assert.equal(reader.doc.getText('content').toString(), 'x'.repeat(20))
    reader.close()
  }
})
