// One event stream, from the request to its end, whatever ends it.
import { fromBase64 } from './base64.js'
import { WeftError } from './error.js'
import type { DocumentServer, From } from './server.js'
import { type SseEvent, SseParser } from './sse.js'

const SILENCE_CHECKS = 8

export interface StreamHandlers {
  onOpen(): void
  /** Comes at most once, before `sync`: the position sent is not of the document's present life. */
  onReset(reason: string): void
  onSync(update: Uint8Array, id: string): void
  onUpdate(update: Uint8Array, id: string): void
  onAwareness(update: Uint8Array): void
  onRetry(ms: number): void
}

export type StreamEnd =
  /** The server ended it, or it was aborted. */
  | { kind: 'ended' }
  /** No connection, one that broke, silence, or bytes that make no sense. */
  | { kind: 'failed'; error: Error }
  /** The server answered, but not with a stream. */
  | { kind: 'refused'; error: WeftError }
  | { kind: 'deleted' }

export class EventStream {
  readonly #server: DocumentServer
  readonly #handlers: StreamHandlers
  readonly #abort = new AbortController()
  /** The server sends a comment every 15 s; a connection that is silent for longer than this is dead. */
  readonly #silenceMaxMs: number
  #lastByteAt = Date.now()
  #deleted = false
  #closed = false

  constructor(server: DocumentServer, handlers: StreamHandlers, silenceMaxMs: number) {
    this.#server = server
    this.#handlers = handlers
    this.#silenceMaxMs = silenceMaxMs
  }

  /** Nothing is handed to the handlers after this. */
  close(): void {
    this.#closed = true
    this.#abort.abort()
  }

  async run(from: From, clientId: number): Promise<StreamEnd> {
    const watch = setInterval(() => this.#checkSilence(), this.#silenceMaxMs / SILENCE_CHECKS)
    try {
      return await this.#follow(await this.#server.events(from, clientId, this.#abort.signal))
    } catch (error) {
      if (this.#closed) return { kind: 'ended' }
      return { kind: 'failed', error: this.#failure(error) }
    } finally {
      clearInterval(watch)
      // Also when a handler threw: the connection must not stay open behind our back.
      this.#abort.abort()
    }
  }

  async #follow(response: Response): Promise<StreamEnd> {
    if (this.#closed) return { kind: 'ended' }
    if (response.status === 204 || response.status === 410) return { kind: 'deleted' }
    if (!response.ok) return { kind: 'refused', error: await WeftError.from(response) }
    const type = response.headers.get('content-type') ?? ''
    if (!type.startsWith('text/event-stream') || response.body === null) {
      return { kind: 'failed', error: new Error(`expected an event stream, got '${type}'`) }
    }
    this.#lastByteAt = Date.now()
    this.#handlers.onOpen()
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
      this.#lastByteAt = Date.now()
      this.#parse(parser, value)
    }
  }

  /** What throws here is mostly an observer of the document: tell, since as an end of the stream it looks like the network. */
  #parse(parser: SseParser, bytes: Uint8Array): void {
    try {
      parser.push(bytes)
    } catch (error) {
      console.error('weft: an event could not be applied', error)
      throw error
    }
  }

  #take(event: SseEvent): void {
    if (this.#closed || this.#deleted) return
    switch (event.type) {
      case 'sync':
        return this.#handlers.onSync(fromBase64(event.data), event.id)
      case 'update':
        return this.#handlers.onUpdate(fromBase64(event.data), event.id)
      case 'awareness':
        return this.#handlers.onAwareness(fromBase64(event.data))
      case 'reset':
        return this.#handlers.onReset(reasonOf(event.data))
      case 'deleted':
        this.#deleted = true
        return
      default:
        // A later server may tell more than we understand.
        return
    }
  }

  #checkSilence(): void {
    if (Date.now() - this.#lastByteAt <= this.#silenceMaxMs) return
    this.#abort.abort(new Error(`nothing heard for ${this.#silenceMaxMs} ms`))
  }

  #failure(error: unknown): Error {
    const reason: unknown = this.#abort.signal.reason
    if (this.#abort.signal.aborted && reason instanceof Error) return reason
    return error instanceof Error ? error : new Error(String(error))
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
