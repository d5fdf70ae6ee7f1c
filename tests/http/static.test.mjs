// --static: files of one directory, and nothing outside of it.
import assert from 'node:assert/strict'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { connect } from './raw.mjs'
import { file, startServer, tempDir } from './server.mjs'

const top = tempDir(file)
const root = join(top, 'site')
mkdirSync(join(root, 'assets'), { recursive: true })
writeFileSync(join(root, 'index.html'), '<!doctype html><title>weft</title>')
writeFileSync(join(root, 'assets', 'app.js'), 'export {}')
writeFileSync(join(root, 'assets', 'style.css'), 'body{}')
writeFileSync(join(root, 'with space.txt'), 'spaced')
writeFileSync(join(root, 'large.bin'), Buffer.alloc(3_000_000, 7))
writeFileSync(join(root, '.hidden'), 'hidden')
writeFileSync(join(top, 'secret.txt'), 'SECRET')
symlinkSync(join(top, 'secret.txt'), join(root, 'link.txt'))
symlinkSync(top, join(root, 'up'))
const server = await startServer(file, { args: ['--static', root] })

test('files, with their types', async () => {
  for (const [path, type, body] of [
    ['/', /^text\/html/, '<!doctype html><title>weft</title>'], ['/index.html', /^text\/html/, '<!doctype html><title>weft</title>'],
    ['/assets/app.js', /^(text|application)\/javascript/, 'export {}'], ['/assets/style.css', /^text\/css/, 'body{}'],
    ['/with%20space.txt', /^text\/plain/, 'spaced']
  ]) {
    const answer = await server.get(path)
    assert.equal(answer.status, 200, path)
    assert.match(answer.headers['content-type'], type)
    assert.equal(answer.text, body)
  }
})

test('a large file comes whole', async () => {
  const answer = await server.get('/large.bin')
  assert.equal(answer.body.length, 3_000_000)
  assert.ok(answer.body.every(byte => byte === 7))
})

test('HEAD has the head alone', async t => {
  const connection = connect(t, server)
  connection.send('HEAD /assets/app.js HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n')
  assert.equal((await connection.answer({ headOnly: true })).headers['content-length'], '9')
  assert.equal((await connection.answer()).status, 200)
})

test('no path leads out', async t => {
  const paths = [
    '/../secret.txt', '/..%2fsecret.txt', '/%2e%2e/secret.txt', '/%2e%2e%2fsecret.txt', '/assets/../../secret.txt',
    '/assets/..%2f..%2fsecret.txt', '/..\\secret.txt', '/..%5csecret.txt', '//secret.txt', '/./../secret.txt',
    '/%252e%252e/secret.txt', '/..%00/secret.txt', '/index.html%00.txt', '/link.txt', '/up/secret.txt', `/${top}/secret.txt`,
    '/....//secret.txt', '/.%2e/secret.txt', '/assets%2f..%2f..%2fsecret.txt', '/..;/secret.txt', '/%c0%ae%c0%ae/secret.txt',
    '/../../../../../../../../etc/passwd'
  ]
  for (const path of paths) {
    const connection = connect(t, server).send(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
    const answer = await connection.answer()
    assert.ok(answer.status >= 400 && answer.status < 500, `${path}: ${answer.status}`)
    assert.doesNotMatch(answer.body.toString(), /SECRET|root:/, path)
  }
})

test('directories and what is not there: 404', async () => {
  for (const path of ['/assets', '/assets/', '/nothing.js', '/index.html/', '/index.html/x']) {
    assert.equal((await server.get(path)).status, 404, path)
  }
})

test('the API keeps its paths', async () => {
  assert.equal((await server.get('/docs')).json.next, null)
  assert.equal((await server.get('/healthz')).status, 200)
})
