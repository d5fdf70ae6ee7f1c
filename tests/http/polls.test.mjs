// GET /docs/{doc}/updates?since=: short and long polls.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { assertProblem } from './problem.mjs'
import { epochOf } from './sse.mjs'
import { file, inTime, slow, startServer } from './server.mjs'
import { Writer, textOf } from './yjs.mjs'

const server = await startServer(file)
const poll = (doc, query) => server.get(`/docs/${doc}/updates${query}`)

const written = async (doc, ...words) => {
  const writer = new Writer()
  writer.ids = []
  for (const word of words) writer.ids.push((await server.post(doc, writer.type(word))).json.id)
  return writer
}

/** Waits until the document has `count` readers: a long poll that waits is one. */
const waitingReaders = (doc, count) => inTime((async () => {
  while ((await server.get(`/docs/${doc}`)).json.readers !== count);
})(), `${count} readers`)

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
  const answer = await poll('poll-deleted', `?since=${writer.ids[0]}`)
  assert.equal(answer.headers['event-reset'], 'deleted')
  assert.equal(textOf(answer.body), 'new')
})

test('malformed values are refused', async () => {
  for (const query of ['?since=x', '?since=', '?since=1.xyz', '?wait=x', '?wait=-1', '?since=0&wait=']) {
    assertProblem(await poll('bad-poll', query), 400, 'bad_request')
  }
})

test('wait ends with 204', { skip: slow ? false : 'waits for a second: WEFT_SLOW=1' }, async () => {
  const answer = await poll('waited', '?since=latest&wait=1')
  assert.equal(answer.status, 204)
  assert.equal(answer.headers['event-id'], '0')
})
