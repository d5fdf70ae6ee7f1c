// GET /ws/{doc}: the handshake, frames, closing, and the protocol, byte by byte.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

import { Awareness, applyAwarenessUpdate, encodeAwarenessUpdate } from 'y-protocols/awareness'
import * as Y from 'yjs'

import { assertProblem } from './problem.mjs'
import { connect } from './raw.mjs'
import { openStream } from './sse.mjs'
import { docPath, file, inTime, slow, startServer } from './server.mjs'
import { KEY, OP, acceptOf, awareness, closeFrame, frameOf, openSocket, queryAwareness, step1, step2, syncSocket, update, upgradeHead } from './ws.mjs'
import { EMPTY, Writer, randomText, textOf } from './yjs.mjs'

const server = await startServer(file, { args: ['--cors', 'https://pages.example'] })
const octets = { 'content-type': 'application/octet-stream' }

const present = (client, ...states) => {
  const doc = new Y.Doc()
  doc.clientID = client
  const own = new Awareness(doc)
  for (const state of states) own.setLocalState(state)
  const bytes = encodeAwarenessUpdate(own, [client])
  own.destroy()
  return bytes
}

const statesOf = bytes => {
  const all = new Awareness(new Y.Doc())
  all.setLocalState(null)
  applyAwarenessUpdate(all, bytes, 'test')
  const states = Object.fromEntries(all.getStates())
  all.destroy()
  return states
}

// ---- the handshake ----

test('the answer to a handshake', async t => {
  const socket = await openSocket(t, server, 'hands')
  assert.equal(socket.head.headers.upgrade, 'websocket')
  assert.equal(socket.head.headers.connection, 'Upgrade')
  assert.equal(socket.head.headers['sec-websocket-accept'], 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=')
  assert.equal(acceptOf(KEY), 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=')
  assert.equal(socket.head.headers['sec-websocket-extensions'], undefined)
  assert.equal(socket.head.headers['content-length'], undefined)
  assert.deepEqual((await socket.message()), { type: 'step1', body: Uint8Array.of(0) })
})

test('headers in other forms', async t => {
  const forms = [
    { Connection: 'keep-alive, UPGRADE', Upgrade: 'WebSocket' },
    { Connection: 'upgrade,', Upgrade: 'h2c, websocket' },
    { Origin: 'http://weft.test' },
    { Origin: 'https://WEFT.test' },
    { Origin: 'https://pages.example' },
    { 'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits' },
    { 'Content-Length': '0' }
  ]
  for (const fields of forms) {
    const socket = await openSocket(t, server, 'forms', { fields })
    assert.equal(socket.head.headers['sec-websocket-extensions'], undefined)
  }
})

const refusals = [
  ['no upgrade', 426, 'upgrade_required', { Connection: undefined, Upgrade: undefined }],
  ['no Connection', 426, 'upgrade_required', { Connection: 'keep-alive' }],
  ['another protocol', 426, 'upgrade_required', { Upgrade: 'h2c' }],
  ['HEAD', 426, undefined, {}, { method: 'HEAD' }],
  ['no version', 426, 'upgrade_required', { 'Sec-WebSocket-Version': undefined }],
  ['version 8', 426, 'upgrade_required', { 'Sec-WebSocket-Version': '8' }],
  ['version 130', 426, 'upgrade_required', { 'Sec-WebSocket-Version': '130' }],
  ['no key', 400, 'bad_request', { 'Sec-WebSocket-Key': undefined }],
  ['a short key', 400, 'bad_request', { 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZQ==' }],
  ['no base64', 400, 'bad_request', { 'Sec-WebSocket-Key': '!!!!!!!!!!!!!!!!!!!!!!!!' }],
  ['17 bytes', 400, 'bad_request', { 'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAAA=' }],
  ['HTTP/1.0', 400, 'bad_request', {}, { version: '1.0' }],
  ['a foreign origin', 403, 'forbidden_origin', { Origin: 'https://evil.example' }],
  ['a longer origin', 403, 'forbidden_origin', { Origin: 'https://weft.test.evil.example' }],
  ['an origin with a port', 403, 'forbidden_origin', { Origin: 'https://weft.test:8443' }],
  ['no origin of a page', 403, 'forbidden_origin', { Origin: 'null' }],
  ['an empty origin', 403, 'forbidden_origin', { Origin: '' }]
]
for (const [what, status, code, fields, options = {}] of refusals) {
  test(`refused: ${what}`, async t => {
    const connection = connect(t, server).send(upgradeHead('/ws/doc', fields, options))
    const answer = await connection.answer({ headOnly: options.method === 'HEAD' })
    if (code) assertProblem(answer, status, code)
    assert.equal(answer.status, status)
    if (status !== 426) return
    assert.equal(answer.headers['sec-websocket-version'], '13')
    assert.equal(answer.headers.upgrade, 'websocket')
  })
}

test('a request with a body opens nothing', async t => {
  const connection = connect(t, server).send(upgradeHead('/ws/doc', { 'Content-Length': '3' }) + 'abc')
  assertProblem(await connection.answer(), 400, 'bad_request')
  const announced = connect(t, server).send(upgradeHead('/ws/doc', { 'Content-Length': '3', Expect: '100-continue' }))
  assertProblem(await announced.answer(), 400, 'bad_request')
})

test('names', async t => {
  assertProblem(await connect(t, server).send(upgradeHead('/ws/%00')).answer(), 400, 'invalid_document_name')
  assertProblem(await connect(t, server).send(upgradeHead('/ws/')).answer(), 404, 'not_found')
  const socket = await openSocket(t, server, 'a/b%2Fc%20d?token=1')
  socket.binary(update(new Writer().type('x')))
  socket.binary(step1())
  await socket.until('step2')
  assert.equal((await server.get(docPath('a/b/c d'))).json.events, 1)
})

test('an upgrade is of no meaning on other paths', async t => {
  const connection = connect(t, server).send(upgradeHead('/healthz') + upgradeHead('/docs/none'))
  assert.equal((await connection.answer()).status, 200)
  assert.equal((await connection.answer()).status, 200)
})

test('OPTIONS and other methods', async t => {
  const options = await server.request('OPTIONS', '/ws/doc')
  assert.equal(options.status, 204)
  assert.match(options.headers.allow, /GET/)
  assertProblem(await server.request('POST', '/ws/doc'), 405, 'method_not_allowed')
})

test('frames right behind the handshake', async t => {
  const writer = new Writer()
  const socket = connect(t, server)
  const ahead = await openSocket(t, server, 'behind')
  socket.destroy()
  ahead.binary(step1())
  await ahead.until('step2')
  const early = connect(t, server)
  early.send(Buffer.concat([Buffer.from(upgradeHead('/ws/behind')), frameOf(OP.binary, update(writer.type('early'))), closeFrame(1000)]))
  await early.answer({ headOnly: true })
  await early.end()
  await ahead.until('update')
  assert.equal(ahead.text, 'early')
})

// ---- frames ----

test('a message in fragments, with control frames between them', async t => {
  const socket = await syncSocket(t, server, 'fragments')
  const bytes = update(new Writer().type('in pieces'))
  socket.send(frameOf(OP.binary, bytes.subarray(0, 3), { fin: false }))
  socket.send(frameOf(OP.ping, Buffer.from('here?')))
  socket.send(frameOf(OP.more, [], { fin: false }))
  socket.send(frameOf(OP.more, bytes.subarray(3, 5), { fin: false }))
  const pong = await socket.frame()
  assert.equal(pong.opcode, OP.pong)
  assert.equal(pong.payload.toString(), 'here?')
  socket.send(frameOf(OP.more, bytes.subarray(5)))
  await socket.until('update')
  assert.equal(socket.text, 'in pieces')
})

test('frames byte by byte', async t => {
  const socket = await syncSocket(t, server, 'bytes')
  const bytes = Buffer.concat([frameOf(OP.ping, Buffer.alloc(125, 7)), frameOf(OP.binary, update(new Writer().type(randomText(300))))])
  for (const byte of bytes) socket.send(Buffer.of(byte))
  const pong = await socket.frame()
  assert.deepEqual([pong.opcode, pong.payload.length], [OP.pong, 125])
  await socket.until('update')
  assert.equal(socket.text.length, 300)
})

const whole = Buffer.from(update(new Writer(3).type('x')))
const failures = {
  'a frame that is not masked': [1002, frameOf(OP.binary, whole, { mask: false })],
  'a control frame that is not masked': [1002, frameOf(OP.ping, [], { mask: false })],
  'reserved bit 1': [1002, frameOf(OP.binary, whole, { rsv: 4 })],
  'reserved bit 2': [1002, frameOf(OP.binary, whole, { rsv: 2 })],
  'reserved bit 3': [1002, frameOf(OP.ping, [], { rsv: 1 })],
  'opcode 3': [1002, frameOf(3, whole)],
  'opcode 11': [1002, frameOf(11)],
  'text': [1003, frameOf(OP.text, Buffer.from('hello'))],
  'empty text': [1003, frameOf(OP.text)],
  'a continuation of nothing': [1002, frameOf(OP.more, whole)],
  'a message inside a message': [1002, frameOf(OP.binary, whole, { fin: false }), frameOf(OP.binary, whole)],
  'text inside a message': [1002, frameOf(OP.binary, whole, { fin: false }), frameOf(OP.text, whole)],
  'a ping in fragments': [1002, frameOf(OP.ping, [], { fin: false })],
  'a long ping': [1002, frameOf(OP.ping, Buffer.alloc(126))],
  'a length in a longer form than it needs': [1002, Buffer.from([0x82, 0xfe, 0, 1, 0, 0, 0, 0, 0])],
  'a length in the longest form': [1002, Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0])],
  'a length of 64 bits': [1002, Buffer.from([0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])],
  'a closing frame of one byte': [1002, frameOf(OP.close, [3])],
  'a reason that is not UTF-8': [1007, frameOf(OP.close, [3, 0xe8, 0xff])]
}
for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000, 65535]) failures[`code ${code}`] = [1002, closeFrame(code)]
for (const [what, [code, ...frames]] of Object.entries(failures)) {
  test(`${what}: ${code}`, async t => {
    const socket = await syncSocket(t, server, 'failures')
    socket.send(Buffer.concat(frames))
    assert.equal((await socket.closing()).code, code)
    await socket.end()
  })
}

for (const code of [undefined, 1000, 1001, 1003, 1007, 1011, 1012, 1013, 1014, 3000, 4000, 4404, 4999]) {
  test(`the peer closes with ${code}`, async t => {
    const socket = await syncSocket(t, server, 'closes')
    socket.send(Buffer.concat([closeFrame(code, code && 'grüße'), frameOf(OP.ping)]))
    assert.equal((await socket.closing()).code, code)
    await socket.end()
    assert.equal(socket.received.length, 0, 'nothing follows it')
  })
}

// ---- the protocol ----

test('a reader gets what it lacks, then what happens', async t => {
  const writer = new Writer()
  await server.post('reader', writer.type('one'))
  const socket = await openSocket(t, server, 'reader')
  const first = await socket.message()
  assert.equal(first.type, 'step1')
  assert.deepEqual(Y.decodeStateVector(first.body), new Map([[writer.doc.clientID, 3]]))
  socket.binary(step1())
  assert.equal((await socket.message()).type, 'step2')
  assert.equal(socket.text, 'one')
  await server.post('reader', writer.type(' two'))
  assert.equal((await socket.message()).type, 'update')
  assert.equal(socket.text, 'one two')
})

test('a reader that has something gets the difference', async t => {
  const writer = new Writer()
  await server.post('difference', writer.type(randomText(5000)))
  const sv = writer.stateVector
  await server.post('difference', writer.type('!'))
  const socket = await openSocket(t, server, 'difference')
  socket.binary(step1(sv))
  const { body } = await socket.until('step2')
  assert.ok(body.length < 60, `${body.length} bytes`)
  assert.deepEqual(Y.decodeStateVector(Y.encodeStateVectorFromUpdate(body)).size, 0, 'begins where the client ended')
})

test('a document that is not there: an empty step 2, and nothing is created', async t => {
  const socket = await openSocket(t, server, 'nothing')
  socket.binary(step1())
  assert.deepEqual((await socket.until('step2')).body, EMPTY)
  socket.binary(step2(EMPTY))
  socket.binary(update(EMPTY))
  socket.binary(step1())
  await socket.until('step2')
  assert.equal((await server.get('/docs/nothing')).json.created, null)
})

test('sync step 1 again, and again', async t => {
  const writer = new Writer()
  const socket = await syncSocket(t, server, 'again')
  socket.binary(update(writer.type('abc')))
  await socket.until('update')
  socket.send(Buffer.concat([frameOf(OP.binary, step1()), frameOf(OP.binary, step1(writer.stateVector))]))
  assert.equal(textOf((await socket.until('step2')).body), 'abc')
  assert.ok((await socket.until('step2')).body.length < 10)
  socket.binary(update(writer.type('def')))
  await socket.until('update')
  assert.equal(socket.text, 'abcdef')
})

test('several messages in one frame', async t => {
  const writer = new Writer()
  const socket = await openSocket(t, server, 'several')
  const messages = [step1(), ...['a', 'b', 'c'].map(text => update(writer.type(text))), awareness(present(4, { here: 1 })), step1()]
  socket.binary(Buffer.concat(messages))
  await socket.until('awareness')
  while (socket.text !== 'abc') await socket.message()
  assert.equal((await server.get('/docs/several')).json.events, 3)
})

test('very many updates in one frame: each is an event', async t => {
  const writer = new Writer()
  const socket = await syncSocket(t, server, 'crowd')
  for (let i = 0; i < 10_000; i++) writer.type('x')
  socket.binary(Buffer.concat([...writer.updates.map(update), awareness(present(4, { last: true }))]))
  await socket.until('awareness')
  while (socket.text.length < 10_000) await socket.message()
  assert.equal((await server.get('/docs/crowd')).json.events, 10_000)
})

test('what this server knows nothing of is ignored', async t => {
  const socket = await syncSocket(t, server, 'unknown')
  socket.binary([2, 0, 1, 65])
  socket.binary([4])
  socket.binary([100, 1, 2, 3])
  socket.binary([0x80, 0x80, 1, 9])
  socket.binary(update(new Writer().type('x')))
  await socket.until('update')
})

const malformed = {
  'an empty message': [],
  'a kind cut short': [0x80],
  'a sync message cut short': [0, 2, 5, 1],
  'a sync message of no kind': [0, 3, 0],
  'no update': update(Buffer.from('nonsense')),
  'an update with bytes after it': update(Buffer.concat([new Writer(8).type('x'), Buffer.of(0)])),
  'an update of no bytes': update(new Uint8Array(0)),
  'no state vector': step1(Buffer.of(1, 2)),
  'a state vector of no bytes': step1(new Uint8Array(0)),
  'no awareness': awareness(Buffer.of(1, 2)),
  'a second message that is malformed': Buffer.concat([awareness(Buffer.of(0)), Buffer.of(0, 2, 9)])
}
for (const [what, bytes] of Object.entries(malformed)) {
  test(`${what}: 4400`, async t => {
    const socket = await syncSocket(t, server, 'malformed')
    socket.binary(bytes)
    const closing = await socket.closing()
    assert.equal(closing.code, 4400)
    assert.match(closing.reason, /malformed/)
    socket.send(closeFrame(4400))
    await socket.end()
  })
}

test('what came before something malformed is kept', async t => {
  const socket = await syncSocket(t, server, 'kept')
  socket.binary(update(new Writer().type('good'))).binary([0])
  assert.equal((await socket.closing()).code, 4400)
  socket.send(closeFrame(4400))
  await socket.end()
  assert.equal(textOf((await server.get('/docs/kept/state')).body), 'good')
})

test('after closing it waits for the answer, and drops what else comes', async t => {
  const writer = new Writer()
  const socket = await syncSocket(t, server, 'answered')
  socket.binary([0])
  await socket.closing()
  socket.binary(update(writer.type('too late')))
  socket.send(closeFrame(4400))
  await socket.end()
  assert.equal((await server.get('/docs/answered')).json.created, null)
})

test('a peer that does not answer the closing frame is not waited for long', async t => {
  const socket = await syncSocket(t, server, 'unanswered')
  socket.binary([0])
  await socket.closing()
  await socket.end()
})

test('too large: 4413, as soon as the frame says so', async t => {
  const own = await startServer(t, { args: ['--max-update', '1000'] })
  const sized = size => {
    const writer = new Writer(1)
    const text = randomText(size)
    const overhead = update(writer.type(text)).length - size
    return update(new Writer(1).type(text.slice(0, size - overhead)))
  }
  assert.equal(sized(1000).length, 1000)
  const fits = await syncSocket(t, own, 'sizes')
  fits.binary(sized(1000))
  await fits.until('update')

  const over = await syncSocket(t, own, 'sizes')
  over.binary(sized(1001))
  assert.equal((await over.closing()).code, 4413)

  const claims = await syncSocket(t, own, 'sizes')
  claims.send(frameOf(OP.binary, [0], { len: 2 ** 40 }))
  assert.equal((await claims.closing()).code, 4413)

  const pieces = await syncSocket(t, own, 'sizes')
  pieces.send(frameOf(OP.binary, Buffer.alloc(600), { fin: false })).send(frameOf(OP.more, Buffer.alloc(401)))
  assert.equal((await pieces.closing()).code, 4413)
})

test('more waiting for what has not come than a document may keep: 4413', async t => {
  const own = await startServer(t, { args: ['--max-update', '2000'] })
  const writer = new Writer(2)
  writer.type('a')
  const socket = await syncSocket(t, own, 'pending')
  for (let i = 0; i < 4; i++) socket.binary(update(writer.type(randomText(900, i))))
  assert.equal((await socket.closing()).code, 4413)
})

test('an awareness update over 64 KiB: 4413', async t => {
  const socket = await syncSocket(t, server, 'loud')
  socket.binary(awareness(present(3, 'x'.repeat(66_000))))
  assert.equal((await socket.closing()).code, 4413)
})

// ---- awareness ----

test('awareness comes back to its sender, and to those that come later', async t => {
  const socket = await syncSocket(t, server, 'aware')
  socket.binary(awareness(present(7, { name: 'Ada' })))
  assert.deepEqual(statesOf((await socket.until('awareness')).body), { 7: { name: 'Ada' } })
  const late = await openSocket(t, server, 'aware')
  late.binary(step1())
  await late.until('step2')
  assert.deepEqual(statesOf((await late.until('awareness')).body), { 7: { name: 'Ada' } })
  late.binary(queryAwareness())
  assert.deepEqual(statesOf((await late.until('awareness')).body), { 7: { name: 'Ada' } })
})

test('nobody is present: an answer all the same', async t => {
  const socket = await syncSocket(t, server, 'alone')
  socket.binary(queryAwareness())
  assert.deepEqual(await socket.message(), { type: 'awareness', body: Uint8Array.of(0) })
})

test('with a socket go the clients that it brought, and no others', async t => {
  const watcher = await openStream(t, server, 'owned')
  const away = async () => Object.keys(statesOf((await server.get('/docs/owned/awareness')).body))
  const first = await syncSocket(t, server, 'owned')
  const second = await syncSocket(t, server, 'owned')
  first.binary(awareness(present(11, { a: 1 }))).binary(awareness(present(12, { a: 1 })))
  await second.until('awareness')
  second.binary(awareness(present(13, { a: 1 })))
  // What a provider does: it sends back what it hears. That brings nobody.
  second.binary(awareness(present(11, { a: 1 })))
  while ((await away()).length < 3) await watcher.next()
  first.send(closeFrame(1000))
  await first.end()
  while ((await away()).length > 1) await watcher.next()
  assert.deepEqual(await away(), ['13'])
})

// ---- the room ----

test('sockets are readers, and counted', async t => {
  const socket = await syncSocket(t, server, 'counted')
  await openSocket(t, server, 'counted')
  assert.equal((await server.get('/docs/counted')).json.readers, 2)
  assert.match((await server.get('/metrics')).text, /^weft_sockets [1-9]/m)
  socket.destroy()
  while ((await server.get('/docs/counted')).json.readers !== 1);
})

test('a deletion: 4404, also for those that come later', async t => {
  await server.put('deleted')
  const [synced, waiting] = [await syncSocket(t, server, 'deleted'), await openSocket(t, server, 'deleted')]
  await server.delete('deleted')
  for (const socket of [synced, waiting]) {
    assert.equal((await socket.closing()).code, 4404)
    socket.send(closeFrame(4404))
    await socket.end()
  }
  const late = await openSocket(t, server, 'deleted')
  assert.equal((await late.closing()).code, 4404)
  await server.put('deleted')
  await syncSocket(t, server, 'deleted')
})

test('draining: 1001, and new ones are refused before the upgrade', async t => {
  const own = await startServer(t)
  const writer = new Writer()
  const [synced, waiting, deaf] = [await syncSocket(t, own, 'd'), await openSocket(t, own, 'd'), await syncSocket(t, own, 'd')]
  const early = connect(t, own).send(upgradeHead('/ws/d').slice(0, -2))
  const body = Buffer.from(writer.type('last words'))
  const busy = connect(t, own).send('POST /docs/e/updates HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n' +
    `Content-Length: ${body.length}\r\nExpect: 100-continue\r\n\r\n`)
  assert.equal((await busy.answer()).status, 100, 'its head has been read')
  synced.binary(update(body))
  await synced.until('update')
  own.signal('SIGTERM')
  assert.equal((await deaf.closing()).code, 1001)
  early.send('\r\n')
  assertProblem(await early.answer(), 503, 'draining')
  for (const socket of [synced, waiting]) {
    assert.equal((await socket.closing()).code, 1001)
    socket.send(closeFrame(1001))
    await socket.end()
  }
  busy.send(body)
  assert.equal((await busy.answer()).status, 200)
  assert.equal((await inTime(own.exited, 'the end')).code, 0)
})

test('a socket that does not read holds up nobody, and gets what it missed, merged', async t => {
  const writer = new Writer()
  const slowOne = await syncSocket(t, server, 'stalled')
  const quick = await syncSocket(t, server, 'stalled')
  slowOne.socket.pause()
  for (let i = 0; i < 40; i++) await server.post('stalled', writer.type(randomText(200_000, i)))
  while (quick.text.length < 8_000_000) await quick.message()
  let updates = 0
  slowOne.socket.resume()
  while (slowOne.text.length < 8_000_000) {
    await slowOne.message()
    updates++
  }
  assert.equal(slowOne.text, quick.text)
  assert.ok(updates < 40, `${updates} updates`)
})

/** The most it ever had, in kB. */
const memoryOf = ({ pid }) => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1])

test('answers that are not read stop the questions', async t => {
  const writer = new Writer()
  await server.post('asking', writer.type(randomText(1_000_000)))
  const socket = await syncSocket(t, server, 'asking')
  socket.socket.pause()
  const question = frameOf(OP.binary, step1())
  for (let i = 0; i < 200; i++) socket.send(question)
  for (let i = 0; i < 20_000; i++) socket.send(frameOf(OP.ping, Buffer.alloc(100)))
  const before = memoryOf(server)
  await server.post('asking', writer.type('!'))
  socket.socket.resume()
  for (let i = 0; i < 200; i++) assert.ok((await socket.until('step2')).body.length > 1_000_000)
  assert.ok(memoryOf(server) - before < 50_000, `${memoryOf(server) - before} kB`)
})

// ---- time ----

if (slow) test('something comes every 20 s, and who says nothing for a minute is gone', async t => {
  const socket = await syncSocket(t, server, 'quiet')
  const began = Date.now()
  let last = began
  let pings = 0
  for (let frame; (frame = await socket.frame()) !== null; last = Date.now()) {
    assert.ok(Date.now() - last < 20_000, 'something comes')
    if (frame.opcode === OP.ping) pings++
  }
  assert.ok(pings > 0, 'it was asked')
  const lived = Date.now() - began
  assert.ok(lived > 50_000 && lived < 80_000, `${lived} ms`)
})

if (slow) test('who answers pings stays; who does not go on with a message does not', async t => {
  const socket = await syncSocket(t, server, 'ponging')
  const begun = await syncSocket(t, server, 'ponging')
  begun.send(frameOf(OP.binary, [0, 2], { fin: false }))
  const began = Date.now()
  const cut = begun.closed.then(() => Date.now() - began)
  while (Date.now() - began < 90_000) {
    const frame = await socket.frame()
    assert.notEqual(frame, null)
    if (frame.opcode === OP.ping) socket.send(frameOf(OP.pong, frame.payload))
  }
  const lived = await cut
  assert.ok(lived > 20_000 && lived < 45_000, `${lived} ms`)
})
