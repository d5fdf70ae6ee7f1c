// A small stand-in for weft, in memory: enough of its contract for the provider's tests, and the means to misbehave.
import { once } from 'node:events'
import { createServer } from 'node:http'
import { applyAwarenessUpdate, Awareness, encodeAwarenessUpdate, removeAwarenessStates } from 'y-protocols/awareness'
import * as Y from 'yjs'

const OCTETS = { 'Content-Type': 'application/octet-stream' }
const JSON_TYPE = { 'Content-Type': 'application/json' }
const FIRST_EVENT_AT = Date.UTC(2026, 0, 1)
const HISTORY_PAGE = 100

class FakeDocument {
  doc = new Y.Doc({ gc: true })
  awareness = new Awareness(this.doc)
  epoch = null
  deleted = false
  /** How each earlier life ended, by its epoch. */
  ended = new Map()
  events = []
  streams = new Set()

  constructor() {
    this.awareness.setLocalState(null)
    this.awareness.on('update', ({ added, updated, removed }) => {
      const data = encodeAwarenessUpdate(this.awareness, [...added, ...updated, ...removed])
      for (const stream of this.streams) stream.event('awareness', data)
    })
  }

  get head() {
    return this.epoch === null ? '0' : `${this.events.length}.${this.epoch}`
  }

  accept(update) {
    const before = Y.snapshot(this.doc)
    Y.applyUpdate(this.doc, update)
    const changed = !Y.snapshotContainsUpdate(before, update)
    if (changed) {
      this.epoch ??= newEpoch()
      this.events.push(update)
      for (const stream of this.streams) stream.event('update', update, this.head)
    }
    return { id: this.head, changed, pending: this.doc.store.pendingStructs !== null }
  }

  /** The document as it was after so many events. */
  past(seq) {
    const doc = new Y.Doc()
    for (const update of this.events.slice(0, seq)) Y.applyUpdate(doc, update)
    return doc
  }

  /** The events as history tells them; one a minute. */
  history(withUpdates) {
    return this.events.map((update, index) => ({
      id: `${index + 1}.${this.epoch}`,
      time: new Date(FIRST_EVENT_AT + index * 60_000).toISOString(),
      bytes: update.length,
      clients: [...Y.parseUpdateMeta(update).to.keys()],
      user: null,
      ...(withUpdates ? { update: Buffer.from(update).toString('base64') } : {}),
    }))
  }

  /** Makes the text what it was; no other roots are known here. */
  restore(seq) {
    const before = Y.encodeStateVector(this.doc)
    const wanted = this.past(seq).getText('t').toString()
    const writer = new Y.Doc()
    Y.applyUpdate(writer, Y.encodeStateAsUpdate(this.doc))
    const text = writer.getText('t')
    if (text.toString() === wanted) return { id: this.head, changed: false, pending: false }
    text.delete(0, text.length)
    text.insert(0, wanted)
    return this.accept(Y.encodeStateAsUpdate(writer, before))
  }

  /** A new life; `how` tells readers of the old one what became of it. */
  end(how) {
    if (this.epoch !== null) this.ended.set(this.epoch, how)
    this.doc = new Y.Doc()
    this.events = []
    this.epoch = null
  }
}

let epochs = 0
function newEpoch() {
  epochs += 1
  return (0xabc00000 + epochs).toString(16)
}

export class FakeServer {
  documents = new Map()
  /** Every request: {method, resource, query, headers, body}. */
  requests = []
  /** Answers instead of the true one, each used once: (request) => {status, code?, headers?}, {cut}, {silent} or {text, type}, or null to pass. */
  faults = []
  retryMs = 20
  commentMs = 50
  /** Set to a promise to make every POST of an update wait for it before it is answered. */
  gate = null
  postsInFlight = 0
  postsInFlightMax = 0
  #http = createServer((request, response) => void this.#handle(request, response))
  #port = 0

  async start() {
    this.#http.listen(this.#port, '127.0.0.1')
    await once(this.#http, 'listening')
    this.#port = this.#http.address().port
    return this
  }

  get url() {
    return `http://127.0.0.1:${this.#port}`
  }

  /** Stops listening and cuts every connection; start() comes back on the same port. */
  async stop() {
    for (const document of this.documents.values()) this.cut(document)
    this.#http.closeAllConnections()
    this.#http.close()
    await once(this.#http, 'close')
    this.#http = createServer((request, response) => void this.#handle(request, response))
  }

  async close() {
    await this.stop()
    for (const { awareness, doc } of this.documents.values()) {
      awareness.destroy()
      doc.destroy()
    }
  }

  document(name) {
    if (!this.documents.has(name)) this.documents.set(name, new FakeDocument())
    return this.documents.get(name)
  }

  cut(document) {
    for (const stream of document.streams) stream.response.destroy()
    document.streams.clear()
  }

  of(method, resource) {
    return this.requests.filter((request) => request.method === method && request.resource === resource)
  }

  async #handle(request, response) {
    const url = new URL(request.url, this.url)
    const [, , name, resource, root = ''] = url.pathname.split('/')
    const chunks = []
    for await (const chunk of request) chunks.push(chunk)
    const body = new Uint8Array(Buffer.concat(chunks))
    const query = Object.fromEntries(url.searchParams)
    const seen = { method: request.method, name: decodeURIComponent(name), resource, root: decodeURIComponent(root), query, headers: request.headers, body }
    this.requests.push(seen)
    const fault = this.#fault(seen)
    if (fault !== null) return this.#misbehave(response, fault)
    const document = this.document(seen.name)
    const route = `${seen.method} ${resource}`
    if (route === 'GET events') return this.#events(document, seen, response)
    if (document.deleted) return problem(response, 410, 'document_deleted')
    if (route === 'POST updates') return this.#update(document, seen, response)
    if (route === 'POST awareness') return this.#awareness(document, seen, response)
    if (route === 'GET history') return this.#history(document, seen, response)
    if (route === 'GET state') return this.#state(document, seen, response)
    if (route === 'GET content') return this.#content(document, seen, response)
    if (route === 'POST restore') return this.#restore(document, seen, response)
    if (route === 'GET state-vector') {
      response.writeHead(200, { ...OCTETS, 'Event-Id': document.head })
      return response.end(Y.encodeStateVector(document.doc))
    }
    return problem(response, 404, 'not_found')
  }

  #fault(seen) {
    for (const [index, fault] of this.faults.entries()) {
      const answer = fault(seen)
      if (!answer) continue
      this.faults.splice(index, 1)
      return answer
    }
    return null
  }

  #misbehave(response, fault) {
    if (fault.cut) return response.destroy()
    if (fault.accept) fault.accept()
    if (fault.text !== undefined) {
      response.writeHead(200, { 'Content-Type': fault.type })
      return response.end(fault.text)
    }
    if (fault.silent) {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' })
      return response.flushHeaders()
    }
    return problem(response, fault.status, fault.code ?? 'overloaded', fault.headers)
  }

  async #update(document, { query, headers, body }, response) {
    if (headers['content-type'] !== OCTETS['Content-Type']) return problem(response, 415, 'unsupported_media_type')
    if (query.epoch !== undefined && query.epoch !== document.epoch) return problem(response, 409, 'epoch_changed')
    this.postsInFlight += 1
    this.postsInFlightMax = Math.max(this.postsInFlightMax, this.postsInFlight)
    await this.gate
    this.postsInFlight -= 1
    response.writeHead(200, { 'Content-Type': 'application/json' })
    response.end(JSON.stringify(document.accept(body)))
  }

  #history(document, { query, headers }, response) {
    const after = this.#seqOf(document, query.after ?? '0', response)
    const until = this.#seqOf(document, query.until ?? document.head, response)
    if (after === null || until === null) return
    const range = document.history(query.updates !== 'false').slice(after, until)
    if (headers.accept === 'application/x-ndjson') {
      response.writeHead(200, { 'Content-Type': headers.accept })
      // In pieces that end anywhere.
      const text = Buffer.from(range.map((event) => `${JSON.stringify(event)}\n`).join(''))
      for (let start = 0; start < text.length; start += 100) response.write(text.subarray(start, start + 100))
      return response.end()
    }
    const events = range.slice(0, Number(query.limit ?? HISTORY_PAGE))
    const next = events.length < range.length ? events.at(-1).id : null
    response.writeHead(200, JSON_TYPE)
    response.end(JSON.stringify({ events, next }))
  }

  #state(document, { query }, response) {
    const seq = this.#seqOf(document, query.at ?? document.head, response)
    if (seq === null) return
    response.writeHead(200, OCTETS)
    response.end(Y.encodeStateAsUpdate(document.past(seq)))
  }

  #content(document, { root, query }, response) {
    const seq = this.#seqOf(document, query.at ?? document.head, response)
    if (seq === null) return
    const text = document.past(seq).getText(root).toString()
    response.writeHead(200, query.as === 'text' ? { 'Content-Type': 'text/plain; charset=utf-8' } : JSON_TYPE)
    response.end(query.as === 'text' ? text : JSON.stringify(text))
  }

  #restore(document, { query, body }, response) {
    if (query.epoch !== undefined && query.epoch !== document.epoch) return problem(response, 409, 'epoch_changed')
    const seq = this.#seqOf(document, JSON.parse(Buffer.from(body).toString()).at, response)
    if (seq === null) return
    response.writeHead(200, JSON_TYPE)
    response.end(JSON.stringify(document.restore(seq)))
  }

  /** The number of the event with that id; null, and the answer is given, if there is none. */
  #seqOf(document, id, response) {
    const [seq, epoch = document.epoch] = id.split('.')
    if (id !== '0' && epoch !== document.epoch) problem(response, 410, 'event_gone')
    else if (Number(seq) > document.events.length) problem(response, 404, 'event_unknown')
    else return Number(seq)
    return null
  }

  #awareness(document, { body }, response) {
    applyAwarenessUpdate(document.awareness, body, 'post')
    response.writeHead(204)
    response.end()
  }

  #events(document, { query, headers }, response) {
    if (document.deleted) {
      response.writeHead(204)
      return response.end()
    }
    const stream = new Stream(response, this.commentMs, () => this.#gone(document, stream, Number(query.client)))
    stream.begin(this.retryMs)
    const [seq, epoch] = (headers['last-event-id'] ?? '0').split('.')
    const stale = epoch !== undefined && epoch !== document.epoch
    if (stale) stream.event('reset', JSON.stringify({ reason: document.ended.get(epoch) ?? 'unknown' }))
    stream.event('sync', this.#missing(document, stale ? 0 : Number(seq), query.sv), document.head)
    const present = [...document.awareness.getStates().keys()]
    if (present.length > 0) stream.event('awareness', encodeAwarenessUpdate(document.awareness, present))
    document.streams.add(stream)
  }

  #missing(document, seq, stateVector) {
    if (seq > 0) {
      const later = document.events.slice(seq)
      return later.length === 0 ? new Uint8Array([0, 0]) : Y.mergeUpdates(later)
    }
    const vector = stateVector === undefined ? undefined : new Uint8Array(Buffer.from(stateVector, 'base64url'))
    return Y.encodeStateAsUpdate(document.doc, vector)
  }

  #gone(document, stream, client) {
    if (document.streams.delete(stream)) removeAwarenessStates(document.awareness, [client], 'gone')
  }
}

class Stream {
  constructor(response, commentMs, onClose) {
    this.response = response
    const comments = setInterval(() => response.write(':\n\n'), commentMs)
    response.on('close', () => {
      clearInterval(comments)
      onClose()
    })
  }

  begin(retryMs) {
    this.response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' })
    this.response.write(`retry: ${retryMs}\n`)
  }

  event(type, data, id) {
    const text = typeof data === 'string' ? data : Buffer.from(data).toString('base64')
    this.response.write(`event: ${type}\n${id === undefined ? '' : `id: ${id}\n`}data: ${text}\n\n`)
  }

  end() {
    this.response.end()
  }
}

function problem(response, status, code, headers = {}) {
  response.writeHead(status, { 'Content-Type': 'application/problem+json', ...headers })
  response.end(JSON.stringify({ type: 'about:blank', title: code, status, detail: `about ${code}`, code }))
}
