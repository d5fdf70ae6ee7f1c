// The real server, and ways to it that can be cut, watched and clogged. All of it ends with the test.
import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import { startServer, tempDir } from '../../../tests/http/server.mjs'

/** A server that may be restarted, and then listens elsewhere: clients reach it by a way. */
export class House {
  #t
  #args
  #dir
  server = null

  static async open(t, args = []) {
    const house = new House()
    house.#t = t
    house.#args = args
    house.#dir = tempDir(t)
    return house.start()
  }

  async start() {
    this.server = await startServer(this.#t, { dir: this.#dir, args: this.#args })
    return this
  }

  get port() {
    return this.server.port
  }

  async restart(signal) {
    await this.server.stop(signal)
    await this.start()
  }

  /** Everything is lost. */
  async burnDown() {
    await this.server.stop('SIGKILL')
    this.#dir = tempDir(this.#t)
  }

  async state(name) {
    return (await this.server.get(`/docs/${encodeURIComponent(name)}/state`)).body
  }
}

/** A TCP port that leads to the house, wherever that is. */
export class Way {
  /** `METHOD PATH` of every request that went by. */
  requests = []
  #house
  #accepted = new Set()
  #connections = new Set()
  #listener = net.createServer((near) => this.#connect(near))

  static async to(t, house) {
    const way = new Way()
    way.#house = house
    way.#listener.listen(0, '127.0.0.1')
    await once(way.#listener, 'listening')
    t.after(() => {
      way.#listener.close()
      for (const near of way.#accepted) near.destroy()
    })
    return way
  }

  get url() {
    return `http://127.0.0.1:${this.#listener.address().port}`
  }

  /** Breaks every connection that there is. */
  cut() {
    for (const end of this.#connections) end.destroy()
  }

  of(beginning) {
    return this.requests.filter((request) => request.startsWith(beginning))
  }

  /** Begins with the first bytes: Node's fetch waits in vain when a connection ends before it could write its request. */
  #connect(near) {
    this.#accepted.add(near)
    near.on('close', () => this.#accepted.delete(near))
    near.on('error', () => {})
    near.once('data', (bytes) => {
      const far = net.connect(this.#house.port, '127.0.0.1')
      this.#tie(near, far)
      this.#note(bytes)
      near.on('data', (more) => this.#note(more))
      far.write(bytes)
      near.pipe(far)
      far.pipe(near)
    })
  }

  #tie(near, far) {
    for (const [end, other] of [[near, far], [far, near]]) {
      this.#connections.add(end)
      end.on('error', () => {})
      end.on('close', () => {
        this.#connections.delete(end)
        other.destroy()
      })
    }
  }

  #note(bytes) {
    const [, request] = /^([A-Z]+ \S+) HTTP\/1\.1\r\n/.exec(bytes.toString('latin1')) ?? []
    if (request !== undefined) this.requests.push(request)
  }
}

/** A proxy that passes an answer on when it has all of it, as long as `holdsBack`: of a stream, nothing. */
export class HoldingProxy {
  holdsBack = true
  /** The headers of every request for a stream. */
  streams = []
  /** The path of every poll for updates. */
  polls = []
  #house
  #listener = http.createServer((request, response) => this.#pass(request, response))

  static async to(t, house) {
    const proxy = new HoldingProxy()
    proxy.#house = house
    proxy.#listener.listen(0, '127.0.0.1')
    await once(proxy.#listener, 'listening')
    t.after(() => {
      proxy.#listener.closeAllConnections()
      proxy.#listener.close()
    })
    return proxy
  }

  get url() {
    return `http://127.0.0.1:${this.#listener.address().port}`
  }

  #pass(request, response) {
    const { method, url: path, headers } = request
    if (path.includes('/events')) this.streams.push(headers)
    if (method === 'GET' && path.includes('/updates')) this.polls.push(path)
    const onward = http.request({ host: '127.0.0.1', port: this.#house.port, method, path, headers, agent: false })
    request.pipe(onward)
    response.on('close', () => onward.destroy())
    onward.on('error', () => response.destroy())
    onward.on('response', (answer) => void this.#answer(answer, response))
  }

  async #answer(answer, response) {
    if (!this.holdsBack) {
      response.writeHead(answer.statusCode, answer.headers)
      return answer.pipe(response)
    }
    const parts = []
    answer.on('data', (part) => parts.push(part))
    answer.on('error', () => {})
    answer.on('end', () => response.writeHead(answer.statusCode, answer.headers).end(Buffer.concat(parts)))
  }
}
