// GET /docs/{doc}/history: every event, by id, as pages, lines and a stream.
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import { join } from 'node:path'
import { test } from 'node:test'

import * as Y from 'yjs'

import { assertProblem } from './problem.mjs'
import { connect } from './raw.mjs'
import { docPath, file, inTime, startServer } from './server.mjs'
import { eventParser, seqOf } from './sse.mjs'
import { Writer, randomText } from './yjs.mjs'

const server = await startServer(file)

const LINES = 'application/x-ndjson'
const STREAM = 'text/event-stream'

const historyPath = (doc, query = '') => `${docPath(doc)}/history${query}`
const history = (doc, query, headers, of = server) => of.get(historyPath(doc, query), headers)
const page = async (doc, query) => (await history(doc, query)).json
const linesOf = answer => answer.text.split('\n').slice(0, -1).map(line => JSON.parse(line))
const lines = async (doc, query, of = server) => linesOf(await history(doc, query, { accept: LINES }, of))
const streamed = answer => eventParser()(answer.text)

/** Writes a document of `words`, one event each; what the writer had after each, by id. */
const written = async (doc, words, of = server) => {
  const writer = new Writer()
  const after = []
  for (const word of words) {
    const { id } = (await of.post(doc, writer.type(word))).json
    after.push({ id, state: writer.state })
  }
  return { writer, after, ids: after.map(({ id }) => id) }
}

/** A document with an event for each text, by several writers at once. */
const writeMany = async (doc, texts, of = server) => {
  const next = texts.values()
  await Promise.all(Array.from({ length: 16 }, async (_, i) => {
    const writer = new Writer(i + 1)
    for (const text of next) assert.equal((await of.post(doc, writer.type(text))).status, 200)
  }))
}

/** Texts of `length` characters, each another one. */
const someLetters = randomText(1 << 20)
const longTexts = (count, length) => Array.from({ length: count }, (_, i) =>
  `${i}:${someLetters.repeat(Math.ceil(length / someLetters.length))}`.slice(0, length))

/** Opens a history and reads nothing of it before it is told to. */
const openSlowly = (t, doc, accept, of = server) => inTime(new Promise((resolve, reject) => {
  const req = http.get({ host: '127.0.0.1', port: of.port, path: historyPath(doc), headers: { accept }, agent: false }, res => {
    res.pause()
    resolve(res)
  })
  req.on('error', reject)
  t.after(() => req.destroy())
}), 'the head of a history')

/** The rest of what was opened: { text, complete }. */
const readAll = res => inTime(new Promise(resolve => {
  let text = ''
  res.setEncoding('utf8').on('data', part => { text += part })
  res.on('error', () => {})
  res.on('close', () => resolve({ text, complete: res.complete }))
  res.resume()
}), 'the rest of a history')

// ---- what events say

test('an event is told with its id, time, size, clients and update', async () => {
  const writer = new Writer(77)
  const before = Date.now()
  const first = (await server.post('told', writer.type('hello'))).json.id
  const second = (await server.post('told', writer.delete(0, 2))).json.id
  const answer = await history('told')
  assert.equal(answer.status, 200)
  assert.equal(answer.headers['content-type'], 'application/json')
  const { events, next } = answer.json
  assert.equal(next, null)
  assert.deepEqual(events.map(({ time, ...rest }) => rest), [
    { id: first, bytes: writer.updates[0].length, clients: [77], user: null, update: Buffer.from(writer.updates[0]).toString('base64') },
    { id: second, bytes: writer.updates[1].length, clients: [], user: null, update: Buffer.from(writer.updates[1]).toString('base64') }
  ])
  for (const { time } of events) {
    assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    assert.ok(Date.parse(time) >= before - 1 && Date.parse(time) <= Date.now() + 1, time)
  }
})

test('clients are those with structs, of merged updates too', async () => {
  const [a, b] = [new Writer(1), new Writer(2)]
  const update = Y.mergeUpdates([a.type('a'), b.type('b')])
  await server.post('several', update)
  const [{ clients }] = (await page('several')).events
  assert.deepEqual(clients.sort(), [1, 2])
})

test('updates=false leaves the updates out', async () => {
  await written('bare', ['one', 'two'])
  const { events } = await page('bare', '?updates=false')
  for (const event of events) assert.deepEqual(Object.keys(event), ['id', 'time', 'bytes', 'clients', 'user'])
  assert.deepEqual(await lines('bare', '?updates=false'), events)
  assert.ok((await page('bare', '?updates=true')).events.every(event => event.update))
})

test('encoding=v2 gives the updates in the other format', async () => {
  const { writer } = await written('v2', ['one', 'two'])
  const expected = writer.updates.map(update => Buffer.from(Y.convertUpdateFormatV1ToV2(update)).toString('base64'))
  assert.deepEqual((await page('v2', '?encoding=v2')).events.map(e => e.update), expected)
  assert.deepEqual((await lines('v2', '?encoding=v2')).map(e => e.update), expected)
  assert.deepEqual(streamed(await history('v2', '?encoding=v2', { accept: STREAM })).map(e => e.data), expected)
  assert.deepEqual((await page('v2', '?encoding=v1')).events.map(e => e.bytes), writer.updates.map(u => u.length))
})

// ---- replay

/** Edits of every kind, from a seed; several transactions by several people. */
const session = seed => {
  let state = seed
  const below = max => { state = (Math.imul(state, 1664525) + 1013904223) >>> 0; return (state >>> 8) % max }
  const people = [11, 12, 13].map(client => new Writer(client))
  const updates = []
  for (let step = 0; step < 60; step++) {
    const who = people[below(3)]
    const { doc } = who
    doc.transact(() => {
      const text = doc.getText('content')
      switch (below(6)) {
        case 0: text.insert(below(text.length + 1), randomText(1 + below(9), step)); break
        case 1: text.delete(below(text.length + 1), 0); doc.getArray('list').push([{ step }, `n${step}`]); break
        case 2: if (text.length > 4) text.delete(below(text.length - 3), 3); else text.insert(0, 'abcd'); break
        case 3: if (text.length > 1) text.format(0, below(text.length) + 1, { bold: below(2) === 0 }); else text.insert(0, 'x'); break
        case 4: doc.getMap('meta').set(`k${below(4)}`, new Y.Map([['step', step]])); break
        default: doc.getXmlFragment('xml').insert(0, [new Y.XmlElement(`p${step}`)])
      }
    })
    const update = who.updates.at(-1)
    if (update !== updates.at(-1)) updates.push(update)
    if (below(3) > 0) for (const other of people) if (other !== who) other.receive(update)
  }
  return [...new Set(updates)]
}

const contentOf = doc => ({
  text: doc.getText('content').toDelta(),
  list: doc.getArray('list').toJSON(),
  meta: doc.getMap('meta').toJSON(),
  xml: doc.getXmlFragment('xml').toString(),
  sv: Buffer.from(Y.encodeStateVector(doc)).toString('hex')
})

test('replaying the events in order gives the state at each id', async () => {
  for (const seed of [1, 2, 3]) {
    const doc = `replay-${seed}`
    const there = new Y.Doc()
    const expected = new Map()
    for (const update of session(seed)) {
      const { id, changed } = (await server.post(doc, update)).json
      Y.applyUpdate(there, update)
      if (changed) expected.set(id, contentOf(there))
    }
    const replayed = new Y.Doc()
    const events = await lines(doc)
    assert.deepEqual(events.map(({ id }) => id), [...expected.keys()])
    for (const { id, update } of events) {
      Y.applyUpdate(replayed, Buffer.from(update, 'base64'))
      assert.deepEqual(contentOf(replayed), expected.get(id), `${doc} at ${id}`)
      // Yjs tidies formats after each update it applies, so it is given all up to here at once, as the state is.
      const [asked, merged] = [new Y.Doc(), new Y.Doc()]
      Y.applyUpdate(asked, (await server.get(`${docPath(doc)}/state?at=${id}`)).body)
      Y.applyUpdate(merged, Y.mergeUpdates(events.slice(0, seqOf(id)).map(event => Buffer.from(event.update, 'base64'))))
      assert.deepEqual(contentOf(asked), contentOf(merged), `state of ${doc} at ${id}`)
    }
  }
})

// ---- ranges and pages

test('after is exclusive, until inclusive, with and without the epoch', async () => {
  const { ids } = await written('range', ['a', 'b', 'c', 'd', 'e'])
  const got = async query => (await page('range', query)).events.map(({ id }) => id)
  assert.deepEqual(await got(`?after=${ids[1]}`), ids.slice(2))
  assert.deepEqual(await got(`?after=2&until=${ids[3]}`), ids.slice(2, 4))
  assert.deepEqual(await got('?after=0&until=5'), ids)
  assert.deepEqual(await got(`?until=${ids[0]}`), ids.slice(0, 1))
  assert.deepEqual(await got('?until=0'), [])
  assert.deepEqual(await got('?after=5'), [])
  assert.deepEqual(await got('?after=4&until=2'), [])
  assert.deepEqual(await got(`?after=${encodeURIComponent(ids[3]).replace('.', '%2e')}`), ids.slice(4))
})

test('pages: 100 events unless told, at most 1000, and next leads on', async () => {
  await writeMany('pages', Array.from({ length: 1105 }, (_, i) => `${i}`))
  assert.equal((await page('pages')).events.length, 100)
  const most = await page('pages', '?limit=5000&updates=false')
  assert.equal(most.events.length, 1000)
  assert.equal(seqOf(most.next), 1000)
  const seqs = []
  for (let next = '0'; next !== null;) {
    const found = await page('pages', `?after=${next}&limit=97&until=1100`)
    seqs.push(...found.events.map(({ id }) => seqOf(id)))
    next = found.next
  }
  assert.deepEqual(seqs, Array.from({ length: 1100 }, (_, i) => i + 1))
  assert.equal((await page('pages', '?after=1005&limit=100')).next, null, 'a full page may be the last')
  assert.equal((await lines('pages', '')).length, 1105, 'lines have no limit')
  assert.equal((await lines('pages', '?limit=1003')).length, 1003, 'unless one is given')
})

test('ids are the same after a restart, and after packing', async t => {
  const first = await startServer(t)
  const { after } = await written('kept', Array.from({ length: 50 }, (_, i) => `word ${i} `), first)
  const before = (await history('kept', '?limit=50', {}, first)).json.events
  assert.deepEqual(before.map(({ id }) => id), after.map(({ id }) => id))
  await first.stop()

  const second = await startServer(t, { dir: first.dir })
  assert.deepEqual((await history('kept', '?limit=50', {}, second)).json.events, before)
  // Enough of another document that the oldest events are packed.
  const used = async () => Number(/^weft_storage_used_bytes (\d+)$/m.exec((await second.get('/metrics')).text)[1])
  const other = new Writer()
  const grow = async () => {
    for (let last = 0, now = await used(); now >= last; last = now, now = await used()) {
      await second.post('other', other.type(someLetters.slice(0, 1 << 16)))
    }
  }
  await inTime(grow(), 'events to be packed, which takes less room')
  assert.deepEqual((await history('kept', '?limit=50', {}, second)).json.events, before)
  assert.deepEqual((await lines('other', '', second)).map(({ update }) => update), other.updates.map(u => Buffer.from(u).toString('base64')))
})

// ---- forms

test('Accept chooses the form; what is not known is 406', async () => {
  await written('forms', ['a', 'b'])
  const typeFor = async accept => (await history('forms', '', accept ? { accept } : {})).headers['content-type']
  assert.equal(await typeFor(), 'application/json')
  assert.equal(await typeFor('*/*'), 'application/json')
  assert.equal(await typeFor('text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'), 'application/json')
  assert.equal(await typeFor(LINES), LINES)
  assert.equal(await typeFor(`application/json;q=0.5, ${LINES}`), LINES)
  assert.equal(await typeFor(STREAM), STREAM)
  assert.equal(await typeFor(`${STREAM};q=0.1, text/html`), STREAM)
  for (const accept of ['text/html', 'application/json;q=0', 'image/*, */*;q=0']) {
    const answer = await history('forms', '', { accept })
    assertProblem(answer, 406, 'not_acceptable')
    assert.match(answer.headers.vary, /Accept/)
  }
  for (const accept of ['*/*', LINES, STREAM]) assert.match((await history('forms', '', { accept })).headers.vary, /Accept/)
})

test('lines and stream hold what the pages hold', async () => {
  const { ids } = await written('alike', ['one', 'two', 'three'])
  const { events } = await page('alike')
  assert.deepEqual(await lines('alike'), events)
  const answer = await history('alike', '', { accept: STREAM })
  assert.match(answer.headers['cache-control'], /no-store/)
  const stream = streamed(answer)
  assert.deepEqual(stream.map(({ type, id, data }) => ({ type, id, data })),
    events.map(({ id, update }) => ({ type: 'update', id, data: update })))
  assert.deepEqual(stream.map(({ id }) => id), ids)
})

test('HEAD has the head of GET', async t => {
  await written('heads', ['a'])
  for (const accept of ['application/json', LINES, STREAM]) {
    const got = await history('heads', '', { accept })
    const connection = connect(t, server)
    connection.send(`HEAD /docs/heads/history HTTP/1.1\r\nHost: x\r\nAccept: ${accept}\r\n\r\n`)
    const answer = await connection.answer({ headOnly: true })
    assert.equal(answer.status, 200)
    assert.equal(answer.headers.etag, got.headers.etag)
    assert.equal(answer.headers['content-type'], got.headers['content-type'])
    connection.send('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n')
    assert.equal((await connection.answer()).status, 200, 'no body followed')
  }
})

test('a long history to HTTP/1.0 ends with the connection; HEAD of one has no body', async t => {
  await writeMany('old', longTexts(40, 20_000))
  const expected = (await history('old', '', { accept: LINES })).text
  const connection = connect(t, server)
  connection.send(`GET /docs/old/history HTTP/1.0\r\nAccept: ${LINES}\r\nConnection: keep-alive\r\n\r\n`)
  const received = await connection.end()
  const at = received.indexOf('\r\n\r\n')
  assert.doesNotMatch(received.slice(0, at), /transfer-encoding|content-length|keep-alive/i)
  assert.equal(received.slice(at + 4), expected)
  const head = connect(t, server)
  head.send(`HEAD /docs/old/history HTTP/1.1\r\nHost: x\r\nAccept: ${LINES}\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n`)
  assert.equal((await head.answer({ headOnly: true })).status, 200)
  assert.equal((await head.answer()).status, 200)
})

test('tags: 304 while nothing has changed, another one for another question', async () => {
  const { writer, ids } = await written('tagged', ['a', 'b', 'c'])
  const tags = new Set()
  const questions = [
    ['', {}], ['?after=1', {}], ['?until=2', {}], ['?limit=2', {}], ['?updates=false', {}], ['?encoding=v2', {}], ['', { accept: LINES }]
  ]
  for (const [query, headers] of questions) {
    const { etag, ...rest } = (await history('tagged', query, headers)).headers
    assert.match(etag, /^"[^"]+"$/, 'a strong tag')
    assert.equal(rest['cache-control'], 'no-cache')
    tags.add(etag)
    const again = await history('tagged', query, { ...headers, 'if-none-match': etag })
    assert.equal(again.status, 304)
    assert.equal(again.body.length, 0)
    assert.equal(again.headers.etag, etag)
    assert.match(again.headers.vary, /Accept/)
  }
  assert.equal(tags.size, questions.length)
  const { etag } = (await history('tagged')).headers
  await server.post('tagged', writer.type('d'))
  assert.equal((await history('tagged', '', { 'if-none-match': etag })).status, 200)
  const closed = await history('tagged', `?until=${ids[2]}`)
  assert.equal(closed.headers['cache-control'], 'private, max-age=31536000, immutable')
  await server.post('tagged', writer.type('e'))
  const later = await history('tagged', `?until=${ids[2]}`)
  assert.equal(later.headers.etag, closed.headers.etag)
  assert.deepEqual(later.body, closed.body)
})

// ---- streaming

/** Reads as an EventSource does: comes back with the last id, until 204. `cutAfter`: events after which it loses the connection. */
const followHistory = async (t, doc, { query = '', cutAfter = Infinity, of = server } = {}) => {
  const events = []
  let connections = 0
  for (let last = ''; ;) {
    connections++
    const status = await inTime(new Promise((resolve, reject) => {
      const headers = { accept: STREAM, ...(last ? { 'last-event-id': last } : {}) }
      const req = http.get({ host: '127.0.0.1', port: of.port, path: historyPath(doc, query), headers, agent: false }, res => {
        const parse = eventParser()
        let seen = 0
        res.setEncoding('utf8').on('data', text => {
          for (const event of parse(text)) {
            if (seen++ === cutAfter) req.destroy()
            if (seen > cutAfter) return
            events.push(event)
            last = event.id
          }
        })
        res.on('error', () => {})
        res.on('close', () => resolve(res.statusCode))
      })
      req.on('error', reject)
      t.after(() => req.destroy())
    }), 'a stream of history')
    if (status === 204) return { events, connections }
    assert.equal(status, 200)
  }
}

test('an EventSource gets every event once, however often it is cut, and is stopped by 204', async t => {
  await writeMany('source', longTexts(300, 3000))
  const all = await lines('source')
  for (const cutAfter of [Infinity, 70, 7]) {
    const { events, connections } = await followHistory(t, 'source', { cutAfter })
    assert.deepEqual(events.map(({ id }) => id), all.map(({ id }) => id))
    assert.deepEqual(events.map(({ data }) => data), all.map(({ update }) => update))
    assert.equal(connections, Math.ceil(300 / Math.min(cutAfter, 300)) + 1)
  }
  const { events } = await followHistory(t, 'source', { query: '?after=10&until=20', cutAfter: 4 })
  assert.deepEqual(events.map(({ id }) => seqOf(id)), [11, 12, 13, 14, 15, 16, 17, 18, 19, 20])
})

test('a stream with nothing to tell is 204, of a document that never was too', async () => {
  const { ids } = await written('short', ['a'])
  for (const [query, headers] of [[`?after=${ids[0]}`, {}], ['', { 'last-event-id': ids[0] }], ['?after=0', { 'last-event-id': '1' }]]) {
    const answer = await history('short', query, { accept: STREAM, ...headers })
    assert.equal(answer.status, 204)
    assert.equal(answer.body.length, 0)
  }
  assert.equal((await history('never-was', '', { accept: STREAM })).status, 204)
})

test('Last-Event-ID is for streams alone, and is read as strictly as after', async () => {
  await written('last', ['a', 'b'])
  assert.equal(linesOf(await history('last', '', { accept: LINES, 'last-event-id': '2' })).length, 2)
  assertProblem(await history('last', '', { accept: STREAM, 'last-event-id': 'x' }), 400, 'bad_request')
  assertProblem(await history('last', '', { accept: STREAM, 'last-event-id': '3' }), 404, 'event_unknown')
  assertProblem(await history('last', '', { accept: STREAM, 'last-event-id': '1.00000000' }), 410, 'event_gone')
})

test('more than ten thousand events as lines', async () => {
  const EVENTS = 12_000
  await writeMany('many', Array.from({ length: EVENTS }, (_, i) => `${i % 10}`))
  const answer = await history('many', '', { accept: LINES })
  assert.equal(answer.headers['transfer-encoding'], 'chunked')
  const events = linesOf(answer)
  assert.deepEqual(events.map(({ id }) => seqOf(id)), Array.from({ length: EVENTS }, (_, i) => i + 1))
  const doc = new Y.Doc()
  doc.transact(() => { for (const { update } of events) Y.applyUpdate(doc, Buffer.from(update, 'base64')) })
  assert.equal(doc.getText('content').length, EVENTS)
  const stream = streamed(await history('many', '?after=11000', { accept: STREAM }))
  assert.deepEqual(stream.map(({ data }) => data), events.slice(11_000).map(({ update }) => update))
})

test('events as large as updates may be come whole, in every form', async () => {
  const updates = [...longTexts(1, 15 << 20), 'x', ...longTexts(1, 5 << 20)].map((text, i) => Buffer.from(new Writer(i + 1).type(text)))
  for (const update of updates) assert.equal((await server.post('large', update)).status, 200)
  const same = (base64, i) => assert.ok(Buffer.from(base64, 'base64').equals(updates[i]), `event ${i + 1}`)
  ;(await page('large')).events.forEach(({ update }, i) => same(update, i))
  ;(await lines('large')).forEach(({ update }, i) => same(update, i))
  streamed(await history('large', '', { accept: STREAM })).forEach(({ data }, i) => same(data, i))
  const v2 = await lines('large', '?encoding=v2&after=2')
  assert.ok(Buffer.from(Y.convertUpdateFormatV2ToV1(Buffer.from(v2[0].update, 'base64'))).equals(updates[2]))
})

// ---- slow readers

const statusBytes = (of, field) =>
  Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${of.pid}/status`, 'utf8'))[1]) * 1024

// A sanitizer keeps several bytes for each of the server's, in terabytes that it reserves: what the server takes is not told.
const sanitized = of => statusBytes(of, 'VmSize') > 2 ** 40

test('readers that do not read cost little, and others do not wait for them', async t => {
  const own = await startServer(t)
  const MiB = 1 << 20
  const [EVENTS, READERS] = [24, 20]
  await writeMany('heavy', longTexts(EVENTS, MiB), own)
  const before = statusBytes(own, 'RssAnon')
  const slow = []
  for (let i = 0; i < READERS; i++) slow.push(await openSlowly(t, 'heavy', [LINES, STREAM, '*/*'][i % 3], own))
  // Somebody else's whole history goes by meanwhile, and writing goes on.
  assert.equal((await lines('heavy', '', own)).length, EVENTS)
  assert.equal((await own.post('light', new Writer().type('x'))).json.changed, true)
  const grown = statusBytes(own, 'RssAnon') - before
  assert.ok(sanitized(own) || grown < (READERS * 4 + 64) * MiB, `${READERS} readers cost ${Math.round(grown / MiB)} MiB`)
  // Who was slow still gets everything.
  const { text, complete } = await readAll(slow[0])
  assert.ok(complete)
  assert.deepEqual(text.trimEnd().split('\n').map(line => seqOf(JSON.parse(line).id)), Array.from({ length: EVENTS }, (_, i) => i + 1))
  for (const res of slow) res.destroy() // else the server waits for them before it ends
})

test('a document that is deleted while its history is read: the answer is cut', async t => {
  await writeMany('cut', longTexts(24, 1 << 19))
  const slow = await Promise.all([LINES, STREAM].map(accept => openSlowly(t, 'cut', accept)))
  assert.equal((await server.delete('cut')).status, 204)
  for (const res of slow) assert.equal((await readAll(res)).complete, false, 'the peer sees that it is not all')
  assertProblem(await history('cut'), 410, 'document_deleted')
})

test('draining ends streams and lines, also of those who do not read', async t => {
  const own = await startServer(t)
  const EVENTS = 60
  await writeMany('drained', longTexts(EVENTS, 1 << 19), own)
  const slow = await Promise.all([LINES, STREAM, LINES].map(accept => openSlowly(t, 'drained', accept, own)))
  const { code } = await own.stop()
  assert.equal(code, 0)
  const [one, stream, other] = await Promise.all(slow.map(readAll))
  assert.ok(!one.complete && !other.complete, 'the peer sees that it is not all')
  assert.ok(eventParser()(stream.text).length < EVENTS)
  assert.doesNotMatch(own.stderr, /did not end in time/)
})

test('draining waits a little for pages that are on their way, and cuts those that nobody reads', async t => {
  const own = await startServer(t)
  const EVENTS = 32
  await writeMany('drained', longTexts(EVENTS, 1 << 19), own)
  const slow = await Promise.all([1, 2, 3].map(() => openSlowly(t, 'drained', 'application/json', own)))
  own.signal('SIGTERM')
  const { text, complete } = await readAll(slow[0])
  assert.ok(complete, 'who reads it gets it all')
  assert.equal(JSON.parse(text).events.length, EVENTS)
  assert.deepEqual(await inTime(own.exited, 'the exit'), { code: 0, signal: null })
  for (const res of slow.slice(1)) assert.ok(!(await readAll(res)).complete, 'the peer sees that it is not all')
  assert.doesNotMatch(own.stderr, /did not end in time/)
})

// ---- failure

test('ids of other lives are gone, ids ahead are unknown', async () => {
  const { ids } = await written('lives', ['a', 'b'])
  for (const query of ['?after=3', '?until=3', `?after=0&until=${ids[1].replace('2.', '9.')}`]) {
    assertProblem(await history('lives', query), 404, 'event_unknown')
  }
  for (const query of ['?after=1.00000000', '?until=1.00000000', '?after=9.00000000']) {
    assertProblem(await history('lives', query), 410, 'event_gone')
  }
  await server.delete('lives')
  for (const accept of ['*/*', LINES, STREAM]) assertProblem(await history('lives', '', { accept }), 410, 'document_deleted')
  assertProblem(await history('lives', `?after=${ids[0]}`), 410, 'document_deleted')
  await server.put('lives')
  assert.deepEqual(await page('lives'), { events: [], next: null })
  assertProblem(await history('lives', `?after=${ids[0]}`), 410, 'event_gone')
})

test('a document that never existed has an empty history', async () => {
  assert.deepEqual(await page('nobody'), { events: [], next: null })
  const answer = await history('nobody', '', { accept: LINES })
  assert.equal(answer.status, 200)
  assert.equal(answer.body.length, 0)
  assertProblem(await history('nobody', '?after=1'), 404, 'event_unknown')
  assert.equal((await server.get('/docs/nobody')).json.created, null, 'and is not made by looking')
})

test('malformed queries are refused', async () => {
  await written('queries', ['a', 'b'])
  const bad = [
    'after=', 'after=x', 'after=-1', 'after=01', 'after=1.', 'after=1.XYZ', 'after=1.9F3C1A07', 'after=latest', 'after=%zz', 'after=1%00',
    'after=18446744073709551616', 'until=', 'until=x', 'until=+1', 'until=1.1', 'limit=', 'limit=0', 'limit=-1', 'limit=x', 'limit=1.5',
    'limit=99999999999999999999', 'updates=', 'updates=no', 'updates=0', 'encoding=', 'encoding=v3', 'encoding=V2'
  ]
  for (const query of bad) {
    for (const accept of ['*/*', LINES, STREAM]) assertProblem(await history('queries', `?${query}`, { accept }), 400, 'bad_request')
  }
  assertProblem(await history('queries', '?updates=false', { accept: STREAM }), 400, 'bad_request')
  assertProblem(await server.get('/docs/%ff/history'), 400, 'invalid_document_name')
  const post = await server.request('POST', '/docs/queries/history')
  assertProblem(post, 405, 'method_not_allowed')
  for (const query of ['limit=18446744073709551615', 'after=0.00000000&nothing=x', 'limit=1&limit=x']) {
    const { status } = await history('queries', `?${query}`)
    assert.ok(status === 200 || (status === 410 && query.includes('0.0')), query)
  }
})

test('whatever is asked for, the answer is one of a few', async () => {
  const { ids } = await written('asked', ['a', 'b', 'c'])
  const values = ['', '0', '1', '3', '4', '-1', 'x', ids[0], ids[2], '2.00000000', '%', '%41', 'v1', 'v2', 'true', 'false', 'a'.repeat(300), '%00', '1e3', '=', '?', '\u0001']
  const names = ['after', 'until', 'limit', 'updates', 'encoding', 'at', 'as', '']
  const accepts = [LINES, STREAM, '*/*', '', ',', 'text/*;q=0.1', ';q', `${LINES};q="`, `${STREAM};q=0, */*`, 'a'.repeat(2000)]
  let state = 7
  const pick = list => { state = (Math.imul(state, 1664525) + 1013904223) >>> 0; return list[(state >>> 8) % list.length] }
  const counts = {}
  for (let i = 0; i < 3000; i++) {
    const query = Array.from({ length: 1 + i % 3 }, () => `${pick(names)}=${pick(values)}`).join('&').replaceAll('\u0001', '%01')
    const path = pick([`/docs/asked/history?${query}`, `/docs/asked/content/content?${query}`, `/docs/asked/content/${pick(['', '%2f', '%ff', 'x'])}?${query}`])
    const headers = { accept: pick(accepts), ...(i % 5 === 0 ? { 'last-event-id': pick(values).replaceAll('\u0001', '') } : {}) }
    const { status } = await server.get(path, headers)
    assert.ok([200, 204, 400, 404, 406, 410].includes(status), `${status} for ${path} ${JSON.stringify(headers)}`)
    counts[status] = (counts[status] ?? 0) + 1
  }
  assert.ok(counts[200] > 100 && counts[400] > 100 && counts[410] > 10, JSON.stringify(counts))
})

test('damage: what comes before it is told, then the answer is cut, and the log says so', async t => {
  const own = await startServer(t)
  const marks = Array.from({ length: 5 }, (_, i) => `mark ${i} ${randomText(40, i + 50)}`)
  await written('damaged', marks, own)
  await written('whole', ['fine'], own)
  await own.stop()
  const data = join(own.dir, 'data.mdb')
  const bytes = readFileSync(data)
  for (let at = bytes.indexOf(marks[3]); at >= 0; at = bytes.indexOf(marks[3], at + 1)) bytes[at + 2] ^= 1
  writeFileSync(data, bytes)

  const again = await startServer(t, { dir: own.dir })
  for (const accept of [LINES, STREAM]) {
    const { text, complete } = await readAll(await openSlowly(t, 'damaged', accept, again))
    assert.equal(complete, false)
    assert.equal(accept === LINES ? text.trimEnd().split('\n').length : eventParser()(text).length, 3)
  }
  assertProblem(await history('damaged', '?after=3', {}, again), 503, 'storage_failed')
  assert.equal((await history('damaged', '?until=3', {}, again)).json.events.length, 3)
  assert.equal((await history('damaged', '?after=4', {}, again)).json.events.length, 1)
  assert.equal((await lines('whole', '', again)).length, 1)
  assert.match(again.stderr, /history of a document cannot be read after event 3/)
})
