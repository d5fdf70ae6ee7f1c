// weft export and import: documents out of a data directory and into one.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, openSync, closeSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import * as Y from 'yjs'

import { eventsOf, fails, linesOf, run, well, withoutEpoch } from './commands.mjs'
import { docPath, inTime, startServer, tempDir, weftBin } from './server.mjs'
import { EMPTY, Writer, randomText, textOf } from './yjs.mjs'

const NAMES = ['plain', 'with spaces and "quotes"', 'Grüße 🎉', '-leading', '--history', '-', '%2F..', 'a/b', 'x'.repeat(255)]

/** A directory whose server has ended, with a document of one event for each text. */
const filled = async (t, name, texts) => {
  const server = await startServer(t)
  const writer = new Writer(7)
  const ids = []
  for (const text of texts) ids.push((await server.post(name, writer.type(text))).json.id)
  await server.stop()
  return { dir: server.dir, writer, ids }
}

const exported = (dir, name, ...flags) => well(['export', '--data', dir, ...flags, '--', name])
const imported = (dir, name, input, ...flags) => well(['import', '--data', dir, ...flags, '--', name, '-'], { input })

test('a document is exported as one update, while the server runs and after', async t => {
  const server = await startServer(t)
  const writer = new Writer()
  for (const word of ['one ', 'two ', 'three']) await server.post('a', writer.type(word))
  await server.post('a', writer.delete(0, 4))
  const running = exported(server.dir, 'a')
  assert.deepEqual(running, (await server.get('/docs/a/state')).body)
  assert.equal(textOf(running), 'two three')
  await server.post('a', writer.type('!'))
  assert.equal(textOf(exported(server.dir, 'a')), 'two three!')
  await server.stop()
  assert.equal(textOf(exported(server.dir, 'a')), 'two three!')
})

test('a document is exported as of any of its events', async t => {
  const { dir, ids } = await filled(t, 'a', ['a', 'b', 'c', 'd'])
  assert.deepEqual([...exported(dir, 'a', '--at', '0')], [...EMPTY])
  ids.forEach((id, i) => {
    assert.equal(textOf(exported(dir, 'a', '--at', id)), 'abcd'.slice(0, i + 1))
    assert.equal(textOf(exported(dir, 'a', '--at', id.split('.')[0])), 'abcd'.slice(0, i + 1))
    assert.equal(eventsOf(exported(dir, 'a', '--at', id, '--history')).length, i + 1)
  })
  assert.equal(textOf(well(['export', 'a'], { env: { WEFT_DATA: dir, WEFT_AT: '2' } })), 'ab')
  assert.equal(linesOf(well(['export', 'a'], { env: { WEFT_DATA: dir, WEFT_HISTORY: '1' } })).length, 4)
})

test('a history is exported event by event, with the very bytes', async t => {
  const began = Date.now()
  const { dir, writer, ids } = await filled(t, 'a', ['a', 'b', 'c'])
  const events = eventsOf(exported(dir, 'a', '--history'))
  assert.deepEqual(events.map(event => event.id), ids)
  assert.deepEqual(events.map(event => event.update), writer.updates.map(update => Buffer.from(update).toString('base64')))
  assert.deepEqual(events.map(event => event.bytes), writer.updates.map(update => update.length))
  for (const event of events) {
    assert.deepEqual(event.clients, [7])
    assert.equal(event.user, null)
    const time = Date.parse(event.time)
    assert.ok(time >= began && time <= Date.now(), event.time)
    assert.equal(new Date(time).toISOString(), event.time)
  }
})

test('an exported history is what the server shows as lines', async t => {
  const server = await startServer(t)
  const writer = new Writer()
  for (let i = 0; i < 200; i++) await server.post('a', writer.type(randomText(50, i)))
  const shown = await server.get('/docs/a/history', { accept: 'application/x-ndjson' })
  assert.equal(shown.status, 200)
  assert.deepEqual(exported(server.dir, 'a', '--history'), shown.body)
})

test('an update is imported: new, merged, and again without a further event', async t => {
  const dir = join(tempDir(t), 'made')
  const writer = new Writer()
  imported(dir, 'a', writer.type('one '))
  imported(dir, 'a', writer.type('two'))
  imported(dir, 'a', writer.state)
  assert.equal(textOf(exported(dir, 'a')), 'one two')
  assert.equal(linesOf(exported(dir, 'a', '--history')).length, 2)

  const file = join(tempDir(t), 'update')
  writeFileSync(file, writer.type('!'))
  well(['import', '--data', dir, 'a', file])
  assert.equal(textOf(exported(dir, 'a')), 'one two!')

  const server = await startServer(t, { dir })
  assert.equal((await server.get('/docs/a')).json.events, 3)
  assert.match((await server.post('a', writer.type('?'))).json.id, /^4\./)
})

test('an update that says nothing creates nothing; one that comes too early waits', async t => {
  const dir = tempDir(t)
  imported(dir, 'a', EMPTY)
  fails(['export', '--data', dir, 'a'], /no document "a"/)
  const writer = new Writer()
  const [first, second] = [writer.type('one '), writer.type('two')]
  imported(dir, 'a', second)
  imported(dir, 'a', second)
  assert.equal(linesOf(exported(dir, 'a', '--history')).length, 1)
  assert.equal(textOf(exported(dir, 'a')), '')
  imported(dir, 'a', first)
  assert.equal(textOf(exported(dir, 'a')), 'one two')
})

test('what is malformed is refused, and changes nothing', async t => {
  const dir = tempDir(t)
  const update = Buffer.from(new Writer().type('abc'))
  imported(dir, 'a', update)
  for (const bad of [Buffer.alloc(0), update.subarray(0, -1), Buffer.concat([update, Buffer.of(0)]), Buffer.from('text')]) {
    fails(['import', '--data', dir, 'a', '-'], /not a Yjs update/, { input: bad })
    const fresh = join(dir, 'fresh')
    fails(['import', '--data', fresh, 'a', '-'], /not a Yjs update/, { input: bad })
    assert.ok(!existsSync(fresh))
  }
  assert.equal(linesOf(exported(dir, 'a', '--history')).length, 1)
})

test('every name goes out and in', async t => {
  const server = await startServer(t)
  const writers = NAMES.map(() => new Writer())
  for (const [i, name] of NAMES.entries()) {
    await server.post(name, writers[i].type(`in ${name}, `))
    await server.post(name, writers[i].type('twice'))
  }
  const [states, histories] = [tempDir(t), tempDir(t)]
  for (const name of NAMES) {
    imported(states, name, exported(server.dir, name))
    imported(histories, name, exported(server.dir, name, '--history'), '--history')
  }
  const copies = await Promise.all([states, histories].map(dir => startServer(t, { dir })))
  for (const copy of copies) {
    assert.deepEqual((await copy.get('/docs')).json.docs.sort(), [...NAMES].sort())
    for (const name of NAMES) {
      assert.equal(textOf((await copy.get(`${docPath(name)}/state`)).body), `in ${name}, twice`)
    }
  }
})

test('a history comes in as it was: numbers, times, users and bytes', async t => {
  const { dir, writer } = await filled(t, 'a', ['a', 'b', 'c'])
  const history = exported(dir, 'a', '--history')
  const lines = eventsOf(history)
  lines[0].user = 'Ada "Countess" Lövelace'
  lines[1].time = '1999-12-31T23:59:59.999Z'
  lines[2].time = '1969-07-20T20:17:40.001Z'
  const changed = Buffer.from(lines.map(line => JSON.stringify(line) + '\n').join(''))

  const copy = tempDir(t)
  imported(copy, 'b', changed, '--history')
  const back = exported(copy, 'b', '--history')
  assert.deepEqual(withoutEpoch(back), withoutEpoch(changed))
  assert.notEqual(eventsOf(back)[0].id, lines[0].id, 'a new life has a new epoch')
  assert.equal(eventsOf(back)[0].user, lines[0].user)

  const server = await startServer(t, { dir: copy })
  const facts = (await server.get('/docs/b')).json
  assert.equal(facts.head, eventsOf(back)[2].id)
  assert.equal(facts.created, lines[0].time)
  assert.equal(facts.updated, lines[2].time)
  assert.equal(facts.events, 3)
  assert.equal(textOf((await server.get('/docs/b/state')).body), 'abc')
  assert.match((await server.post('b', writer.type('d'))).json.id, /^4\./)
})

test('a long history comes in with checkpoints', async t => {
  const { dir } = await filled(t, 'a', [1, 2, 3, 4, 5].map(seed => randomText(50_000, seed)))
  const copy = tempDir(t)
  imported(copy, 'b', exported(dir, 'a', '--history'), '--history')
  assert.match(well(['verify', '--data', copy]).toString(), /^1 document, 5 events, .*: all is well\n$/)
  const server = await startServer(t, { dir: copy })
  assert.ok(Number(/^weft_storage_checkpoint_bytes (\d+)$/m.exec((await server.get('/metrics')).text)[1]) > 0)
})

test('an empty history is an empty document; the last line may lack its end', async t => {
  const { dir } = await filled(t, 'a', ['a', 'b'])
  const history = exported(dir, 'a', '--history')
  imported(dir, 'empty', '', '--history')
  assert.deepEqual([...exported(dir, 'empty')], [...EMPTY])
  assert.equal(exported(dir, 'empty', '--history').length, 0)
  imported(dir, 'cut', history.subarray(0, -1), '--history')
  assert.deepEqual(withoutEpoch(exported(dir, 'cut', '--history')), withoutEpoch(history))
})

test('a history needs a name that is free; a deleted one is', async t => {
  const server = await startServer(t)
  await server.post('a', new Writer().type('x'))
  await server.post('gone', new Writer().type('y'))
  const { epoch } = (await server.get('/docs/gone')).json
  await server.delete('gone')
  await server.stop()
  const history = exported(server.dir, 'a', '--history')
  fails(['import', '--data', server.dir, '--history', 'a', '-'], /exists already/, { input: history })
  fails(['import', '--data', server.dir, 'gone', '-'], /deleted/, { input: exported(server.dir, 'a') })
  imported(server.dir, 'gone', history, '--history')
  assert.equal(textOf(exported(server.dir, 'gone')), 'x')

  const again = await startServer(t, { dir: server.dir })
  const facts = (await again.get('/docs/gone')).json
  assert.equal(facts.events, 1)
  assert.notEqual(facts.epoch, epoch)
})

test('of a history that is not whole nothing comes in', async t => {
  const { dir } = await filled(t, 'a', ['a', 'b', 'c'])
  const lines = linesOf(exported(dir, 'a', '--history'))
  const withMember = (line, member, value) => JSON.stringify({ ...JSON.parse(line), [member]: value })
  const otherEpoch = lines[1].replace(/"id":"2\.[0-9a-f]{8}/, '"id":"2.00000000')
  for (const [bad, pattern] of [
    [[lines[1], lines[2]], /line 1: its id does not follow/],
    [[lines[0], lines[2]], /line 2: its id does not follow/],
    [[lines[0], lines[0]], /line 2: its id does not follow/],
    [[lines[0], otherEpoch], /line 2: its id has another epoch/],
    [[lines[0], ''], /line 2: it is not JSON/],
    [[lines[0], lines[1].slice(0, -9)], /line 2: it is not JSON/],
    [['not JSON'], /line 1: it is not JSON/],
    [[lines[0], lines[1], withMember(lines[2], 'time', 'late')], /line 3: it has no time/],
    [[lines[0], lines[1], withMember(lines[2], 'bytes', 1)], /line 3: its update does not have as many bytes/],
    [[lines[0], lines[1], withMember(lines[2], 'update', 'AQEF')], /line 3: its update/],
    [[lines[0], lines[1], withMember(lines[2], 'user', 5)], /line 3: its user/],
    [[withMember(lines[0], 'update', undefined)], /line 1: it has no update/]
  ]) {
    const input = bad.map(line => line + '\n').join('')
    fails(['import', '--data', dir, '--history', 'b', '-'], pattern, { input })
    fails(['export', '--data', dir, 'b'], /no document "b"/)
  }
  imported(dir, 'b', lines.map(line => line + '\n').join(''), '--history')
  assert.equal(textOf(exported(dir, 'b')), 'abc')
})

test('an import of a history that is killed leaves no document, and the name is free', { timeout: 120_000 }, async t => {
  const dir = tempDir(t)
  const update = Buffer.from(new Writer().type(randomText(100_000)))
  const rest = `,"time":"2026-11-21T10:53:15.042Z","bytes":${update.length},"clients":[],"user":null,"update":"${update.toString('base64')}"}\n`
  const child = spawn(weftBin, ['import', '--data', dir, '--history', 'a', '-'], { stdio: ['pipe', 'ignore', 'inherit'] })
  const ended = new Promise(resolve => child.on('close', (code, signal) => resolve(signal)))
  child.stdin.on('error', () => {})
  // What a pipe takes has been read, but for the last 64 KiB; some batches have been committed then.
  for (let i = 1; i <= 500; i++) {
    await inTime(new Promise(resolve => child.stdin.write(`{"id":"${i}.00000001"${rest}`, resolve)), 'the import to read on')
  }
  child.kill('SIGKILL')
  assert.equal(await inTime(ended, 'the end'), 'SIGKILL')

  fails(['export', '--data', dir, 'a'], /no document "a"/)
  const server = await startServer(t, { dir })
  assert.deepEqual((await server.get('/docs')).json.docs, [])
  assert.equal((await server.get('/docs/a')).json.created, null)
  assert.match((await server.post('a', new Writer().type('new'))).json.id, /^1\./)
  assert.equal(textOf((await server.get('/docs/a/state')).body), 'new')
})

test('a directory in use takes no import; the server goes on', async t => {
  const server = await startServer(t)
  for (const flags of [[], ['--history']]) {
    fails(['import', '--data', server.dir, ...flags, 'a', '-'], /another process uses/, { input: flags.length ? '' : new Writer().type('x') })
  }
  assert.equal((await server.post('a', new Writer().type('x'))).status, 200)
})

test('what cannot be exported or imported is told in one line', async t => {
  const { dir } = await filled(t, 'a', ['x'])
  const server = await startServer(t, { dir })
  await server.post('gone', new Writer().type('x'))
  await server.delete('gone')
  await server.stop()
  const missing = join(dir, 'missing')
  fails(['export', '--data', dir, 'b'], /no document "b"/)
  fails(['export', '--data', dir, '--history', 'b'], /no document "b"/)
  fails(['export', '--data', dir, 'gone'], /"gone" was deleted/)
  fails(['export', '--data', missing, 'a'], /no store/)
  assert.ok(!existsSync(missing), 'reading makes nothing')
  fails(['export', '--data', dir, '--at', '2', 'a'], /no such event yet/)
  fails(['export', '--data', dir, '--at', '1.00000000', 'a'], /another life/)
  fails(['import', '--data', dir, 'a', missing], /No such file/)
  fails(['import', '--data', dir, 'a', dir], /cannot be read/)
  fails(['import', '--data', dir, '--history', 'b', dir], /cannot be read/)
  const full = openSync('/dev/full', 'w')
  for (const flags of [[], ['--history']]) {
    const { status, stderr } = run(['export', '--data', dir, ...flags, 'a'], { stdio: ['ignore', full, 'pipe'] })
    assert.equal(status, 1)
    assert.match(stderr, /^weft: cannot write to standard output: No space left on device\n$/)
  }
  closeSync(full)
})

test('a full disk fails an import, and leaves what there was', async t => {
  const { dir } = await filled(t, 'a', ['x'])
  const writer = new Writer()
  const big = writer.type(randomText(8 << 20))
  const limited = ['sh', '-c', 'ulimit -f 8192; exec "$@"', 'sh'] // blocks of 512 bytes: 4 MiB
  fails(['import', '--data', dir, 'b', '-'], /nothing was imported/, { input: big, command: limited })
  const line = JSON.stringify({ id: '1.00000001', time: '2026-11-21T10:53:15.042Z', bytes: big.length, clients: [1], user: null,
    update: Buffer.from(big).toString('base64') })
  fails(['import', '--data', dir, '--history', 'b', '-'], /was not imported/, { input: `${line}\n`, command: limited })
  fails(['export', '--data', dir, 'b'], /no document "b"/)
  assert.equal(textOf(exported(dir, 'a')), 'x')
  imported(dir, 'b', big)
  assert.equal(textOf(exported(dir, 'b')).length, 8 << 20)
})

test('what Yjs knows goes through an export and back', async t => {
  const doc = new Y.Doc()
  doc.getText('t').applyDelta([{ insert: 'bold', attributes: { b: true } }, { insert: { image: 'x' } }])
  doc.getMap('m').set('nested', new Y.Map([['k', new Uint8Array([1, 2])]]))
  doc.getArray('l').push([1, 'zwei', null, { x: [1.5] }])
  doc.getXmlFragment('x').insert(0, [new Y.XmlElement('p')])
  doc.getText('t').delete(1, 2)
  const dir = tempDir(t)
  imported(dir, 'a', Y.encodeStateAsUpdate(doc))
  const back = new Y.Doc()
  Y.applyUpdate(back, exported(dir, 'a'))
  assert.deepEqual(back.getText('t').toDelta(), doc.getText('t').toDelta())
  assert.deepEqual(back.getMap('m').toJSON(), doc.getMap('m').toJSON())
  assert.deepEqual(back.getArray('l').toJSON(), doc.getArray('l').toJSON())
  assert.equal(back.getXmlFragment('x').toString(), doc.getXmlFragment('x').toString())
})
