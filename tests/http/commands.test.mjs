// weft backup, restore and verify: copies that can be trusted, beside a server that writes.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import * as Y from 'yjs'

import { eventsOf, fails, linesOf, run, well, withoutEpoch } from './commands.mjs'
import { assertProblem } from './problem.mjs'
import { openStream, seqOf } from './sse.mjs'
import { docPath, inTime, startServer, tempDir, weftBin } from './server.mjs'
import { Writer, randomText, textOf } from './yjs.mjs'

const historyOf = (dir, name) => well(['export', '--data', dir, '--history', '--', name])
const verified = dir => well(['verify', '--data', dir]).toString()
const WELL = /^\d+ documents?, \d+ events?, \d+ bytes of updates, \d+\.\d s: all is well\n$/

/** Runs a command without holding this process up: { status, stderr, stdout }. */
const runBeside = args => new Promise(resolve => {
  const child = spawn(weftBin, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', text => { ended.stdout += text })
  child.stderr.setEncoding('utf8').on('data', text => { ended.stderr += text })
  child.on('close', status => resolve({ ...ended, status }))
})

/** Writes to `docs` over several connections until `isOver`; what was acknowledged: doc -> [{ id, update }]. */
const writeBeside = (server, docs, isOver) => {
  const acked = new Map(docs.map(doc => [doc, []]))
  const writers = docs.flatMap(doc => [1, 2].map(async () => {
    const writer = new Writer()
    while (!isOver()) {
      const update = writer.type('some words ')
      const answer = await server.post(doc, update)
      assert.equal(answer.status, 200)
      acked.get(doc).push({ id: answer.json.id, update: Buffer.from(update).toString('base64') })
    }
  }))
  return { acked, done: Promise.all(writers) }
}

const restored = (t, file) => {
  const dir = join(tempDir(t), 'restored')
  well(['restore', '--data', dir, file])
  return dir
}

/** A server's directory with a few documents, one of them deleted, and its backup. */
const backedUp = async t => {
  const server = await startServer(t)
  const writer = new Writer()
  await server.post('a', writer.type('kept '))
  await server.put('empty')
  await server.post('gone', new Writer().type('x'))
  const gone = (await server.get('/docs/gone')).json
  await server.delete('gone')
  const file = join(tempDir(t), 'backup')
  well(['backup', '--data', server.dir, file])
  return { server, writer, gone, file }
}

// ---- backup and restore

test('a backup taken while writers write holds all that was acknowledged before it, and is exact', { timeout: 120_000 }, async t => {
  const server = await startServer(t)
  const docs = ['one', 'zwei 🎉', 'three']
  let over = false
  const { acked, done } = writeBeside(server, docs, () => over)
  const backups = []
  for (let i = 0; i < 4; i++) {
    await inTime((async () => { while (docs.some(doc => acked.get(doc).length < 40 * (i + 1))) await server.get('/healthz') })(), 'writes')
    const before = new Map(docs.map(doc => [doc, [...acked.get(doc)]]))
    const file = join(tempDir(t), 'backup')
    const { status, stderr, stdout } = await inTime(runBeside(['backup', '--data', server.dir, file]), 'the backup')
    assert.deepEqual([status, stderr, stdout], [0, '', ''])
    backups.push({ file, before })
  }
  over = true
  await done

  for (const { file, before } of backups) {
    const dir = restored(t, file)
    assert.match(verified(dir), WELL)
    for (const doc of docs) {
      const whole = withoutEpoch(historyOf(server.dir, doc))
      const copy = withoutEpoch(historyOf(dir, doc))
      assert.deepEqual(copy, whole.slice(0, copy.length), 'a stretch from the start, byte by byte')
      const events = eventsOf(historyOf(dir, doc))
      for (const { id, update } of before.get(doc)) assert.equal(events[seqOf(id) - 1]?.update, update, `${doc} ${id}`)
    }
  }
})

test('a restored directory is the same documents with new epochs', async t => {
  const { server, writer, gone, file } = await backedUp(t)
  const dir = restored(t, file)
  const copy = await startServer(t, { dir })
  assert.deepEqual((await copy.get('/docs')).json.docs, ['a', 'empty'])
  for (const doc of ['a', 'empty']) {
    const [was, is] = await Promise.all([server, copy].map(async s => (await s.get(`/docs/${doc}`)).json))
    assert.notEqual(is.epoch, was.epoch)
    for (const same of ['events', 'created', 'updated', 'state_bytes', 'log_bytes']) assert.equal(is[same], was[same], same)
  }
  assertProblem(await copy.get('/docs/gone/state'), 410, 'document_deleted')
  assert.deepEqual((await copy.get('/docs/a/state')).body, (await server.get('/docs/a/state')).body)
  assert.match((await copy.post('a', writer.type('on'))).json.id, /^2\./)

  // Brought back twice from the same file: two lives.
  const twin = await startServer(t, { dir: restored(t, file) })
  assert.notEqual((await twin.get('/docs/a')).json.epoch, (await copy.get('/docs/a')).json.epoch)
  assert.notEqual((await twin.get('/docs/a')).json.epoch, gone.epoch)
})

test('who comes back with an id of the life before is told restored, and brings what the backup lacks', async t => {
  const { server, writer, gone, file } = await backedUp(t)
  const old = (await server.post('a', writer.type('and lost'))).json.id
  await server.stop()
  const copy = await startServer(t, { dir: restored(t, file) })

  const stream = await openStream(t, copy, 'a', { headers: { 'last-event-id': old } })
  const reset = await stream.next()
  assert.deepEqual([reset.type, JSON.parse(reset.data)], ['reset', { reason: 'restored' }])
  const sync = await stream.next()
  assert.equal(sync.type, 'sync')
  assert.equal(textOf(sync.update), 'kept ')

  assertProblem(await copy.post('a', writer.updates.at(-1), { query: `?epoch=${old.split('.')[1]}` }), 409, 'epoch_changed')
  const lacking = Y.encodeStateAsUpdate(writer.doc, Y.encodeStateVectorFromUpdate(sync.update))
  const { id, changed, pending } = (await copy.post('a', lacking)).json
  assert.deepEqual([changed, pending], [true, false])
  await stream.reach(id)
  assert.equal(stream.doc.getText('content').toString(), 'kept and lost')

  const again = await openStream(t, copy, 'a', { headers: { 'last-event-id': id } })
  assert.equal((await again.next()).type, 'sync', 'an id of the new life is no reason to react')
  assert.equal((await copy.get(`/docs/gone/events?since=${gone.head}`)).status, 204, 'what was deleted stays so')
})

test('a restore draws epochs that outlive the next backup and restore', async t => {
  const { server, file } = await backedUp(t)
  const first = (await server.get('/docs/a')).json.head
  const middle = restored(t, file)
  const second = join(tempDir(t), 'backup')
  well(['backup', '--data', middle, second])
  const middleId = eventsOf(historyOf(middle, 'a'))[0].id
  const copy = await startServer(t, { dir: restored(t, second) })
  for (const id of [first, middleId]) {
    const stream = await openStream(t, copy, 'a', { query: `?since=${id}` })
    assert.deepEqual(JSON.parse((await stream.next()).data), { reason: 'restored' })
  }
})

test('neither writes over anything', async t => {
  const { server, file } = await backedUp(t)
  const before = readFileSync(file)
  fails(['backup', '--data', server.dir, file], /exists/)
  assert.deepEqual(readFileSync(file), before)
  const taken = tempDir(t)
  writeFileSync(join(taken, 'something'), 'x')
  fails(['restore', '--data', taken, file], /empty|exists/)
  assert.deepEqual(readdirSync(taken), ['something'])
  fails(['restore', '--data', server.dir, file], /empty|exists/)
  const empty = tempDir(t)
  well(['restore', '--data', empty, file])
  assert.match(verified(empty), WELL)
})

test('what is no backup makes no store', async t => {
  const { file } = await backedUp(t)
  const place = tempDir(t)
  const dir = join(place, 'made')
  const bad = join(place, 'bad')
  const cases = [Buffer.alloc(0), Buffer.from('no backup'), Buffer.alloc(65536, 0x5a), readFileSync(file).subarray(0, 5000)]
  for (const bytes of cases) {
    writeFileSync(bad, bytes)
    fails(['restore', '--data', dir, bad], /\w/)
    fails(['export', '--data', dir, 'a'], /no store/)
  }
  fails(['restore', '--data', dir, join(place, 'missing')], /\w/)
  fails(['restore', '--data', dir, place], /\w/)
  fails(['backup', '--data', join(place, 'missing'), join(place, 'b')], /no store/)
  fails(['backup', '--data', dir, join(place, 'missing', 'b')], /\w/)
  fails(['verify', '--data', join(place, 'missing')], /no store/)
  assert.ok(!existsSync(join(place, 'missing')))
  well(['restore', '--data', dir, file])
})

test('without room a backup leaves no file, and a restore no store', async t => {
  const server = await startServer(t)
  await server.post('a', new Writer().type(randomText(3 << 20)))
  const file = join(tempDir(t), 'backup')
  const limited = ['sh', '-c', 'ulimit -f 2048; exec "$@"', 'sh'] // blocks of 512 bytes: 1 MiB
  fails(['backup', '--data', server.dir, file], /\w/, { command: limited })
  assert.ok(!existsSync(file))
  well(['backup', '--data', server.dir, file])
  const dir = join(tempDir(t), 'restored')
  fails(['restore', '--data', dir, file], /\w/, { command: limited })
  fails(['export', '--data', dir, 'a'], /no store/)
})

// ---- verify

test('a good directory is verified, also while it is written to', { timeout: 120_000 }, async t => {
  const server = await startServer(t)
  assert.match(verified(server.dir), /^0 documents, 0 events, 0 bytes of updates, .*: all is well\n$/)
  let over = false
  const { acked, done } = writeBeside(server, ['a', 'b'], () => over)
  for (let i = 1; i <= 5; i++) {
    await inTime((async () => { while (acked.get('a').length < 50 * i) await server.get('/healthz') })(), 'writes')
    const { status, stdout, stderr } = await inTime(runBeside(['verify', '--data', server.dir]), 'the verification')
    assert.equal(stderr, '')
    assert.match(stdout, WELL)
    assert.equal(status, 0)
  }
  over = true
  await done
  assert.match(verified(server.dir), WELL)
})

/** The faults that verify finds in a directory, as lines; it exits 1 if and only if it finds any. */
const faultsOf = dir => {
  const { status, stdout, stderr } = run(['verify', '--data', dir])
  assert.equal(stderr, '')
  const lines = linesOf(stdout)
  const summary = lines.pop()
  assert.match(summary, lines.length === 0 ? /: all is well$/ : lines.length === 1 ? /: 1 fault$/ : /: \d+ faults$/)
  assert.equal(status, lines.length === 0 ? 0 : 1)
  return lines
}

/** Each of a few places at which `marker` stands in the data file. Pages that are free now may hold it, too. */
const placesOf = (dir, marker) => {
  const bytes = readFileSync(join(dir, 'data.mdb'))
  const places = []
  for (let at = bytes.indexOf(marker); at >= 0; at = bytes.indexOf(marker, at + 1)) places.push(at)
  assert.ok(places.length > 0, 'the marker stands in the file')
  return places
}

/** A copy of the directory in which one bit is another. */
const damaged = (t, dir, place) => {
  const copy = join(tempDir(t), 'copy')
  cpSync(dir, copy, { recursive: true })
  const path = join(copy, 'data.mdb')
  const bytes = readFileSync(path)
  bytes[place] ^= 0x10
  writeFileSync(path, bytes)
  return copy
}

/** What verify says of each place, one bit changed at a time; nothing, where the page is free. */
const faultsAt = (t, dir, marker) => placesOf(dir, marker).map(place => faultsOf(damaged(t, dir, place + 3))).filter(faults => faults.length > 0)

const commits = async server => Number(/^weft_commits_total (\d+)$/m.exec((await server.get('/metrics')).text)[1])
const untilCommits = (server, count) =>
  inTime((async () => { while (await commits(server) < count); })(), `${count} commits`)

test('a changed byte of an event is found, and its document and id are told', async t => {
  const server = await startServer(t)
  for (const doc of ['bad "one"', 'good']) {
    const writer = new Writer()
    for (let i = 0; i < 5; i++) await server.post(doc, writer.type(`${doc} has a marker ${i} here`))
  }
  await server.stop()
  assert.match(verified(server.dir), WELL)
  const marker = 'bad "one" has a marker 2 here'
  const found = faultsAt(t, server.dir, marker)
  assert.equal(found.length, 1, found.join('\n'))
  assert.equal(found[0].length, 1, found[0].join('\n'))
  assert.match(found[0][0], /^doc "bad \\"one\\"": event 3: \w/)

  const bad = placesOf(server.dir, marker).map(place => damaged(t, server.dir, place)).find(dir => faultsOf(dir).length > 0)
  const again = await startServer(t, { dir: bad })
  assert.equal((await again.get(`${docPath('good')}/state`)).status, 200, 'a damaged document does not stop the others')
  assert.equal(faultsOf(bad).length, 1, 'also while the server runs')
  fails(['export', '--data', bad, 'bad "one"'], /damaged/)
  assert.equal(well(['export', '--data', bad, '--at', '2', 'bad "one"']).length > 0, true, 'what is before it can be read')
})

test('a changed byte of a segment is found, and its document and ids are told', async t => {
  const marker = randomBytes(4096)
  const doc = new Y.Doc()
  const updates = []
  doc.on('update', update => updates.push(update))
  for (let i = 0; i < 20; i++) doc.getMap('m').set(`k${i}`, i === 7 ? new Uint8Array(marker) : i)
  // Events of long ago are packed at once.
  const dir = tempDir(t)
  const history = updates.map((update, i) => JSON.stringify({
    id: `${i + 1}.00000001`, time: '2020-01-01T00:00:00.000Z', bytes: update.length, clients: [doc.clientID], user: null,
    update: Buffer.from(update).toString('base64')
  }) + '\n').join('')
  well(['import', '--data', dir, '--history', 'packed', '-'], { input: history })
  well(['import', '--data', dir, 'other', '-'], { input: new Writer().type('other') })
  const server = await startServer(t, { dir })
  await untilCommits(server, 1)
  await server.stop()
  assert.match(verified(dir), WELL)
  assert.deepEqual(withoutEpoch(historyOf(dir, 'packed')), withoutEpoch(history))

  const found = faultsAt(t, dir, marker.subarray(1000, 1064))
  assert.equal(found.length, 1, found.join('\n'))
  assert.equal(found[0].length, 1, found[0].join('\n'))
  assert.match(found[0][0], /^doc "packed": events 1 to 20: \w/)
})

test('a changed byte of a checkpoint is found, and its document and id are told', async t => {
  const marker = randomBytes(100_000) // which no compressor makes smaller
  const doc = new Y.Doc()
  const server = await startServer(t)
  doc.getMap('m').set('k', new Uint8Array(marker))
  await server.post('a', Y.encodeStateAsUpdate(doc))
  await untilCommits(server, 2)
  await server.stop()
  assert.match(verified(server.dir), WELL)
  const found = faultsAt(t, server.dir, marker.subarray(50_000, 50_064))
  assert.deepEqual(found.map(faults => faults.length), [1, 1])
  const [checkpoint, event] = found.flat().sort()
  assert.equal(checkpoint, 'doc "a": event 1: the checkpoint is damaged')
  assert.match(event, /^doc "a": event 1: the (event|segment) is damaged$/)
})

test('a document whose events are out of order is told of at the start, and does not stop the others', async t => {
  const server = await startServer(t)
  const writer = new Writer()
  for (const word of ['one ', 'two ', 'three']) await server.post('bad', writer.type(word))
  await server.post('good', new Writer().type('well'))
  await server.stop()
  // Before the update stand its sequence number, its time and the length of its user.
  const update = Buffer.from(writer.updates[1])
  const bad = placesOf(server.dir, update).map(place => damaged(t, server.dir, place - 11)).find(dir => faultsOf(dir).length > 0)
  assert.ok(faultsOf(bad).every(line => /^doc "bad": /.test(line)))
  const again = await startServer(t, { dir: bad })
  assert.equal(textOf((await again.get('/docs/good/state')).body), 'well')
  assert.equal((await again.get('/docs/bad/state')).status, 503)
  assert.match((await again.get('/metrics')).text, /^weft_documents_damaged 1$/m)
  await again.stop()
  assert.match(again.stderr, /^\S+ warn 1 of the documents can be neither read nor written.*weft verify tells which$/m)
})

test('a store that does not open is told in one line', async t => {
  const server = await startServer(t)
  await server.post('a', new Writer().type('x'))
  await server.stop()
  truncateSync(join(server.dir, 'data.mdb'), 100)
  const { status, stdout, stderr } = run(['serve', '--listen', '127.0.0.1:0', '--data', server.dir])
  assert.equal(status, 1)
  assert.equal(stdout.toString(), '')
  assert.match(stderr, /^\S+ error cannot serve [^\n]*weft verify[^\n]*\n$/)
  assert.equal(stderr.split(server.dir).length, 2, 'the directory is named once')
})

test('a cut or trampled data file is told, not crashed on', async t => {
  const { server } = await backedUp(t)
  for (let i = 0; i < 40; i++) await server.post('a', new Writer().type(randomText(50_000, i)))
  await server.stop()
  const whole = statSync(join(server.dir, 'data.mdb')).size
  for (const trample of [
    dir => truncateSync(join(dir, 'data.mdb'), whole / 2 - (whole / 2) % 4096),
    dir => truncateSync(join(dir, 'data.mdb'), 100),
    dir => truncateSync(join(dir, 'data.mdb'), 0),
    dir => writeFileSync(join(dir, 'data.mdb'), Buffer.concat([readFileSync(join(dir, 'data.mdb')).subarray(0, 8192), Buffer.alloc(whole - 8192, 0x5a)]))
  ]) {
    const dir = join(tempDir(t), 'copy')
    mkdirSync(dir)
    cpSync(server.dir, dir, { recursive: true })
    trample(dir)
    const { status, signal, stdout, stderr } = run(['verify', '--data', dir])
    assert.deepEqual([status, signal], [1, null])
    assert.match(stdout.toString() + stderr, /\w/)
  }
})
