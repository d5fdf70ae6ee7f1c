// The program: flags, exit codes, the one line, draining, and one server per directory.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'

import { assertProblem } from './problem.mjs'
import { connect } from './raw.mjs'
import { openStream } from './sse.mjs'
import { inTime, runWeft, slow, startServer, tempDir, weftBin } from './server.mjs'
import { Writer, textOf } from './yjs.mjs'

const get = path => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`

test('--help and --version say so on standard output and exit 0', () => {
  for (const args of [['--help'], ['serve', '--help']]) {
    const { status, stdout } = runWeft(args)
    assert.equal(status, 0, args.join(' '))
    assert.match(stdout, /--listen/)
  }
  for (const args of [['--version'], ['serve', '--version']]) {
    const { status, stdout } = runWeft(args)
    assert.equal(status, 0, args.join(' '))
    assert.match(stdout, /^weft \d+\.\d+\.\d+/)
  }
})

const COMMANDS = ['serve', 'backup', 'restore', 'verify', 'export', 'import']

test('every command is in the summary, and tells of itself', () => {
  const summary = runWeft(['--help']).stdout
  for (const command of COMMANDS) {
    assert.match(summary, new RegExp(`weft ${command} `))
    const { status, stdout, stderr } = runWeft([command, '--help'])
    assert.equal(status, 0, command)
    assert.match(stdout, new RegExp(`^usage: weft ${command} `))
    assert.match(stdout, /--data DIR/)
    assert.equal(stderr, '')
    assert.match(runWeft([command, '--version']).stdout, /^weft \d+\.\d+\.\d+/)
  }
})

test('bad usage of a command is one line, and exits 2', t => {
  const dir = tempDir(t)
  for (const args of [
    ['export'], ['export', 'a'], ['export', '--data', dir], ['export', '--data', dir, 'a', 'b'], ['export', '--data'],
    ['export', '--data', dir, '-x'], ['export', '--data', dir, '--nonsense', 'a'], ['export', '--data', dir, '--at', 'x', 'a'],
    ['export', '--data', dir, '--at', '1.', 'a'], ['export', '--data', dir, '--at', '01', 'a'], ['export', '--data', '', 'a'],
    ['export', '--data', dir, ''], ['export', '--data', dir, '..'], ['export', '--data', dir, 'a\nb'],
    ['export', '--data', dir, 'x'.repeat(256)], ['export', '--data', dir, '--history=1', 'a'],
    ['import', '--data', dir, 'a'], ['import', '--data', dir], ['import', '--data', dir, 'a', '-', 'b'],
    ['backup', '--data', dir], ['backup', 'file'], ['backup', '--data', dir, 'a', 'b'], ['backup', '--data', dir, '--history', 'a'],
    ['verify'], ['verify', '--data', dir, 'x'], ['verify', '--data', dir, '--at', '1'],
    ['restore', '--data', dir], ['restore', 'file'], ['restore', '--data', dir, '--at', '1', 'a'],
    ['import', '--data', dir, '--at', '1', 'a', '-'], ['import', '--data', dir, '.', '-']
  ]) {
    const { status, stdout, stderr } = runWeft(args)
    assert.equal(status, 2, `${args.join(' ')}: ${stderr}`)
    assert.equal(stdout, '')
    assert.match(stderr, /^weft: [^\n]+\n$/)
  }
  const { status, stderr } = runWeft(['export', '--data', dir, 'a'], { env: { WEFT_HISTORY: 'yes' } })
  assert.equal(status, 2)
  assert.match(stderr, /WEFT_HISTORY is 1 or 0/)
})

test('bad usage exits 2 and says what is wrong on standard error', t => {
  const dir = tempDir(t)
  for (const args of [
    [], ['swerve'], ['serve', '--nonsense'], ['serve', '--listen'], ['serve', 'extra'],
    ['serve', '--data', dir, '--listen', 'nowhere'], ['serve', '--data', dir, '--listen', '127.0.0.1:99999'],
    ['serve', '--data', dir, '--listen', '127.0.0.1:x'],
    ['serve', '--data', dir, '--max-update', 'many'], ['serve', '--data', dir, '--max-update', '0'],
    ['serve', '--data', dir, '--max-update', '-1'], ['serve', '--data', dir, '--max-update', '99999999999999999999'], ['serve', '-x'],
    ...['*', 'null', 'a.example', 'https://', 'https://a.example/', 'https://a.example?b', 'https://a b', 'https://A.example',
      'Https://a.example', 'https://a.example:443', 'http://a.example:80', 'https://me@a.example', '://a.example',
      'https://a.example,https://b.example'].map(origin => ['serve', '--data', dir, '--cors', origin])
  ]) {
    const { status, stdout, stderr } = runWeft(args)
    assert.equal(status, 2, `${args.join(' ')}: ${stderr}`)
    assert.equal(stdout, '')
    if (args.length > 0) assert.match(stderr, /^weft: [^\n]+\n$/)
  }
})

test('files that are not there are not served', t => {
  const dir = tempDir(t)
  writeFileSync(join(dir, 'file'), 'x')
  for (const files of [join(dir, 'missing'), join(dir, 'file')]) {
    const { status, stdout, stderr } = runWeft(['serve', '--listen', '127.0.0.1:0', '--data', join(dir, 'data'), '--static', files])
    assert.equal(status, 1, stderr)
    assert.equal(stdout, '')
    assert.ok(stderr.includes(files), stderr)
    assert.ok(!existsSync(join(dir, 'data')), 'nothing is made')
  }
})

test('an address that is not loopback is refused without --insecure', t => {
  const { status, stderr } = runWeft(['serve', '--listen', '0.0.0.0:0', '--data', tempDir(t)])
  assert.ok(status === 1 || status === 2, String(status))
  assert.match(stderr, /--insecure/)
})

test('with --insecure, or WEFT_INSECURE, another address is listened on', async t => {
  const listen = ['serve', '--listen', '0.0.0.0:0', '--data', tempDir(t)]
  for (const [args, env] of [[['--insecure'], {}], [[], { WEFT_INSECURE: '1' }], [['--insecure'], { WEFT_INSECURE: '0' }]]) {
    const child = spawn(weftBin, [...listen, ...args], { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'ignore'] })
    const ended = new Promise(resolve => child.on('close', resolve))
    const line = (await inTime(new Promise(resolve => child.stdout.once('data', resolve)), 'the line')).toString()
    const [, port] = /^weft: listening on http:\/\/0\.0\.0\.0:(\d+)\n$/.exec(line)
    assert.equal((await fetch(`http://127.0.0.1:${port}/healthz`)).status, 200)
    child.kill('SIGTERM')
    assert.equal(await inTime(ended, 'the end'), 0)
  }
  for (const value of ['0', 'yes']) assert.equal(runWeft(listen, { env: { WEFT_INSECURE: value } }).status, 2, value)
})

test('flags have environment variables, and the flag wins', async t => {
  const server = await startServer(t, { env: { WEFT_MAX_UPDATE: '10', WEFT_DATA: '/nonexistent', WEFT_LISTEN: 'nowhere' } })
  assertProblem(await server.post('a', new Writer().type('a longer update')), 413, 'too_large')

  const dir = tempDir(t)
  const child = spawn(weftBin, ['serve'], {
    env: { ...process.env, WEFT_LISTEN: '127.0.0.1:0', WEFT_DATA: dir }, stdio: ['ignore', 'pipe', 'inherit']
  })
  const ended = new Promise(resolve => child.on('close', resolve))
  const line = await inTime(new Promise(resolve => child.stdout.once('data', resolve)), 'the line')
  assert.match(line.toString(), /^weft: listening on http:\/\/127\.0\.0\.1:\d+\n$/)
  child.kill('SIGTERM')
  assert.equal(await inTime(ended, 'the end'), 0)
})

test('standard output is one line; logs go to standard error', async t => {
  const server = await startServer(t)
  await server.post('a', new Writer().type('x'))
  await server.stop()
  assert.match(server.stdout, /^weft: listening on http:\/\/127\.0\.0\.1:\d+\n$/)
})

// The numbers of standard streams that are closed are free for others: for the data file, and then what is said goes there.
const closed = ['sh', '-c', 'exec 0<&- 1>&- 2>&-; exec "$@"', 'sh']
const freePort = () => new Promise(resolve => {
  const probe = net.createServer().listen(0, '127.0.0.1', () => {
    const { port } = probe.address()
    probe.close(() => resolve(port))
  })
})

test('without standard streams nothing is said, and the data stays whole', async t => {
  const dir = tempDir(t)
  const [port, update] = [await freePort(), Buffer.from(new Writer().type('kept'))]
  const child = spawn(closed[0], [...closed.slice(1), weftBin, 'serve', '--data', dir, '--listen', `127.0.0.1:${port}`], { stdio: 'ignore' })
  const ended = new Promise(resolve => child.on('close', resolve))
  t.after(() => child.kill('SIGKILL'))
  const post = async () => (await fetch(`http://127.0.0.1:${port}/docs/a/updates`,
    { method: 'POST', body: update, headers: { 'content-type': 'application/octet-stream' } })).status
  await inTime((async () => { while (await post().catch(() => 0) !== 200); })(), 'a write')
  child.kill('SIGTERM')
  assert.equal(await inTime(ended, 'the end'), 0)
  const status = args => spawnSync(closed[0], [...closed.slice(1), weftBin, ...args]).status
  assert.equal(status(['export', '--data', dir, 'a']), 1, 'there is nowhere to write to')
  assert.equal(status(['import', '--data', dir, 'b', '-']), 1, 'there is nothing to read')
  assert.equal(status(['backup', '--data', dir, join(dir, 'backup')]), 0)
  assert.equal(status(['restore', '--data', join(dir, 'again'), join(dir, 'backup')]), 0)
  for (const store of [dir, join(dir, 'again')]) {
    assert.match(runWeft(['verify', '--data', store]).stdout, /^1 document, 1 event, .* all is well\n$/)
  }
})

test('a second server on the same directory exits 1 with a clear line; the first serves on', async t => {
  const first = await startServer(t)
  const { status, stderr } = runWeft(['serve', '--listen', '127.0.0.1:0', '--data', first.dir])
  assert.equal(status, 1)
  assert.match(stderr, /another process|in use|uses/i)
  assert.equal((await first.post('a', new Writer().type('x'))).status, 200)
})

test('an address in use exits 1', async t => {
  const first = await startServer(t)
  const { status, stderr } = runWeft(['serve', '--listen', `127.0.0.1:${first.port}`, '--data', tempDir(t)])
  assert.equal(status, 1)
  assert.match(stderr, /in use/i)
})

test('a data directory that cannot be one exits 1', t => {
  const dir = tempDir(t)
  writeFileSync(join(dir, 'file'), 'x')
  const { status, stderr } = runWeft(['serve', '--listen', '127.0.0.1:0', '--data', join(dir, 'file')])
  assert.equal(status, 1)
  assert.match(stderr, /\w/)
})

test('data that is not ours is refused, not guessed at', t => {
  const dir = tempDir(t)
  const data = join(dir, 'data')
  mkdirSync(data)
  writeFileSync(join(data, 'data.mdb'), Buffer.alloc(65536, 0x5a))
  const { status, stderr } = runWeft(['serve', '--listen', '127.0.0.1:0', '--data', data])
  assert.equal(status, 1)
  assert.match(stderr, /\w/)
})

test('health, readiness and metrics', async t => {
  const server = await startServer(t)
  assert.equal((await server.get('/healthz')).status, 200)
  assert.equal((await server.get('/readyz')).status, 200)
  await server.post('a', new Writer().type('x'))
  const metrics = await server.get('/metrics')
  assert.equal(metrics.status, 200)
  assert.match(metrics.headers['content-type'], /^text\/plain/)
  for (const line of metrics.text.trimEnd().split('\n')) {
    assert.match(line, /^(# (HELP|TYPE) [a-z_:][a-z0-9_:]* .+|[a-z_:][a-z0-9_:]*(\{[^}]*\})? [-+0-9.eEinfNa]+)$/)
  }
  assert.match(metrics.text, /^weft_/m)
})

for (const signal of ['SIGTERM', 'SIGINT']) {
  test(`${signal}: an idle server with open streams and connections ends them and exits 0`, async t => {
    const server = await startServer(t)
    await server.post('a', new Writer().type('x'))
    const streams = await Promise.all(Array.from({ length: 10 }, () => openStream(t, server, 'a')))
    await Promise.all(streams.map(stream => stream.next()))
    const idle = connect(t, server).send(get('/healthz'))
    await idle.answer()
    server.signal(signal)
    for (const stream of streams) assert.equal(await stream.next(), null)
    await idle.end()
    assert.deepEqual(await inTime(server.exited, 'the exit'), { code: 0, signal: null })
  })
}

test('a peer that takes nothing of its answer is left behind in the end', { skip: !slow }, async t => {
  const server = await startServer(t)
  await server.post('a', new Writer().type('x'.repeat(15 << 20)))
  const deaf = await inTime(new Promise(resolve => http.get(`${server.url}/docs/a/state`, { agent: false }, resolve)), 'its head')
  t.after(() => deaf.destroy())
  server.signal('SIGTERM')
  assert.deepEqual(await inTime(server.exited, 'the exit'), { code: 0, signal: null })
  assert.match(server.stderr, /1 connections did not end in time/)
})

test('draining finishes the writes in hand, refuses new requests, and says that it is not ready', async t => {
  const server = await startServer(t)
  const update = Buffer.from(new Writer().type('in hand'))
  const writing = connect(t, server).send('POST /docs/a/updates HTTP/1.1\r\nHost: x\r\n' +
    `Content-Type: application/octet-stream\r\nContent-Length: ${update.length}\r\nExpect: 100-continue\r\n\r\n`)
  assert.equal((await writing.answer()).status, 100, 'its head has been read')
  const kept = await Promise.all([1, 2, 3].map(async () => {
    const connection = connect(t, server).send(get('/healthz'))
    await connection.answer()
    return connection
  }))
  writing.send(update.subarray(0, 5))
  server.signal('SIGTERM')

  // Readiness tells when draining has begun; asked over fresh connections, which close behind each answer.
  await inTime((async () => {
    while ((await server.request('GET', '/readyz', { agent: false })).status !== 503);
  })(), 'readyz to be 503')
  assert.equal((await server.request('GET', '/healthz', { agent: false })).status, 200)
  assert.equal((await server.request('GET', '/metrics', { agent: false })).status, 200)
  for (const path of ['/docs/a', '/docs/a/events', '/docs']) {
    const answer = await server.request('GET', path, { agent: false })
    assertProblem(answer, 503, 'draining')
    assert.equal(answer.headers.connection, 'close')
  }
  assert.equal(kept.length, 3)

  writing.send(update.subarray(5))
  const answer = await writing.answer()
  assert.equal(answer.status, 200)
  assert.equal(JSON.parse(answer.body).changed, true)
  assert.deepEqual(await inTime(server.exited, 'the exit'), { code: 0, signal: null })

  const again = await startServer(t, { dir: server.dir })
  assert.equal(textOf((await again.get('/docs/a/state')).body), 'in hand')
})
