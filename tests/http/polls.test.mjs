// GET /docs/{doc}/updates?since=: short and long polls.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as Y from 'yjs'

import { assertProblem } from './problem.mjs'
import { connect } from './raw.mjs'
import { epochOf, openStream, seqOf } from './sse.mjs'
import { file, inTime, slow, startServer } from './server.mjs'
import { EMPTY, Writer, randomText, textOf } from './yjs.mjs'

const origin = 'https://app.example'
const server = await startServer(file, { args: ['--cors', origin] })
const poll = (doc, query, headers) => server.get(`/docs/${doc}/updates${query}`, headers)

const written = async (doc, ...words) => {
  const writer = new Writer()
  writer.ids = []
  for (const word of words) writer.ids.push((await server.post(doc, writer.type(word))).json.id)
  return writer
}

/** Waits until the document has `count` readers: a long poll that waits is one. */
const waitingReaders = (doc, count, of = server) => inTime((async () => {
  while ((await of.get(`/docs/${doc}`)).json.readers !== count);
})(), `${count} readers`)

const metric = async name => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec((await server.get('/metrics')).text)[1])

const textOfV2 = update => {
  const doc = new Y.Doc()
  Y.applyUpdateV2(doc, update)
  return doc.getText('content').toString()
}

test('a short poll has what came after the position, merged, or nothing', async () => {
  const writer = await written('short', 'one ', 'two ', 'three')
  const whole = await poll('short', '')
  assert.equal(whole.status, 200)
  assert.equal(whole.headers['content-type'], 'application/octet-stream')
  assert.equal(whole.headers['event-id'], writer.ids[2])
  assert.equal(textOf(whole.body), 'one two three')

  const rest = await poll('short', `?since=${writer.ids[0]}`)
  assert.equal(textOf(writer.updates[0], rest.body), 'one two three')
  assert.equal(rest.headers['event-reset'], undefined)

  for (const since of [writer.ids[2], '3', 'latest']) {
    const none = await poll('short', `?since=${since}`)
    assert.equal(none.status, 204)
    assert.equal(none.headers['event-id'], writer.ids[2])
  }
})

test('a document that does not exist has nothing', async () => {
  const answer = await poll('absent', '')
  assert.equal(answer.status, 204)
  assert.equal(answer.headers['event-id'], '0')
})

test('a long poll is answered as soon as there is something', async () => {
  const writer = await written('long', 'one ')
  const waiting = poll('long', `?since=${writer.ids[0]}&wait=25`)
  await waitingReaders('long', 1)
  const { id } = (await server.post('long', writer.type('two'))).json
  const answer = await waiting
  assert.equal(answer.status, 200)
  assert.equal(answer.headers['event-id'], id)
  assert.equal(textOf(writer.updates[0], answer.body), 'one two')
})

test('a long poll on a document that nobody has written hears the first event', async () => {
  const waiting = poll('poll-first', '?since=0&wait=25')
  await waitingReaders('poll-first', 1)
  await written('poll-first', 'x')
  assert.equal(textOf((await waiting).body), 'x')
})

test('a long poll that has something is answered at once', async () => {
  await written('at-once', 'x')
  assert.equal(textOf((await poll('at-once', '?since=0&wait=60')).body), 'x')
})

test('positions that are gone: the whole state, and why', async () => {
  const writer = await written('poll-reset', 'one ')
  const epoch = epochOf(writer.ids[0])
  for (const since of ['1.0badcafe', `7.${epoch}`]) {
    const answer = await poll('poll-reset', `?since=${since}&wait=25`)
    assert.equal(answer.status, 200)
    assert.equal(answer.headers['event-reset'], 'unknown')
    assert.equal(textOf(answer.body), 'one ')
  }
})

test('deleting ends waiting polls', async () => {
  const writer = await written('poll-deleted', 'x')
  const waiting = poll('poll-deleted', `?since=${writer.ids[0]}&wait=25`)
  await waitingReaders('poll-deleted', 1)
  await server.delete('poll-deleted')
  assertProblem(await waiting, 410, 'document_deleted')
  assertProblem(await poll('poll-deleted', ''), 410, 'document_deleted')
  await server.put('poll-deleted', new Writer().type('new'))
  // Also whoever had seen nothing of that life yet.
  for (const since of [writer.ids[0], `0.${epochOf(writer.ids[0])}`]) {
    const answer = await poll('poll-deleted', `?since=${since}`)
    assert.equal(answer.headers['event-reset'], 'deleted')
    assert.equal(textOf(answer.body), 'new')
  }
})

test('malformed values are refused', async () => {
  for (const query of ['?since=x', '?since=', '?since=1.xyz', '?wait=x', '?wait=-1', '?since=0&wait=']) {
    assertProblem(await poll('bad-poll', query), 400, 'bad_request')
  }
})

test('a document without events has nothing; who was elsewhere is told so, with an empty state', async () => {
  await server.put('empty-poll')
  for (const [doc, query] of [['empty-poll', '?since=5'], ['never-polled', '?since=5.0badcafe&wait=25']]) {
    const answer = await poll(doc, query)
    assert.equal(answer.status, 200)
    assert.equal(answer.headers['event-id'], '0')
    assert.equal(answer.headers['event-reset'], 'unknown')
    assert.deepEqual(answer.body, Buffer.from(EMPTY))
    const v2 = await poll(doc, `${query}&encoding=v2`)
    assert.equal(textOfV2(v2.body), '')
  }
  assert.equal((await poll('empty-poll', '')).status, 204)
})

test('encoding=v2, short and long', async () => {
  const writer = await written('poll-v2', 'one ')
  const whole = await poll('poll-v2', '?encoding=v2')
  assert.equal(textOfV2(whole.body), 'one ')
  const waiting = poll('poll-v2', `?since=${writer.ids[0]}&wait=25&encoding=v2`)
  const inV1 = poll('poll-v2', `?since=${writer.ids[0]}&wait=25`)
  await waitingReaders('poll-v2', 2)
  await server.post('poll-v2', writer.type('two'))
  const doc = new Y.Doc()
  Y.applyUpdateV2(doc, whole.body)
  Y.applyUpdateV2(doc, (await waiting).body)
  assert.equal(doc.getText('content').toString(), 'one two')
  assert.equal(textOf(writer.updates[0], (await inV1).body), 'one two')
  assertProblem(await poll('poll-v2', '?encoding=v3'), 400, 'bad_request')
})

test('a large state, in either format, to many at once', async () => {
  const writer = new Writer()
  for (let i = 0; i < 8; i++) await server.post('poll-large', writer.type(randomText(100_000, i)))
  const want = writer.text.toString()
  const answers = await Promise.all([1, 2, 3, 4].flatMap(() => [poll('poll-large', ''), poll('poll-large', '?encoding=v2')]))
  answers.forEach((answer, i) => {
    assert.equal(answer.status, 200)
    assert.equal(seqOf(answer.headers['event-id']), 8)
    assert.equal(i % 2 ? textOfV2(answer.body) : textOf(answer.body), want)
  })
})

test('HEAD tells what GET would, without the body', async () => {
  const writer = await written('poll-head', 'x')
  const head = query => server.request('HEAD', `/docs/poll-head/updates${query}`)
  const answer = await head('')
  assert.equal(answer.status, 200)
  assert.equal(answer.headers['event-id'], writer.ids[0])
  assert.equal(Number(answer.headers['content-length']), (await poll('poll-head', '')).body.length)
  assert.equal(answer.body.length, 0)
  assert.equal((await head('?since=latest')).status, 204)
  const waiting = head('?since=latest&wait=25')
  await waitingReaders('poll-head', 1)
  await server.post('poll-head', writer.type('y'))
  assert.equal((await waiting).status, 200)
})

test('pages of other origins may read answers and their ids, also after a wait', async () => {
  const writer = await written('poll-cors', 'x')
  const waiting = poll('poll-cors', '?since=latest&wait=25', { origin })
  const foreign = poll('poll-cors', '?since=latest&wait=25', { origin: 'https://evil.example' })
  await waitingReaders('poll-cors', 2)
  await server.post('poll-cors', writer.type('y'))
  for (const answer of [await waiting, await poll('poll-cors', '?since=latest', { origin })]) {
    assert.equal(answer.headers['access-control-allow-origin'], origin)
    assert.match(answer.headers['access-control-expose-headers'], /Event-Id, Event-Reset/)
  }
  assert.equal((await foreign).headers['access-control-allow-origin'], undefined)
  for (const answer of [await waiting, await foreign]) assert.equal(answer.headers['cache-control'], 'no-store')
})

test('an answer ends a poll, not its connection: the next one follows on it', async t => {
  const writer = await written('poll-kept', 'x')
  const connection = connect(t, server)
  for (let i = 0; i < 5; i++) {
    connection.send(`GET /docs/poll-kept/updates?since=${writer.ids.at(-1)}&wait=25 HTTP/1.1\r\nHost: x\r\n\r\n`)
    await waitingReaders('poll-kept', 1)
    writer.ids.push((await server.post('poll-kept', writer.type('y'))).json.id)
    const answer = await connection.answer()
    assert.equal(answer.status, 200)
    assert.equal(answer.headers['event-id'], writer.ids.at(-1))
  }
  await waitingReaders('poll-kept', 0)
})

test('a peer that goes away while it waits is forgotten', async t => {
  await written('poll-gone', 'x')
  const connections = [1, 2, 3].map(() => connect(t, server))
  const before = await metric('weft_polls_waiting')
  for (const connection of connections) {
    connection.send('GET /docs/poll-gone/updates?since=latest&wait=60 HTTP/1.1\r\nHost: x\r\n\r\n')
  }
  await waitingReaders('poll-gone', 3)
  assert.equal(await metric('weft_polls_waiting'), before + 3)
  connections[0].destroy()
  connections[1].socket.resetAndDestroy()
  await waitingReaders('poll-gone', 1)
  assert.equal(await metric('weft_polls_waiting'), before + 1)
})

test('presence wakes no poll', async () => {
  const writer = await written('poll-presence', 'x')
  const waiting = poll('poll-presence', '?since=latest&wait=25')
  await waitingReaders('poll-presence', 1)
  const state = Buffer.from('{"name":"a"}')
  const presence = Buffer.concat([Buffer.from([1, 7, 1, state.length]), state])
  const answer = await server.request('POST', '/docs/poll-presence/awareness',
    { headers: { 'content-type': 'application/octet-stream' }, body: presence })
  assert.equal(answer.status, 204)
  assert.equal((await server.get('/docs/poll-presence')).json.readers, 1)
  await server.post('poll-presence', writer.type('y'))
  assert.equal(textOf(writer.updates[0], (await waiting).body), 'xy')
})

test('polls and streams of one document follow a busy writer, each to the same end', async t => {
  const writer = new Writer()
  const stream = await openStream(t, server, 'poll-busy')
  const end = 200
  const follow = async () => {
    const doc = new Y.Doc()
    let since = '0'
    let answers = 0
    while (seqOf(since) < end) {
      const answer = await poll('poll-busy', `?since=${since}&wait=25`)
      assert.equal(answer.status, 200)
      assert.ok(seqOf(answer.headers['event-id']) > seqOf(since))
      since = answer.headers['event-id']
      Y.applyUpdate(doc, answer.body)
      answers++
    }
    assert.ok(answers <= end)
    return doc.getText('content').toString()
  }
  const followers = Array.from({ length: 10 }, follow)
  for (let i = 0; i < end; i++) await server.post('poll-busy', writer.type('z'))
  for (const text of await Promise.all(followers)) assert.equal(text, 'z'.repeat(end))
  await stream.reach(String(end))
})

test('polls that race with writes and deletions each get one answer', async () => {
  for (let round = 0; round < 20; round++) {
    const writer = await written(`poll-race-${round}`, 'x')
    const polls = Array.from({ length: 20 }, () => poll(`poll-race-${round}`, '?since=latest&wait=25'))
    await server.post(`poll-race-${round}`, writer.type('y'))
    await server.delete(`poll-race-${round}`)
    for (const { status } of await Promise.all(polls)) assert.ok([200, 410].includes(status), String(status))
  }
})

test('draining ends waiting polls with 204', async t => {
  const own = await startServer(t)
  const { id } = (await own.post('drained', new Writer().type('x'))).json
  const waiting = Array.from({ length: 10 }, () => own.get('/docs/drained/updates?since=latest&wait=60'))
  await waitingReaders('drained', 10, own)
  own.signal('SIGTERM')
  for (const answer of await Promise.all(waiting)) {
    assert.equal(answer.status, 204)
    assert.equal(answer.headers['event-id'], id)
    assert.equal(answer.headers.connection, 'close')
  }
  assert.equal((await inTime(own.exited, 'the server to end')).code, 0)
})

test('wait ends with 204', { skip: slow ? false : 'waits for a second: WEFT_SLOW=1' }, async () => {
  const begun = process.hrtime.bigint()
  // More than are answered in one turn of the server's loop.
  const answers = await Promise.all(Array.from({ length: 600 }, () =>
    server.request('GET', '/docs/waited/updates?since=latest&wait=1', { agent: false })))
  assert.ok(process.hrtime.bigint() - begun >= 1_000_000_000n)
  for (const answer of answers) {
    assert.equal(answer.status, 204)
    assert.equal(answer.headers['event-id'], '0')
  }
})
