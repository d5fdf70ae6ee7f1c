// Server-sent events: bytes in, events out.
// WHATWG HTML, section 9.2.6 "Interpreting an event stream".

export interface SseEvent {
  /** The `event` field; `message` if there was none. */
  type: string
  /** The `data` fields, joined by newlines. */
  data: string
  /** The last `id` seen on this stream, in this event or before it; empty if there was none. */
  id: string
}

export interface SseHandlers {
  onEvent(event: SseEvent): void
  /** The server's wish for the delay before reconnecting, in milliseconds. */
  onRetry?(ms: number): void
}

/**
 * Takes a stream in chunks that may be cut anywhere: inside a line, a CRLF or a UTF-8 sequence.
 * Work is linear in the bytes, also when one line of data spans thousands of chunks.
 */
export class SseParser {
  readonly #handlers: SseHandlers
  // Removes a byte order mark at the start and replaces what is not UTF-8, as the standard says.
  readonly #decoder = new TextDecoder('utf-8')
  #partial: string[] = []
  #afterCr = false
  #type = ''
  #data: string[] = []
  #id = ''

  constructor(handlers: SseHandlers) {
    this.#handlers = handlers
  }

  /** An event that is not followed by an empty line when the stream ends is dropped: there is nothing to flush. */
  push(chunk: Uint8Array): void {
    const text = this.#decoder.decode(chunk, { stream: true })
    let start = 0
    if (this.#afterCr && text.length > 0) {
      if (text[0] === '\n') start = 1
      this.#afterCr = false
    }
    const lineEnd = /\r\n|\r|\n/g
    lineEnd.lastIndex = start
    for (let found = lineEnd.exec(text); found !== null; found = lineEnd.exec(text)) {
      this.#line(this.#complete(text.slice(start, found.index)))
      start = lineEnd.lastIndex
      if (found[0] === '\r' && start === text.length) this.#afterCr = true
    }
    if (start < text.length) this.#partial.push(text.slice(start))
  }

  #complete(end: string): string {
    if (this.#partial.length === 0) return end
    this.#partial.push(end)
    const line = this.#partial.join('')
    this.#partial = []
    return line
  }

  #line(line: string): void {
    if (line === '') return this.#dispatch()
    const colon = line.indexOf(':')
    if (colon === 0) return
    const field = colon < 0 ? line : line.slice(0, colon)
    const valueStart = line[colon + 1] === ' ' ? colon + 2 : colon + 1
    const value = colon < 0 ? '' : line.slice(valueStart)
    switch (field) {
      case 'event':
        this.#type = value
        break
      case 'data':
        this.#data.push(value)
        break
      case 'id':
        if (!value.includes('\0')) this.#id = value
        break
      case 'retry':
        if (/^[0-9]+$/.test(value)) this.#handlers.onRetry?.(Number(value))
        break
      default:
        break
    }
  }

  #dispatch(): void {
    const type = this.#type === '' ? 'message' : this.#type
    const data = this.#data
    this.#type = ''
    this.#data = []
    if (data.length > 0) this.#handlers.onEvent({ type, data: data.join('\n'), id: this.#id })
  }
}
