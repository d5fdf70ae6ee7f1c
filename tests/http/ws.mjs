// A WebSocket by hand: frames out as a test wants them, frames in as they come (RFC 6455, section 5).
import { createHash, randomBytes } from 'node:crypto'

import * as decoding from 'lib0/decoding'
import * as encoding from 'lib0/encoding'
import * as Y from 'yjs'

import { Connection } from './raw.mjs'
import { inTime } from './server.mjs'

export const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='
export const acceptOf = key =>
  createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')

export const upgradeHead = (path, fields = {}, { method = 'GET', version = '1.1' } = {}) => {
  const all = {
    Host: 'weft.test', Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': KEY, ...fields
  }
  const lines = Object.entries(all).filter(([, value]) => value !== undefined)
  return `${method} ${path} HTTP/${version}\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`
}

export const OP = { more: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 }

/** One frame as a client sends it; `len` says another length than the payload has. */
export const frameOf = (opcode, payload = Buffer.alloc(0), { fin = true, rsv = 0, mask = true, len } = {}) => {
  const bytes = Buffer.from(payload)
  const size = len ?? bytes.length
  const head = [(fin ? 0x80 : 0) | rsv << 4 | opcode]
  const flag = mask ? 0x80 : 0
  if (size < 126) head.push(flag | size)
  else if (size < 65536) head.push(flag | 126, size >> 8, size & 0xff)
  else {
    const long = Buffer.alloc(8)
    long.writeBigUInt64BE(BigInt(size))
    head.push(flag | 127, ...long)
  }
  if (!mask) return Buffer.concat([Buffer.from(head), bytes])
  const key = randomBytes(4)
  return Buffer.concat([Buffer.from(head), key, bytes.map((byte, i) => byte ^ key[i % 4])])
}

export const closeFrame = (code, reason = '') =>
  frameOf(OP.close, code === undefined ? [] : Buffer.from([code >> 8, code & 0xff, ...Buffer.from(reason)]))

/** Takes one frame off the front; null if it is not whole. Frames of a server are not masked. */
const takeFrame = bytes => {
  if (bytes.length < 2) return null
  const short = bytes[1] & 0x7f
  if (bytes[1] & 0x80) throw new Error('a server does not mask')
  const at = short === 126 ? 4 : short === 127 ? 10 : 2
  if (bytes.length < at) return null
  const len = short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short
  if (bytes.length < at + len) return null
  const payload = bytes.subarray(at, at + len)
  const frame = { opcode: bytes[0] & 0x0f, fin: bytes[0] >= 0x80, rsv: bytes[0] >> 4 & 7, payload, used: at + len }
  if (frame.opcode === OP.close) {
    frame.code = len >= 2 ? payload.readUInt16BE(0) : undefined
    frame.reason = payload.subarray(2).toString()
  }
  return frame
}

// ---- messages of y-websocket ----

const message = (...parts) => encoding.encode(encoder => {
  for (const part of parts) {
    if (typeof part === 'number') encoding.writeVarUint(encoder, part)
    else encoding.writeVarUint8Array(encoder, part)
  }
})

export const step1 = (stateVector = Uint8Array.of(0)) => message(0, 0, stateVector)
export const step2 = update => message(0, 1, update)
export const update = bytes => message(0, 2, bytes)
export const awareness = bytes => message(1, bytes)
export const queryAwareness = () => message(3)

/** Takes a message apart: { type: 'step1' | 'step2' | 'update' | 'awareness' | ..., body }. */
export const parse = bytes => {
  const decoder = decoding.createDecoder(bytes)
  const kind = decoding.readVarUint(decoder)
  if (kind > 1) return { type: `kind ${kind}` }
  const type = kind === 1 ? 'awareness' : ['step1', 'step2', 'update'][decoding.readVarUint(decoder)]
  const parsed = { type, body: decoding.readVarUint8Array(decoder) }
  if (decoding.hasContent(decoder)) throw new Error('one message in a frame')
  return parsed
}

export class Socket extends Connection {
  constructor (port) {
    super(port)
    this.doc = new Y.Doc()
    this.frames = []
  }

  /** The next frame, or null when the server has ended the connection. */
  async frame () {
    for (;;) {
      const frame = takeFrame(this.received)
      if (frame) {
        this.received = this.received.subarray(frame.used)
        return frame
      }
      if (this.isClosed) return null
      await inTime(new Promise(resolve => {
        const wake = () => { this.socket.off('data', wake).off('close', wake); resolve() }
        this.socket.on('data', wake).on('close', wake)
      }), 'a frame')
    }
  }

  /** The next message; other frames are in the way of nobody. Throws when the socket closes. */
  async message () {
    for (;;) {
      const frame = await this.frame()
      if (frame === null || frame.opcode === OP.close) throw new Error(`closed: ${frame?.code} ${frame?.reason}`)
      if (frame.opcode !== OP.binary) continue
      const parsed = parse(frame.payload)
      if (parsed.type === 'step2' || parsed.type === 'update') Y.applyUpdate(this.doc, parsed.body)
      return parsed
    }
  }

  async until (type) {
    for (;;) {
      const found = await this.message()
      if (found.type === type) return found
    }
  }

  /** The code of the frame that closes; what comes before it is dropped. */
  async closing () {
    for (;;) {
      const frame = await this.frame()
      if (frame === null) throw new Error('the connection ended without a frame that closes')
      if (frame.opcode === OP.close) return frame
    }
  }

  binary (bytes, options) { return this.send(frameOf(OP.binary, bytes, options)) }

  get text () { return this.doc.getText('content').toString() }
}

/** Opens /ws/{doc}, and takes the server's sync step 1; it ends with the test. */
export const openSocket = async (t, server, doc, { fields } = {}) => {
  const socket = new Socket(server.port)
  t.after(() => socket.destroy())
  socket.send(upgradeHead(`/ws/${doc}`, fields))
  socket.head = await socket.answer({ headOnly: true })
  if (socket.head.status !== 101) throw new Error(`not opened: ${socket.head.head}`)
  return socket
}

/** The same, and makes it a reader: what it lacks is in its document. */
export const syncSocket = async (t, server, doc) => {
  const socket = await openSocket(t, server, doc)
  socket.binary(step1())
  await socket.until('step2')
  return socket
}
