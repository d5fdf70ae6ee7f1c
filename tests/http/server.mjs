// Starts the real server in a directory of its own, and ends it, by its process id.
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'

export const weftBin = process.env.WEFT_BIN ?? 'build/dev/src/weft'

// Milliseconds after which something that must happen is taken not to happen. Never part of what a test says.
export const PATIENCE_MS = 30_000

// The tests that wait for the server's own clocks run when WEFT_SLOW is set.
export const slow = process.env.WEFT_SLOW === '1'

/** Stands for a test context where something lives as long as the file: its server, mostly. */
const ends = []
export const file = { after: end => ends.unshift(end) }
after(async () => { for (const end of ends) await end() })

export const tempDir = t => {
  const dir = mkdtempSync(join(tmpdir(), 'weft-test-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

/** Rejects when `promise` takes longer than PATIENCE_MS. */
export const inTime = (promise, what) => {
  let timer
  const late = new Promise((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`waited in vain for ${what}`)), PATIENCE_MS)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

export class Server {
  constructor (dir, child) {
    this.dir = dir
    this.child = child
    this.pid = child.pid
    this.stderr = ''
    this.stdout = ''
    this.agent = new http.Agent({ keepAlive: true, maxSockets: 64 })
    child.stderr.setEncoding('utf8').on('data', text => { this.stderr += text })
    child.stdout.setEncoding('utf8').on('data', text => { this.stdout += text })
    this.exited = new Promise(resolve => child.on('close', (code, signal) => {
      this.agent.destroy()
      resolve({ code, signal })
    }))
  }

  async listening () {
    const line = new Promise((resolve, reject) => {
      const look = () => {
        const found = /^weft: listening on (http:\/\/127\.0\.0\.1:(\d+))\n/.exec(this.stdout)
        if (found) resolve(found)
      }
      this.child.stdout.on('data', look)
      this.exited.then(({ code, signal }) =>
        reject(new Error(`the server ended (${code ?? signal}) before it listened: ${this.stderr}`)))
      look()
    })
    const found = await inTime(line, 'the line that says where the server listens')
    this.url = found[1]
    this.port = Number(found[2])
    return this
  }

  signal (name) { this.child.kill(name) }

  /** Asks the server to end, or makes it (SIGKILL), and waits until it has. */
  async stop (name = 'SIGTERM') {
    this.agent.destroy()
    this.signal(name)
    return inTime(this.exited, `the server to end after ${name}`)
  }

  /** One request over a kept connection: { status, headers, body, text, json }. */
  request (method, path, { headers = {}, body, agent = this.agent } = {}) {
    return inTime(new Promise((resolve, reject) => {
      const req = http.request({ host: '127.0.0.1', port: this.port, method, path, headers, agent }, res => {
        const parts = []
        res.on('data', part => parts.push(part))
        res.on('error', reject)
        res.on('end', () => {
          const bytes = Buffer.concat(parts)
          resolve({
            status: res.statusCode,
            headers: res.headers,
            body: bytes,
            get text () { return bytes.toString() },
            get json () { return JSON.parse(bytes.toString()) }
          })
        })
      })
      req.on('error', reject)
      req.end(body)
    }), `the answer to ${method} ${path}`)
  }

  get (path, headers) { return this.request('GET', path, { headers }) }

  /** POSTs one update. */
  post (doc, update, { query = '', headers = {} } = {}) {
    return this.request('POST', `${docPath(doc)}/updates${query}`, {
      headers: { 'content-type': 'application/octet-stream', ...headers }, body: Buffer.from(update)
    })
  }

  put (doc, update, headers = {}) {
    return this.request('PUT', docPath(doc), {
      headers: { ...(update ? { 'content-type': 'application/octet-stream' } : {}), ...headers },
      body: update ? Buffer.from(update) : undefined
    })
  }

  delete (doc) { return this.request('DELETE', docPath(doc)) }
}

export const docPath = doc => `/docs/${encodeURIComponent(doc)}`

/**
 * Starts `weft serve` on a free port; it ends with the test. `dir`: the data directory (a new one when absent);
 * `args`: further flags; `command`: what runs the program, for example ['unshare', '-m', ...].
 */
export const startServer = async (t, { dir = tempDir(t), args = [], env = {}, command = [] } = {}) => {
  const line = [...command, weftBin, 'serve', '--listen', '127.0.0.1:0', '--data', dir, ...args]
  const child = spawn(line[0], line.slice(1), { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } })
  const server = new Server(dir, child)
  t.after(async () => {
    const running = child.exitCode === null && child.signalCode === null
    const { code, signal } = running ? await server.stop() : await server.exited
    // A crash, a sanitizer's finding or a leak shows here, whatever the test looked at.
    if (code !== 0 && signal !== 'SIGKILL') throw new Error(`the server ended with ${code ?? signal}: ${server.stderr}`)
  })
  return server.listening()
}

/** Runs the program to its end: { status, stdout, stderr }. */
export const runWeft = (args, { input, env = {} } = {}) =>
  spawnSync(weftBin, args, { input, encoding: 'utf8', timeout: PATIENCE_MS, env: { ...process.env, ...env } })
