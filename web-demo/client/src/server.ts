// One document's resources on the server, as requests.
import { toBase64Url } from './base64.js'
import { WeftError } from './error.js'
import type { From } from './follow.js'

/** Requests other than those that follow the document fail after this long, plus a second for every `UPLOAD_BYTES_PER_S` sent. */
const REQUEST_TIMEOUT_MS = 30_000
const UPLOAD_BYTES_PER_S = 32 * 1024
/** Browsers allow 64 KiB of `keepalive` bodies in flight; leave some for others. */
const KEEPALIVE_BYTES_MAX = 48 * 1024
const OCTETS = 'application/octet-stream'

export type Headers = Record<string, string>
export type HeadersSource = Headers | (() => Headers | Promise<Headers>)

export interface Receipt {
  /** The id of the event that holds what was written. */
  id: string
  changed: boolean
  /** Whether some of the document waits for updates that have not come. */
  pending: boolean
}

export interface RequestOptions {
  /** Added to the query of every request. */
  params?: Record<string, string>
  /** Added to every request, such as an `Authorization`; a function is asked each time. */
  headers?: HeadersSource
  fetch?: typeof fetch
}

/** Where requests go: applications of y-websocket name the server with `ws:`. */
export function httpUrl(serverUrl: string): string {
  return serverUrl.replace(/\/+$/, '').replace(/^ws(s?):/, 'http$1:')
}

/** What it takes, over a slow connection, to send so much. */
export function uploadMs(body: Uint8Array): number {
  return Math.ceil((body.length / UPLOAD_BYTES_PER_S) * 1000)
}

export class DocumentServer {
  /** The address of the document, without a slash at its end. */
  readonly base: string
  readonly #socketBase: string
  /** Added to every request's query; may be changed at any time. */
  params: Record<string, string>
  readonly #headers: HeadersSource
  readonly #fetch: typeof fetch

  constructor(serverUrl: string, roomname: string, options: RequestOptions) {
    this.base = `${httpUrl(serverUrl)}/docs/${encodeURIComponent(roomname)}`
    this.#socketBase = `${httpUrl(serverUrl).replace(/^http/, 'ws')}/ws/${encodeURIComponent(roomname)}`
    this.params = options.params ?? {}
    this.#headers = options.headers ?? {}
    // Wrapped, since browsers insist on calling fetch with the window, or nothing, as `this`.
    this.#fetch = options.fetch ?? ((input, init) => fetch(input, init))
  }

  url(resource: string, query: Record<string, string> = {}): string {
    return `${this.base}/${resource}${this.#search(query)}`
  }

  socketUrl(): string {
    return this.#socketBase + this.#search({})
  }

  /** The event stream's response, whatever its status; its body ends when `signal` aborts. */
  async events(from: From, clientId: number, signal: AbortSignal): Promise<Response> {
    const query: Record<string, string> = { client: String(clientId) }
    const headers: Headers = { Accept: 'text/event-stream' }
    if (from.lastEventId !== null) headers['Last-Event-ID'] = from.lastEventId
    else if (from.stateVector !== null) query.sv = toBase64Url(from.stateVector)
    return this.#send(this.url('events', query), { headers, signal, cache: 'no-store' })
  }

  /** What came after an event (null: everything), as soon as there is something, and at the latest after `waitS`. */
  async poll(lastEventId: string | null, waitS: number, signal: AbortSignal): Promise<Response> {
    const query: Record<string, string> = {}
    if (lastEventId !== null) query.since = lastEventId
    if (waitS > 0) query.wait = String(waitS)
    return this.#send(this.url('updates', query), { signal, cache: 'no-store' })
  }

  /** The head of a poll: where the document stands, and whether the event is of its present life. */
  async standing(lastEventId: string | null, signal: AbortSignal): Promise<Response> {
    const url = this.url('updates', { since: lastEventId ?? 'latest' })
    const head = await this.#send(url, { method: 'HEAD', signal, cache: 'no-store' })
    // A refusal's reason is in its body.
    return head.ok ? head : this.#send(url, { signal, cache: 'no-store' })
  }

  /** Who is present, as one awareness update. */
  async awareness(): Promise<Uint8Array> {
    const signal = AbortSignal.timeout(REQUEST_TIMEOUT_MS)
    const response = await this.#send(this.url('awareness'), { signal, cache: 'no-store' })
    if (!response.ok) throw await WeftError.from(response)
    return new Uint8Array(await response.arrayBuffer())
  }

  async postUpdate(update: Uint8Array, epoch: string | null, keepalive = false): Promise<Receipt> {
    const url = this.url('updates', epoch === null ? {} : { epoch })
    const response = await this.#post(url, update, keepalive)
    return (await response.json()) as Receipt
  }

  async postAwareness(update: Uint8Array, keepalive = false): Promise<void> {
    await this.#post(this.url('awareness'), update, keepalive)
  }

  /** The server's state vector, and the id of the event up to which it speaks. */
  async stateVector(): Promise<{ vector: Uint8Array; id: string | null }> {
    const signal = AbortSignal.timeout(REQUEST_TIMEOUT_MS)
    const response = await this.#send(this.url('state-vector'), { signal, cache: 'no-store' })
    if (!response.ok) throw await WeftError.from(response)
    const vector = new Uint8Array(await response.arrayBuffer())
    return { vector, id: response.headers.get('event-id') }
  }

  /** Any other resource, as a response that is not an error. The caller reads its body, and its `signal` ends that too. */
  async get(resource: string, query: Record<string, string>, accept: string, signal: AbortSignal): Promise<Response> {
    const response = await this.#send(this.url(resource, query), { headers: { Accept: accept }, signal })
    if (!response.ok) throw await WeftError.from(response)
    return response
  }

  /** Asks the server to make the document what it was. */
  async restore(at: string, epoch: string | null): Promise<Receipt> {
    const response = await this.#send(this.url('restore', epoch === null ? {} : { epoch }), {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ at }),
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    })
    if (!response.ok) throw await WeftError.from(response)
    return (await response.json()) as Receipt
  }

  #search(query: Record<string, string>): string {
    const search = new URLSearchParams({ ...this.params, ...query }).toString()
    return search === '' ? '' : `?${search}`
  }

  async #post(url: string, body: Uint8Array, keepalive: boolean): Promise<Response> {
    const response = await this.#send(url, {
      method: 'POST',
      headers: { 'Content-Type': OCTETS },
      body: body as BodyInit,
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS + uploadMs(body)),
      keepalive: keepalive && body.length <= KEEPALIVE_BYTES_MAX,
    })
    if (!response.ok) throw await WeftError.from(response)
    return response
  }

  async #send(url: string, init: RequestInit & { headers?: Headers }): Promise<Response> {
    // Without a function there is nothing to wait for: a last request on `pagehide` must leave at once.
    const more = typeof this.#headers === 'function' ? await this.#headers() : this.#headers
    const send = this.#fetch
    return send(url, { ...init, headers: { ...more, ...init.headers } })
  }
}
