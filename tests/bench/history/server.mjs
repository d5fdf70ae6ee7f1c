// A server under measurement: started on a directory, asked, ended.
import { spawn, spawnSync } from 'node:child_process'
import http from 'node:http'
import { join } from 'node:path'

export class Server {
  static async start (program, dir) {
    const child = spawn(program, ['serve', '--listen', '127.0.0.1:0', '--data', dir], { stdio: ['ignore', 'pipe', 'pipe'] })
    const server = new Server()
    server.child = child
    server.exited = new Promise(resolve => child.on('close', resolve))
    server.agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
    let log = ''
    child.stderr.on('data', text => { log += text })
    server.port = await new Promise((resolve, reject) => {
      child.stdout.once('data', line => resolve(Number(/:(\d+)\n/.exec(line)[1])))
      server.exited.then(() => reject(new Error(log)))
    })
    return server
  }

  async stop () {
    this.agent.destroy()
    this.child.kill('SIGTERM')
    await this.exited
  }

  /** { ms, body }: one answer of 2xx, and how long it took from the request to its last byte. */
  request (method, path, { headers = {}, body } = {}) {
    return new Promise((resolve, reject) => {
      const began = performance.now()
      const req = http.request({ host: '127.0.0.1', port: this.port, method, path, headers, agent: this.agent }, res => {
        const parts = []
        res.on('data', part => parts.push(part))
        res.on('end', () => {
          const ms = performance.now() - began
          const bytes = Buffer.concat(parts)
          if (res.statusCode >= 300) reject(new Error(`${path}: ${res.statusCode} ${bytes}`))
          else resolve({ ms, body: bytes })
        })
      })
      req.on('error', reject)
      req.end(body)
    })
  }

  get (path, headers) { return this.request('GET', path, { headers }) }

  /** What /metrics tells, by name without `weft_`. */
  async metrics () {
    const text = (await this.get('/metrics')).body.toString()
    return Object.fromEntries(Array.from(text.matchAll(/^weft_(\w+) (\d+)$/gm), ([, name, value]) => [name, Number(value)]))
  }
}

/** Takes the data file out of the page cache. Nobody may have it open. */
export const dropCache = dir => {
  const file = join(dir, 'data.mdb')
  const dropped = spawnSync('dd', [`if=${file}`, 'iflag=nocache', 'count=0'], { stdio: 'ignore' })
  const left = spawnSync('fincore', ['--bytes', '--noheadings', '--output', 'RES', file], { encoding: 'utf8' })
  if (dropped.status !== 0 || Number(left.stdout) !== 0) throw new Error(`${left.stdout.trim()} bytes of ${file} stay in the cache`)
}
