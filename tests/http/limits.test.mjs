// More connections than there is room for, and readers that come back all at once.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

import { assertProblem } from './problem.mjs'
import { connect } from './raw.mjs'
import { openStream, seqOf } from './sse.mjs'
import { inTime, slow, startServer } from './server.mjs'
import { Writer, textOf } from './yjs.mjs'

const FILES = 64
const said = (server, pattern) => inTime((async () => {
  while (!pattern.test(server.stderr)) await once(server.child.stderr, 'data')
  return pattern.exec(server.stderr)
})(), `the log to say ${pattern}`)

const withFiles = async t => {
  const server = await startServer(t, { command: ['bash', '-c', `ulimit -n ${FILES} && exec "$@"`, '-'] })
  server.room = Number((await said(server, /up to (\d+) connections: 64 files may be open$/m))[1])
  return server
}
const get = path => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`
const metric = async (server, name) =>
  Number(new RegExp(`^${name} (\\d+)$`, 'm').exec((await server.get('/metrics')).text)[1])

/** A connection that is kept, and has been answered: one of those there is room for. */
const settled = async (t, server) => {
  const connection = connect(t, server)
  connection.send(get('/healthz'))
  assert.equal((await connection.answer()).status, 200)
  return connection
}

const fill = async (t, server) => {
  const connections = []
  while (connections.length < server.room) connections.push(await settled(t, server))
  return connections
}

test('the limit on open files is told at the start, and what it leaves for connections', async t => {
  const server = await withFiles(t)
  assert.equal(server.stderr.match(/files may be open/g).length, 1)
  assert.ok(server.room >= 10 && server.room < FILES, server.stderr)
})

test('connections beyond are answered 503 and closed; those that are there are served', async t => {
  const server = await withFiles(t)
  const connections = await fill(t, server)
  for (let i = 0; i < 5; i++) {
    const beyond = connect(t, server)
    beyond.send(get('/docs/a'))
    const answer = await beyond.answer()
    assertProblem(answer, 503, 'overloaded')
    assert.match(answer.headers['retry-after'], /^\d+$/)
    assert.equal(answer.headers.connection, 'close')
    await beyond.end()
  }
  const beyond = connect(t, server)
  beyond.send(get('/healthz'))
  const healthy = await beyond.answer()
  assert.equal(healthy.status, 200)
  assert.equal(healthy.headers.connection, 'close')
  await beyond.end()

  const update = Buffer.from(new Writer().type('written'))
  connections[0].send('POST /docs/a/updates HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n' +
    `Content-Length: ${update.length}\r\n\r\n`).send(update)
  assert.equal((await connections[0].answer()).status, 200)
  connections[1].send(get('/docs/a/state'))
  assert.equal(textOf((await connections[1].answer()).body), 'written')
  await said(server, /warn connections are refused, since there is no room for more; \d+ connections are open$/m)

  connections[2].destroy()
  await inTime((async () => {
    for (;;) {
      const again = connect(t, server)
      again.send(get('/docs/a'))
      const { status } = await again.answer()
      if (status === 200) return
      assert.equal(status, 503)
      again.destroy()
    }
  })(), 'the room that one has left')
})

test('who is beyond even that waits, and is answered when there is room', async t => {
  const server = await withFiles(t)
  const connections = await fill(t, server)
  // They say nothing, and take all the room there is for being told so; those that follow are not accepted.
  const silent = Array.from({ length: FILES }, () => connect(t, server))
  const waiting = connect(t, server)
  waiting.send(get('/docs/a'))
  connections[0].send(get('/docs/a'))
  assert.equal((await connections[0].answer()).status, 200)
  for (const connection of [...silent, ...connections]) connection.destroy()
  assert.ok([200, 503].includes((await waiting.answer()).status))
})

/** Hundredths of a second of processor time that the server has taken. */
const ticksOf = server => {
  const stat = readFileSync(`/proc/${server.pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return Number(fields[11]) + Number(fields[12])
}

test('when the system gives out no more files the server waits, and does not spin', async t => {
  const server = await withFiles(t)
  const inside = await settled(t, server)
  const limit = files => execFileSync('prlimit', ['--pid', String(server.pid), `--nofile=${files}:`])
  limit(3)
  const outside = Array.from({ length: 3 }, () => connect(t, server).send(get('/docs/a')))
  const before = ticksOf(server)
  // The server's own clock: a second, or a moment.
  inside.send(get(`/docs/a/updates?wait=${slow ? 1 : 0}`))
  assert.equal((await inside.answer()).status, 204)
  if (slow) assert.ok(ticksOf(server) - before < 50, `${ticksOf(server) - before} ticks of a second's hundred`)
  await said(server, /warn too many open files; \d+ connections are open$/m)
  limit(FILES)
  for (const connection of outside) assert.equal((await connection.answer()).status, 200)
})

test('readers that were cut off together all catch up, by few merges, while a writer goes on', async t => {
  const count = slow ? 3000 : 200
  const missed = 100
  const server = await startServer(t)
  const writer = new Writer(1)
  const ids = ['0']
  for (let i = 0; i < missed; i++) ids.push((await server.post('storm', writer.type(`${i} `))).json.id)
  const want = writer.text.toString()
  const merges = await metric(server, 'weft_catchups_total')

  let over = false
  const other = new Writer(2)
  const writing = (async () => {
    let written = 0
    for (; !over; written++) assert.equal((await server.post('storm', other.type('x'))).status, 200)
    return written
  })()
  // Polls are answered and close, so that each proves what it was told.
  const back = await Promise.all(Array.from({ length: count }, async (_, i) => {
    const since = ids[1 + i % missed]
    const answer = await server.request('GET', `/docs/storm/updates?since=${since}&wait=25`, { agent: false })
    assert.equal(answer.status, 200)
    assert.ok(seqOf(answer.headers['event-id']) >= missed)
    return { seq: seqOf(since), body: answer.body }
  }))
  over = true
  assert.ok(await writing > 0)
  for (const { seq, body } of back.filter((_, i) => i % 17 === 0)) {
    const text = textOf(...writer.updates.slice(0, seq), body)
    assert.equal(text.replaceAll('x', ''), want)
  }
  assert.ok(await metric(server, 'weft_catchups_total') - merges < count, 'merges are shared')
})

if (slow) test('thousands of streams are opened, cut, and come back', async t => {
  const server = await startServer(t)
  const writer = new Writer(1)
  const { id } = (await server.post('cut', writer.type('a'))).json
  const first = await Promise.all(Array.from({ length: 1000 }, () => openStream(t, server, 'cut')))
  await Promise.all(first.map(stream => stream.next()))
  first.forEach(stream => stream.close())
  for (let i = 0; i < 100; i++) await server.post('cut', writer.type('b'))
  const again = await Promise.all(first.map(() => openStream(t, server, 'cut', { headers: { 'last-event-id': id } })))
  for (const stream of again) {
    const sync = await stream.next()
    assert.equal(seqOf(sync.id), 101)
    assert.equal(textOf(writer.updates[0], sync.update), `a${'b'.repeat(100)}`)
    stream.close()
  }
})
