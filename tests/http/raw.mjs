// Bytes in, bytes out: one TCP connection, and the answers that came on it.
import net from 'node:net'

import { inTime } from './server.mjs'

export class Connection {
  constructor (port) {
    this.received = Buffer.alloc(0)
    this.waiting = []
    this.socket = net.connect({ host: '127.0.0.1', port, noDelay: true })
    this.socket.on('data', part => {
      this.received = Buffer.concat([this.received, part])
      this.#look()
    })
    this.closed = new Promise(resolve => this.socket.on('close', () => {
      this.isClosed = true
      this.#look()
      resolve()
    }))
    this.socket.on('error', () => {}) // a reset is a way to close
  }

  /** Sends text (Latin-1, so that every byte can be said) or bytes. */
  send (data) {
    this.socket.write(typeof data === 'string' ? Buffer.from(data, 'latin1') : data)
    return this
  }

  #look () {
    this.waiting = this.waiting.filter(look => !look())
  }

  /** The next answer, taken off what was received: { status, head, headers, body }. */
  answer ({ headOnly = false } = {}) {
    return inTime(new Promise((resolve, reject) => {
      const look = () => {
        const answer = takeAnswer(this.received, headOnly, this.isClosed)
        if (answer) {
          this.received = this.received.subarray(answer.len)
          resolve(answer)
          return true
        }
        if (this.isClosed) reject(new Error(`closed after ${JSON.stringify(this.received.toString('latin1'))}`))
        return this.isClosed
      }
      if (!look()) this.waiting.push(look)
    }), 'an answer')
  }

  /** Waits until the server has closed; answers with what came and was not taken. */
  async end () {
    await inTime(this.closed, 'the server to close the connection')
    return this.received.toString('latin1')
  }

  destroy () { this.socket.destroy() }
}

const takeAnswer = (bytes, headOnly, closed) => {
  const headEnd = bytes.indexOf('\r\n\r\n')
  if (headEnd < 0) return null
  const head = bytes.subarray(0, headEnd).toString('latin1')
  const [statusLine, ...lines] = head.split('\r\n')
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(statusLine)?.[1])
  const headers = {}
  for (const line of lines) {
    const colon = line.indexOf(':')
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim()
  }
  const start = headEnd + 4
  const empty = headOnly || status === 204 || status === 304 || status < 200
  let end = start
  if (!empty && headers['content-length'] !== undefined) end = start + Number(headers['content-length'])
  else if (!empty && closed) end = bytes.length
  else if (!empty) return null
  if (bytes.length < end) return null
  return { status, head, headers, body: bytes.subarray(start, end), len: end }
}

/** A connection that ends with the test. */
export const connect = (t, server) => {
  const connection = new Connection(server.port)
  t.after(() => connection.destroy())
  return connection
}
