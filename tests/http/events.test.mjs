// GET /docs/{doc}/events: one sync, then updates; resuming never fails.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as Y from 'yjs'

import { assertProblem } from './problem.mjs'
import { connect } from './raw.mjs'
import { epochOf, eventParser, openStream, seqOf } from './sse.mjs'
import { file, inTime, slow, startServer } from './server.mjs'
import { EMPTY, Writer, base64url, randomText, textOf } from './yjs.mjs'

const server = await startServer(file)

/** Writes these words to `doc`, each an event; the writer, with the ids. */
const written = async (doc, ...words) => {
  const writer = new Writer()
  writer.ids = []
  for (const word of words) writer.ids.push((await server.post(doc, writer.type(word))).json.id)
  return writer
}

const contentOf = stream => stream.doc.getText('content').toString()

test('the head of a stream', async t => {
  const stream = await openStream(t, server, 'head')
  const { statusCode, headers } = stream.response
  assert.equal(statusCode, 200)
  assert.match(headers['content-type'], /^text\/event-stream(; ?charset=utf-8)?$/i)
  assert.equal(headers['cache-control'], 'no-store, no-transform')
  assert.equal(headers['x-accel-buffering'], 'no')
  await stream.next()
  assert.ok(stream.retry >= 1000 && stream.retry <= 5000, `retry: ${stream.retry}`)
})

test('retry is drawn for each stream', async t => {
  const retries = new Set()
  for (let i = 0; i < 20; i++) {
    const stream = await openStream(t, server, 'retries')
    await stream.next()
    retries.add(stream.retry)
    stream.close()
  }
  assert.ok(retries.size > 1)
})

test('an empty document: sync with the empty update and id 0', async t => {
  const stream = await openStream(t, server, 'nobody-wrote')
  const sync = await stream.next()
  assert.equal(sync.type, 'sync')
  assert.equal(sync.id, '0')
  assert.equal(sync.data, 'AAA=')
})

test('sync holds the whole state, then each update comes with its id', async t => {
  const writer = await written('follow', 'one ', 'two ')
  const stream = await openStream(t, server, 'follow')
  const sync = await stream.next()
  assert.equal(sync.type, 'sync')
  assert.equal(sync.id, writer.ids[1])
  assert.equal(textOf(sync.update), 'one two ')

  const { id } = (await server.post('follow', writer.type('three'))).json
  const update = await stream.next()
  assert.equal(update.type, 'update')
  assert.equal(update.id, id)
  assert.equal(contentOf(stream), 'one two three')
})

test('a reader that was there before anyone wrote hears the first event', async t => {
  const stream = await openStream(t, server, 'early')
  await stream.next()
  const writer = await written('early', 'first')
  const update = await stream.next()
  assert.equal(update.type, 'update')
  assert.equal(update.id, writer.ids[0])
})

test('the sender, too, gets its update; a retry that changes nothing is sent to nobody', async t => {
  const writer = new Writer()
  const stream = await openStream(t, server, 'receipt')
  await stream.next()
  const first = writer.type('a')
  await server.post('receipt', first)
  await stream.reach('1')
  await server.post('receipt', first)
  const { id } = (await server.post('receipt', writer.type('b'))).json
  assert.equal((await stream.next()).id, id)
})

test('under load events may share an update, and none is missing', async t => {
  const stream = await openStream(t, server, 'load')
  await stream.next()
  const writers = Array.from({ length: 8 }, () => new Writer())
  const ids = (await Promise.all(writers.map(async writer => {
    let id
    for (let i = 0; i < 40; i++) ({ id } = (await server.post('load', writer.type('x'))).json)
    return id
  })))
  assert.equal(Math.max(...ids.map(seqOf)), 320)
  let before = 0
  while (before < 320) {
    const { type, id } = await stream.next()
    assert.equal(type, 'update')
    assert.ok(seqOf(id) > before, 'ids grow')
    before = seqOf(id)
    assert.ok(contentOf(stream).length >= before, `all events up to ${before} are there`)
  }
  assert.equal(contentOf(stream).length, 320)
})

test('resuming with Last-Event-ID: what came after, and no more than that', async t => {
  const writer = await written('resume', 'one ', 'two ', 'three ')
  const stream = await openStream(t, server, 'resume', { headers: { 'last-event-id': writer.ids[0] } })
  const sync = await stream.next()
  assert.equal(sync.type, 'sync', 'no reset')
  assert.equal(sync.id, writer.ids[2])
  Y.applyUpdate(stream.doc, writer.updates[0])
  assert.equal(contentOf(stream), 'one two three ')
})

test('resuming at the head: sync says nothing new', async t => {
  const writer = await written('at-head', 'one ', 'two ')
  for (const query of [`?since=${writer.ids[1]}`, '?since=2', '?since=latest']) {
    const stream = await openStream(t, server, 'at-head', { query })
    const sync = await stream.next()
    assert.equal(sync.type, 'sync')
    assert.equal(sync.id, writer.ids[1])
    assert.equal(sync.data, 'AAA=', query)
    stream.close()
  }
})

test('the position is Last-Event-ID, then since, then sv, then nothing', async t => {
  const writer = await written('order', 'one ', 'two ', 'three')
  const sv = base64url(writer.stateVector)
  const open = async (query, headers) => {
    const stream = await openStream(t, server, 'order', { query, headers })
    const sync = await stream.next()
    stream.close()
    return sync.update.length
  }
  const whole = await open('')
  assert.equal(await open('?since=latest', { 'last-event-id': '0' }), whole)
  assert.equal(await open(`?since=0&sv=${sv}`), whole)
  assert.ok(await open(`?sv=${sv}`) < whole)
  assert.ok(await open('?since=0', { 'last-event-id': writer.ids[2] }) < whole)
})

test('since=latest: only what comes from now on', async t => {
  const writer = await written('latest', 'before ')
  const stream = await openStream(t, server, 'latest', { query: '?since=latest' })
  assert.equal((await stream.next()).data, 'AAA=')
  await server.post('latest', writer.type('after'))
  await stream.reach('2')
  Y.applyUpdate(stream.doc, writer.updates[0])
  assert.equal(contentOf(stream), 'before after')
})

test('sv: what the state vector lacks, and always the deletions', async t => {
  const writer = await written('vector', 'hello ')
  const reader = new Writer()
  reader.receive(writer.state)
  await server.post('vector', writer.delete(0, 2))
  const stream = await openStream(t, server, 'vector', { query: `?sv=${base64url(reader.stateVector)}` })
  const sync = await stream.next()
  assert.equal(sync.type, 'sync')
  reader.receive(sync.update)
  assert.equal(reader.text.toString(), 'llo ')
  assert.ok(sync.update.length < writer.state.length)
})

test('positions that are gone get the whole state, and the reader is told why', async t => {
  const writer = await written('resets', 'one ', 'two ')
  const epoch = epochOf(writer.ids[0])
  const otherEpoch = epoch === '00000000' ? '00000001' : '00000000'
  for (const id of [`1.${otherEpoch}`, `99.${epoch}`, '99']) {
    for (const [query, headers] of [['', { 'last-event-id': id }], [`?since=${id}`, {}]]) {
      const stream = await openStream(t, server, 'resets', { query, headers })
      const reset = await stream.next()
      assert.equal(reset.type, 'reset', `${query} ${JSON.stringify(headers)}`)
      assert.deepEqual(JSON.parse(reset.data), { reason: 'unknown' })
      const sync = await stream.next()
      assert.equal(sync.type, 'sync')
      assert.equal(sync.id, writer.ids[1])
      assert.equal(textOf(sync.update), 'one two ')
      stream.close()
    }
  }
})

test('a Last-Event-ID that is no id gets the whole state; a since that is none is refused', async t => {
  const writer = await written('no-ids', 'one ')
  for (const id of ['garbage', '1.xyz', '-1', '1.2.3', '99999999999999999999.00000000']) {
    const stream = await openStream(t, server, 'no-ids', { headers: { 'last-event-id': id } })
    const sync = await stream.until(event => event.type === 'sync')
    assert.equal(sync.id, writer.ids[0])
    assert.equal(textOf(sync.update), 'one ')
    stream.close()
  }
  for (const query of ['?since=garbage', '?since=1.xyz', '?since=', '?sv=%%%', '?sv=!!!!', `?sv=${base64url([5])}`,
    '?client=x', '?client=-1', '?client=']) {
    assertProblem(await server.get(`/docs/no-ids/events${query}`), 400, 'bad_request')
  }
})

test('an id for a document that does not exist is unknown', async t => {
  const stream = await openStream(t, server, 'never-was', { headers: { 'last-event-id': '5.0badcafe' } })
  const reset = await stream.next()
  assert.equal(reset.type, 'reset')
  assert.deepEqual(JSON.parse(reset.data), { reason: 'unknown' })
  assert.equal((await stream.next()).data, 'AAA=')
})

test('deleting ends the streams; EventSources that come back are stopped by 204', async t => {
  await written('deleted', 'x')
  const stream = await openStream(t, server, 'deleted')
  await stream.next()
  await server.delete('deleted')
  const last = await stream.next()
  assert.equal(last.type, 'deleted')
  assert.deepEqual(JSON.parse(last.data), {})
  assert.equal(await stream.next(), null)
  for (const headers of [{}, { 'last-event-id': '1' }]) {
    const again = await server.get('/docs/deleted/events', headers)
    assert.equal(again.status, 204)
    assert.equal(again.body.length, 0)
  }
})

test('that a document is deleted is not kept: its name may come back', async t => {
  await written('not-kept', 'x')
  await server.delete('not-kept')
  const answer = await server.get('/docs/not-kept/events')
  assert.equal(answer.status, 204)
  assert.equal(answer.headers['cache-control'], 'no-store')
})

test('who comes back after a deletion and a new life is told to drop the copy', async t => {
  const writer = await written('reborn', 'old')
  await server.delete('reborn')
  await server.put('reborn', new Writer().type('new'))
  const stream = await openStream(t, server, 'reborn', { headers: { 'last-event-id': writer.ids[0] } })
  const reset = await stream.next()
  assert.equal(reset.type, 'reset')
  assert.deepEqual(JSON.parse(reset.data), { reason: 'deleted' })
  const sync = await stream.next()
  assert.equal(textOf(sync.update), 'new')
})

test('pending updates are passed on, and kept for those who come later', async t => {
  const stream = await openStream(t, server, 'pending')
  await stream.next()
  const writer = new Writer()
  writer.type('a')
  await server.post('pending', writer.type('b'))
  await stream.reach('1')
  assert.equal(contentOf(stream), '')
  const later = await openStream(t, server, 'pending')
  const sync = await later.next()
  assert.equal(textOf(sync.update, writer.updates[0]), 'ab')
  await server.post('pending', writer.updates[0])
  await stream.reach('2')
  assert.equal(contentOf(stream), 'ab')
})

test('HEAD answers with the head of a stream, at once, and no more', async t => {
  const connection = connect(t, server)
  connection.send('HEAD /docs/follow/events HTTP/1.1\r\nHost: x\r\n\r\n')
  const answer = await connection.answer({ headOnly: true })
  assert.equal(answer.status, 200)
  assert.match(answer.headers['content-type'], /^text\/event-stream/)
  assert.equal(answer.headers['content-length'], undefined)
  connection.destroy()
  assert.equal((await server.get('/docs/follow')).json.readers, 0)
})

test('streams work over HTTP/1.0', async t => {
  await written('old-http', 'hello')
  const connection = connect(t, server)
  connection.send('GET /docs/old-http/events HTTP/1.0\r\n\r\n')
  await inTime(new Promise(resolve => connection.socket.on('data', () => {
    if (/^event: sync$/m.test(connection.received.toString())) resolve()
  })), 'the sync')
  assert.doesNotMatch(connection.received.toString(), /transfer-encoding/i)
})

test('a reader that does not keep up is sent one merged update when it reads again', async t => {
  const writer = new Writer()
  await server.post('slow-reader', writer.type('begin '))
  const connection = connect(t, server)
  connection.send('GET /docs/slow-reader/events HTTP/1.1\r\nHost: x\r\n\r\n')
  await inTime(new Promise(resolve => connection.socket.once('data', resolve)), 'the beginning')
  connection.socket.pause()

  const posts = 400
  let id
  for (let i = 0; i < posts; i++) ({ id } = (await server.post('slow-reader', writer.type(randomText(20_000, i)))).json)

  const doc = new Y.Doc()
  const parse = eventParser()
  const ids = []
  await inTime(new Promise((resolve, reject) => {
    let head = ''
    const take = text => parse(text).forEach(event => {
      if (event.type !== 'sync' && event.type !== 'update') return
      if (event.data === null) return
      ids.push(seqOf(event.id))
      Y.applyUpdate(doc, Buffer.from(event.data, 'base64'))
      if (event.id === id) resolve()
    })
    const feed = text => {
      if (head === null) return take(text)
      head += text
      const end = head.indexOf('\r\n\r\n')
      if (end < 0) return
      const rest = head.slice(end + 4)
      head = null
      take(rest)
    }
    feed(connection.received.toString())
    connection.socket.on('data', part => feed(part.toString()))
    connection.socket.on('close', () => reject(new Error(`cut off after ${ids}`)))
    connection.socket.resume()
  }), 'the reader to catch up')

  assert.equal(doc.getText('content').toString(), writer.text.toString())
  assert.deepEqual(ids, [...new Set(ids)].sort((a, b) => a - b), 'ids grow')
  assert.ok(ids.length < posts, `${ids.length} events for ${posts} posts`)
  assert.ok(Math.max(...ids.map((seq, i) => seq - (ids[i - 1] ?? 0))) > 50, 'what was missed came in one piece')
})

test('the numbers of a document count its streams, and forget those that went', async t => {
  await written('counted', 'x')
  const streams = await Promise.all([1, 2, 3].map(() => openStream(t, server, 'counted')))
  await Promise.all(streams.map(stream => stream.next()))
  assert.equal((await server.get('/docs/counted')).json.readers, 3)
  streams[0].close()
  await inTime((async () => {
    while ((await server.get('/docs/counted')).json.readers !== 2);
  })(), 'the stream to be gone')
})

if (slow) test('a comment comes every 15 s', async t => {
  const stream = await openStream(t, server, 'comments')
  await stream.next()
  await inTime(new Promise(resolve => stream.response.on('data', () => { if (stream.comments > 0) resolve() })), 'a comment')
})

test('an empty update reaches nobody', async t => {
  const stream = await openStream(t, server, 'empty-post')
  await stream.next()
  await server.post('empty-post', EMPTY)
  const writer = await written('empty-post', 'x')
  assert.equal((await stream.next()).id, writer.ids[0])
})
