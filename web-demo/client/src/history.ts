// A document's past: what was written, event by event, how the document looked after each, and the way back to it.
import { fromBase64 } from './base64.js'
import { linesOf } from './lines.js'
import { DocumentServer, type Receipt, type RequestOptions } from './server.js'

const JSON_TYPE = 'application/json'
const NDJSON = 'application/x-ndjson'
const OCTETS = 'application/octet-stream'

/** One update as the server accepted it. */
export interface HistoryEvent {
  /** The id of the document's state with this event, and of none after it. */
  id: string
  time: Date
  /** The size of the update. */
  bytes: number
  /** The Yjs clients that wrote something in it; none where it only deletes. */
  clients: number[]
  /** Who sent it, where the server knows. */
  user: string | null
  /** Null if it was not asked for. */
  update: Uint8Array | null
}

export interface HistoryRange {
  /** From the one behind this event on (the default: from the first). */
  after?: string
  /** Up to and including this event (the default: to the last). */
  until?: string
  /** Whether the updates are wanted (the default), or only what is said of them. */
  updates?: boolean
  signal?: AbortSignal
}

export interface HistoryPage {
  events: HistoryEvent[]
  /** The `after` of the next page; null when this is the last. */
  next: string | null
}

/** How to look at a root: Yjs does not say what it is. `json` tells from what is in it. */
export type ContentShape = 'json' | 'text' | 'delta' | 'map' | 'array' | 'xml'

interface WireEvent extends Omit<HistoryEvent, 'time' | 'update'> {
  time: string
  update?: string
}

/**
 * Reads the past of one document, and brings it back. Every method rejects with a `WeftError` when the server answers
 * with a problem: 410 `event_gone` (an id of another life of the document, or one that is not kept any more), 410
 * `document_deleted`, 404 `event_unknown` (an id that is still to come); and with another error when there is no answer.
 */
export class WeftHistory {
  readonly #server: DocumentServer

  constructor(serverUrl: string, roomname: string, options: RequestOptions = {}) {
    this.#server = new DocumentServer(serverUrl, roomname, options)
  }

  /** At most `limit` events (100 unless told; the server gives no more than 1000). */
  async page(range: HistoryRange & { limit?: number } = {}): Promise<HistoryPage> {
    const query = queryOf(range)
    if (range.limit !== undefined) query.limit = String(range.limit)
    const response = await this.#get('history', query, JSON_TYPE, range.signal)
    const page = (await response.json()) as { events: WireEvent[]; next: string | null }
    return { events: page.events.map(eventOf), next: page.next }
  }

  /** All events of the range, in one request, as they come; leaving the loop ends it. */
  async *events(range: HistoryRange = {}): AsyncGenerator<HistoryEvent> {
    const response = await this.#get('history', queryOf(range), NDJSON, range.signal)
    if (response.body === null) return
    for await (const line of linesOf(response.body)) {
      range.signal?.throwIfAborted()
      yield eventOf(JSON.parse(line) as WireEvent)
    }
  }

  /** The whole document as it was with that event, or (without one) as it is, as one update for an empty Y.Doc. */
  async state(at?: string, signal?: AbortSignal): Promise<Uint8Array> {
    const response = await this.#get('state', atQuery(at), OCTETS, signal)
    return new Uint8Array(await response.arrayBuffer())
  }

  /** One root, read: a string for `text` and `xml`, else what the JSON says. */
  async content(root: string, options: { as?: ContentShape; at?: string; signal?: AbortSignal } = {}): Promise<unknown> {
    const query = { ...atQuery(options.at), ...(options.as === undefined ? {} : { as: options.as }) }
    const response = await this.#get(`content/${encodeURIComponent(root)}`, query, '*/*', options.signal)
    return options.as === 'text' || options.as === 'xml' ? response.text() : response.json()
  }

  /**
   * Makes the document's content what it was with that event, for everybody, by one new event: nothing is erased, and
   * restoring the event before the new one takes it back. `changed` is false when the content is the same already.
   */
  restore(at: string): Promise<Receipt> {
    // Only in the life of the document that the event is of.
    const epoch = at.split('.')[1] ?? null
    return this.#server.restore(at, epoch)
  }

  #get(resource: string, query: Record<string, string>, accept: string, signal?: AbortSignal): Promise<Response> {
    return this.#server.get(resource, query, accept, signal ?? new AbortController().signal)
  }
}

function queryOf({ after, until, updates }: HistoryRange): Record<string, string> {
  const query: Record<string, string> = {}
  if (after !== undefined) query.after = after
  if (until !== undefined) query.until = until
  if (updates === false) query.updates = 'false'
  return query
}

function atQuery(at: string | undefined): Record<string, string> {
  return at === undefined ? {} : { at }
}

function eventOf({ id, time, bytes, clients, user, update }: WireEvent): HistoryEvent {
  return { id, time: new Date(time), bytes, clients, user: user ?? null, update: update === undefined ? null : fromBase64(update) }
}
