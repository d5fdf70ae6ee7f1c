// Reads a stream of server-sent events as the WHATWG says, and keeps the Yjs document that it describes.
import http from 'node:http'

import * as Y from 'yjs'

import { docPath, inTime } from './server.mjs'

/** Splits text into events: feed(text) returns those that became complete. */
export const eventParser = () => {
  let rest = ''
  let id = ''
  return text => {
    const blocks = (rest + text).split('\n\n')
    rest = blocks.pop()
    return blocks.map(block => {
      const event = { type: 'message', data: null, comment: null, id: '' }
      for (const line of block.split('\n')) {
        const [, field, value] = /^([^:]*):? ?(.*)$/s.exec(line)
        if (field === '') event.comment = value
        else if (field === 'event') event.type = value
        else if (field === 'data') event.data = event.data === null ? value : `${event.data}\n${value}`
        else if (field === 'id') id = value
        else if (field === 'retry') event.retry = Number(value)
        else throw new Error(`not a field of an event stream: ${line}`)
      }
      event.id = id
      return event
    })
  }
}

export class Stream {
  constructor (server, path, headers) {
    this.events = []
    this.waiting = null
    this.doc = new Y.Doc()
    this.retry = null
    this.comments = 0
    this.lastId = ''
    this.opened = new Promise((resolve, reject) => {
      this.request = http.get({ host: '127.0.0.1', port: server.port, path, headers, agent: false }, res => {
        this.response = res
        const parse = eventParser()
        res.setEncoding('utf8')
        res.on('data', text => parse(text).forEach(event => this.#arrived(event)))
        res.on('close', () => { this.isEnded = true; this.#wake() })
        res.on('error', () => {})
        resolve(res)
      })
      this.request.on('error', reject)
    })
    this.ended = this.opened.then(res => new Promise(resolve => res.on('close', resolve)))
    this.ended.catch(() => {})
  }

  #arrived (event) {
    if (event.retry !== undefined) this.retry = event.retry
    if (event.comment !== null) this.comments++
    if (event.data === null) return // never dispatched
    this.lastId = event.id
    if (event.type === 'sync' || event.type === 'update') {
      event.update = Buffer.from(event.data, 'base64')
      Y.applyUpdate(this.doc, event.update)
    }
    this.events.push(event)
    this.#wake()
  }

  #wake () {
    this.waiting?.()
    this.waiting = null
  }

  /** The next event of this stream, or null when it has ended. */
  async next () {
    while (this.events.length === 0 && !this.isEnded) {
      await inTime(new Promise(resolve => { this.waiting = resolve }), 'an event')
    }
    return this.events.shift() ?? null
  }

  /** The next event that `accept` takes; those before it are dropped. */
  async until (accept) {
    for (;;) {
      const event = await this.next()
      if (event === null) throw new Error('the stream has ended')
      if (accept(event)) return event
    }
  }

  /** Waits for the update (or sync) that reaches the event `id`. */
  reach (id) {
    return this.until(event => event.update && seqOf(event.id) >= seqOf(id))
  }

  close () { this.request.destroy() }
}

export const seqOf = id => Number(id.split('.')[0])
export const epochOf = id => id.split('.')[1]

/** Opens GET /docs/{doc}/events and waits for its head; it ends with the test. */
export const openStream = async (t, server, doc, { query = '', headers = {} } = {}) => {
  const stream = new Stream(server, `${docPath(doc)}/events${query}`, headers)
  t.after(() => stream.close())
  await inTime(stream.opened, 'the head of the stream')
  return stream
}
