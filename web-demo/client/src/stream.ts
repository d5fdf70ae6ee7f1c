// Following by server-sent events: one stream.
import { fromBase64 } from './base64.js'
import { serverStateOf } from './difference.js'
import { WeftError } from './error.js'
import { deliver, type FollowEnd, type Follower, type FollowHandlers, type From, reasonFor } from './follow.js'
import type { DocumentServer } from './server.js'
import { Silence } from './silence.js'
import { type SseEvent, SseParser } from './sse.js'

export interface StreamPatience {
  /** The server sends a comment every 15 s; a connection that is silent for longer than this is dead. */
  silenceMs: number
  /** The same, until `sync` has come: that has nothing to wait for. */
  beforeSyncMs: number
}

/** A state vector goes into the address, which proxies take up to 8 KB of, and names each window that ever wrote. */
const STATE_VECTOR_BYTES_MAX = 3 * 1024

/** Without a state vector that is too long to be sent: the whole document comes instead. */
function fitForAddress(from: From): From {
  const tooLong = from.stateVector !== null && from.stateVector.length > STATE_VECTOR_BYTES_MAX
  return tooLong ? { ...from, stateVector: null } : from
}

export class EventStream implements Follower {
  readonly #server: DocumentServer
  readonly #handlers: FollowHandlers
  readonly #clientId: number
  readonly #patience: StreamPatience
  readonly #abort = new AbortController()
  #silence: Silence | null = null
  /** Whether `sync` is the whole document rather than a difference. */
  #whole = false
  #deleted = false
  #closed = false

  /** `clientId`: whose awareness state lives as long as the stream. */
  constructor(server: DocumentServer, handlers: FollowHandlers, clientId: number, patience: StreamPatience) {
    this.#server = server
    this.#handlers = handlers
    this.#clientId = clientId
    this.#patience = patience
  }

  close(): void {
    this.#closed = true
    this.#abort.abort()
  }

  async run(wanted: From): Promise<FollowEnd> {
    const from = fitForAddress(wanted)
    this.#whole = from.lastEventId === null && from.stateVector === null
    this.#silence = new Silence(this.#patience.beforeSyncMs, (error) => this.#abort.abort(error))
    try {
      return await this.#follow(await this.#server.events(from, this.#clientId, this.#abort.signal))
    } catch (error) {
      if (this.#closed) return { kind: 'ended' }
      return { kind: 'failed', error: reasonFor(error, this.#abort.signal) }
    } finally {
      this.#silence.stop()
      // Also when a handler threw: the connection must not stay open behind our back.
      this.#abort.abort()
    }
  }

  async #follow(response: Response): Promise<FollowEnd> {
    if (this.#closed) return { kind: 'ended' }
    if (response.status === 204 || response.status === 410) return { kind: 'deleted' }
    if (!response.ok) return { kind: 'refused', error: await WeftError.from(response) }
    const type = response.headers.get('content-type') ?? ''
    if (!type.startsWith('text/event-stream') || response.body === null) {
      return { kind: 'failed', error: new Error(`expected an event stream, got '${type}'`) }
    }
    this.#silence?.heard()
    this.#handlers.onOpen('sse')
    await this.#read(response.body)
    return this.#deleted ? { kind: 'deleted' } : { kind: 'ended' }
  }

  async #read(body: ReadableStream<Uint8Array>): Promise<void> {
    const parser = new SseParser({
      onEvent: (event) => this.#take(event),
      onRetry: (ms) => this.#handlers.onRetry(ms),
    })
    const reader = body.getReader()
    for (;;) {
      const { done, value } = await reader.read()
      if (done || this.#closed || this.#deleted) return
      this.#silence?.heard()
      deliver(() => parser.push(value))
    }
  }

  #take(event: SseEvent): void {
    if (this.#closed || this.#deleted) return
    switch (event.type) {
      case 'sync':
        return this.#sync(fromBase64(event.data), event.id)
      case 'update':
        return this.#handlers.onUpdate(fromBase64(event.data), event.id)
      case 'awareness':
        return this.#handlers.onAwareness(fromBase64(event.data))
      case 'reset':
        this.#whole = true
        return this.#handlers.onReset(reasonOf(event.data))
      case 'deleted':
        this.#deleted = true
        return
      default:
        // A later server may tell more than we understand.
        return
    }
  }

  #sync(update: Uint8Array, id: string): void {
    this.#silence?.allow(this.#patience.silenceMs)
    this.#handlers.onSync({ update, id, serverState: this.#whole ? () => serverStateOf(update) : null })
  }
}

function reasonOf(data: string): string {
  try {
    const parsed = JSON.parse(data) as { reason?: unknown }
    return typeof parsed.reason === 'string' ? parsed.reason : 'unknown'
  } catch {
    return 'unknown'
  }
}
