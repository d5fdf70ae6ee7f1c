// Yjs documents that write, and what they write.
import * as Y from 'yjs'

export const EMPTY = Uint8Array.of(0, 0)

/** A writer with a client number of its own, whose edits are updates. */
export class Writer {
  constructor (client) {
    this.doc = new Y.Doc()
    if (client !== undefined) this.doc.clientID = client
    this.text = this.doc.getText('content')
    this.updates = []
    this.doc.on('update', (update, origin) => { if (origin !== 'remote') this.updates.push(update) })
  }

  /** Appends to the text; the update that says so. */
  type (text) {
    this.text.insert(this.text.length, text)
    return this.updates.at(-1)
  }

  delete (index, length) {
    this.text.delete(index, length)
    return this.updates.at(-1)
  }

  receive (update) { Y.applyUpdate(this.doc, update, 'remote') }

  get state () { return Y.encodeStateAsUpdate(this.doc) }
  get stateVector () { return Y.encodeStateVector(this.doc) }
}

/** The text `content` of a document that is the merge of these updates. */
export const textOf = (...updates) => {
  const doc = new Y.Doc()
  for (const update of updates) Y.applyUpdate(doc, update)
  return doc.getText('content').toString()
}

export const base64url = bytes => Buffer.from(bytes).toString('base64url')

/** Letters from a seed, so that a failure can be repeated. */
export const randomText = (length, seed = 1) => {
  let state = seed >>> 0
  let text = ''
  while (text.length < length) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    text += String.fromCharCode(97 + (state >>> 24) % 26)
  }
  return text
}
