// Following, and writing, over a WebSocket: the y-websocket protocol.
//
// Happy path: the socket opens; a HEAD of a poll tells whether our position is of the document's present life, which the
// socket itself cannot (from then on it can: a document that is deleted closes it). Then our sync step 1 asks for what we
// lack, and the server's step 2 is the sync. Nobody tells positions here: ours stays the one that the HEAD named.
//
// Writing: the server sends back, once it is on disk, whatever was new in an update. So an update is acknowledged when all
// that it says has come back. If that does not happen (nothing in it was new, it was refused, the socket broke), nobody
// knows, and a POST is to ask: it has a receipt.
import { createDecoder, type Decoder, readVarUint, readVarUint8Array } from 'lib0/decoding'
import { createEncoder, toUint8Array, writeVarUint, writeVarUint8Array } from 'lib0/encoding'
import * as Y from 'yjs'
import { deletionsOf } from './difference.js'
import { CLOSE_CODE_BASE, CLOSE_CODE_DELETED, WeftError } from './error.js'
import { deliver, drawRetryMs, type FollowEnd, type Follower, type FollowHandlers, type From, reasonFor } from './follow.js'
import { type DocumentServer, uploadMs } from './server.js'
import { Silence } from './silence.js'

const MESSAGE_SYNC = 0
const MESSAGE_AWARENESS = 1
const SYNC_STEP_1 = 0
const SYNC_STEP_2 = 1
const SYNC_UPDATE = 2

/** Close codes from 4400 on say that it will not change; but these two speak of a message, not of the document. */
const CLOSE_CODES_FINAL = { from: 4400, to: 4499 }
const CLOSE_CODE_MALFORMED = 4400
const CLOSE_CODE_TOO_BIG = 4413
const GOING_AWAY = [1000, 1001]

/** What comes back of an update comes back within this time, plus what it takes to send it. */
const ECHO_MS_MAX = 5000

/** An update that was sent, and what has come back since. */
interface Sent {
  update: Uint8Array
  vector: Map<number, number>
  deletions: ReturnType<typeof Y.createDeleteSet>
  done(known: boolean): void
}

export class SocketFollower implements Follower {
  readonly #server: DocumentServer
  readonly #handlers: FollowHandlers
  readonly #WebSocket: typeof WebSocket
  readonly #silenceMs: number
  readonly #abort = new AbortController()
  #socket: WebSocket | null = null
  #serverVector: Uint8Array | null = null
  #position = ''
  #synced = false
  #closed = false
  #sent: Sent | null = null

  constructor(server: DocumentServer, handlers: FollowHandlers, Socket: typeof WebSocket, silenceMs: number) {
    this.#server = server
    this.#handlers = handlers
    this.#WebSocket = Socket
    this.#silenceMs = silenceMs
  }

  close(): void {
    this.#closed = true
    this.#abort.abort()
    this.#socket?.close()
    this.#sent?.done(false)
  }

  async run(from: From): Promise<FollowEnd> {
    const silence = new Silence(this.#silenceMs, (error) => this.#abort.abort(error))
    try {
      const socket = new this.#WebSocket(this.#server.socketUrl())
      this.#socket = socket
      const ended = this.#listen(socket, () => silence.heard())
      const opened = new Promise<null>((resolve) => (socket.onopen = () => resolve(null)))
      const unopened = await Promise.race([opened, ended])
      const standing = await this.#server.standing(from.lastEventId, this.#abort.signal)
      if (this.#closed) return { kind: 'ended' }
      // Why a socket does not open, only HTTP can tell.
      const end = (await endIn(standing)) ?? unopened
      if (end !== null) return end
      this.#begin(standing, from)
      return await ended
    } catch (error) {
      return this.#closed ? { kind: 'ended' } : { kind: 'failed', error: reasonFor(error, this.#abort.signal) }
    } finally {
      silence.stop()
      this.close()
    }
  }

  sendUpdate(update: Uint8Array): Promise<boolean> {
    if (!this.#synced || this.#closed || this.#sent !== null) return Promise.resolve(false)
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#sent?.done(false), ECHO_MS_MAX + uploadMs(update))
      const done = (known: boolean) => {
        clearTimeout(timer)
        this.#sent = null
        resolve(known)
      }
      this.#sent = { update, vector: new Map(), deletions: Y.createDeleteSet(), done }
      this.#send(message(MESSAGE_SYNC, SYNC_UPDATE, update))
    })
  }

  sendAwareness(update: Uint8Array): boolean {
    if (!this.#synced || this.#closed) return false
    this.#send(message(MESSAGE_AWARENESS, update))
    return true
  }

  #send(bytes: Uint8Array): void {
    this.#socket?.send(bytes as Uint8Array<ArrayBuffer>)
  }

  /** The end of the socket, or of our patience with it, or of what the handlers bear. */
  #listen(socket: WebSocket, heard: () => void): Promise<FollowEnd> {
    socket.binaryType = 'arraybuffer'
    return new Promise((resolve, reject) => {
      socket.onmessage = ({ data }: MessageEvent<unknown>) => {
        heard()
        if (this.#closed || !(data instanceof ArrayBuffer)) return
        try {
          deliver(() => this.#take(createDecoder(new Uint8Array(data))))
        } catch (error) {
          reject(error as Error)
        }
      }
      // What is wrong it does not tell; a close event follows.
      socket.onerror = () => {}
      socket.onclose = ({ code, reason }) => resolve(this.#endOf(code, reason))
      this.#abort.signal.addEventListener('abort', () => reject(reasonFor('closed', this.#abort.signal)))
    })
  }

  #begin(standing: Response, from: From): void {
    this.#position = standing.headers.get('event-id') ?? '0'
    this.#handlers.onOpen('websocket')
    this.#handlers.onRetry(drawRetryMs())
    const reason = standing.headers.get('event-reset')
    if (reason !== null) deliver(() => this.#handlers.onReset(reason))
    if (!this.#closed) this.#send(message(MESSAGE_SYNC, SYNC_STEP_1, from.stateVector ?? NO_STRUCTS))
  }

  #take(decoder: Decoder): void {
    const kind = readVarUint(decoder)
    if (kind === MESSAGE_AWARENESS) return this.#handlers.onAwareness(readVarUint8Array(decoder))
    if (kind !== MESSAGE_SYNC) return
    const step = readVarUint(decoder)
    const bytes = readVarUint8Array(decoder)
    if (step === SYNC_STEP_1) {
      this.#serverVector ??= bytes
    } else if (step === SYNC_STEP_2 && !this.#synced) {
      this.#sync(bytes)
    } else if (step === SYNC_STEP_2 || step === SYNC_UPDATE) {
      this.#handlers.onUpdate(bytes, null)
      this.#cameBack(bytes)
    }
  }

  #sync(update: Uint8Array): void {
    this.#synced = true
    const stateVector = this.#serverVector ?? NO_STRUCTS
    // A step 2 has all of the server's deletions.
    const serverState = () => ({ stateVector, deletions: deletionsOf(update) })
    this.#handlers.onSync({ update, id: this.#position, serverState })
  }

  #cameBack(update: Uint8Array): void {
    const sent = this.#sent
    if (sent === null) return
    for (const [client, clock] of Y.parseUpdateMeta(update).to) {
      sent.vector.set(client, Math.max(clock, sent.vector.get(client) ?? 0))
    }
    sent.deletions = Y.mergeDeleteSets([sent.deletions, deletionsOf(update)])
    if (Y.snapshotContainsUpdate(Y.createSnapshot(sent.deletions, sent.vector), sent.update)) sent.done(true)
  }

  #endOf(code: number, reason: string): FollowEnd {
    if (code === CLOSE_CODE_DELETED) return { kind: 'deleted' }
    if (GOING_AWAY.includes(code)) return { kind: 'ended' }
    const words = reason === '' ? `the socket was closed with ${code}` : reason
    if (isFinal(code)) return { kind: 'refused', error: new WeftError(code - CLOSE_CODE_BASE, '', words) }
    return { kind: 'failed', error: new Error(words) }
  }
}

function isFinal(code: number): boolean {
  if (code === CLOSE_CODE_MALFORMED || code === CLOSE_CODE_TOO_BIG) return false
  return code >= CLOSE_CODES_FINAL.from && code <= CLOSE_CODES_FINAL.to
}

async function endIn(standing: Response): Promise<FollowEnd | null> {
  if (standing.status === 410) return { kind: 'deleted' }
  return standing.ok ? null : { kind: 'refused', error: await WeftError.from(standing) }
}

/** The state vector of an empty document. */
const NO_STRUCTS = Uint8Array.of(0)

function message(...parts: (number | Uint8Array)[]): Uint8Array {
  const encoder = createEncoder()
  for (const part of parts) {
    if (typeof part === 'number') writeVarUint(encoder, part)
    else writeVarUint8Array(encoder, part)
  }
  return toUint8Array(encoder)
}
