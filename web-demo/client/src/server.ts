// One document's resources on the server, as requests.
import { toBase64Url } from './base64.js'
import { WeftError } from './error.js'

/** Requests other than the stream fail after this long, plus a second for every `UPLOAD_BYTES_PER_S` sent. */
const REQUEST_TIMEOUT_MS = 30_000
const UPLOAD_BYTES_PER_S = 32 * 1024
/** Browsers allow 64 KiB of `keepalive` bodies in flight; leave some for others. */
const KEEPALIVE_BYTES_MAX = 48 * 1024
const OCTETS = 'application/octet-stream'

export type Headers = Record<string, string>
export type HeadersSource = Headers | (() => Headers | Promise<Headers>)

/** Where a reader stands: after an event, or at a state vector, or (neither) at the beginning. */
export interface From {
  lastEventId: string | null
  stateVector: Uint8Array | null
}

export interface Receipt {
  /** The id of the event that holds the update. */
  id: string
  changed: boolean
  /** Whether some of the document waits for updates that have not come. */
  pending: boolean
}

export class DocumentServer {
  /** Added to every request's query; may be changed at any time. */
  params: Record<string, string>
  readonly #base: string
  readonly #headers: HeadersSource
  readonly #fetch: typeof fetch

  constructor(base: string, params: Record<string, string>, headers: HeadersSource, fetchWith: typeof fetch) {
    this.#base = base
    this.params = params
    this.#headers = headers
    this.#fetch = fetchWith
  }

  url(resource: string, query: Record<string, string> = {}): string {
    const search = new URLSearchParams({ ...this.params, ...query }).toString()
    return `${this.#base}/${resource}${search === '' ? '' : `?${search}`}`
  }

  /** The event stream's response, whatever its status; its body ends when `signal` aborts. */
  async events(from: From, clientId: number, signal: AbortSignal): Promise<Response> {
    const query: Record<string, string> = { client: String(clientId) }
    const headers: Headers = { Accept: 'text/event-stream' }
    if (from.lastEventId !== null) headers['Last-Event-ID'] = from.lastEventId
    else if (from.stateVector !== null) query.sv = toBase64Url(from.stateVector)
    return this.#send(this.url('events', query), { headers, signal, cache: 'no-store' })
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

  async #post(url: string, body: Uint8Array, keepalive: boolean): Promise<Response> {
    const timeoutMs = REQUEST_TIMEOUT_MS + Math.ceil((body.length / UPLOAD_BYTES_PER_S) * 1000)
    const response = await this.#send(url, {
      method: 'POST',
      headers: { 'Content-Type': OCTETS },
      body: body as BodyInit,
      signal: AbortSignal.timeout(timeoutMs),
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
