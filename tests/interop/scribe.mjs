// A hand that edits a Yjs document and writes down what makes the same edits in weft (driver_edits.c): one method for each edit.
// Values are given as descriptions, for a Yjs type can be used only once:
//   { any } a JSON-like value, { bytes }, { guid, options } a sub-document,
//   { type, items | entries | edits | name, attributes, children } a type with what it begins with
import * as Y from 'yjs'
import * as encoding from 'lib0/encoding'

const kinds = { Array: 0, Map: 1, Text: 2, XmlElement: 3, XmlFragment: 4, XmlHook: 5, XmlText: 6 }

const base64 = bytes => (bytes.length ? Buffer.from(bytes).toString('base64') : '-')
const text = string => base64(Buffer.from(string))
const anyBytes = value => encoding.encode(encoder => encoding.writeAny(encoder, value))

// True if JSON tells all there is to tell.
const isJson = value => {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return true
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0)
  if (Array.isArray(value)) return value.every(isJson)
  return typeof value === 'object' && !(value instanceof Uint8Array) && Object.values(value).every(isJson)
}

const build = value => {
  if ('any' in value) return value.any
  if (value.bytes) return value.bytes
  if ('guid' in value) return new Y.Doc({ guid: value.guid, ...value.options })
  const type = value.type === 'XmlElement' ? new Y.XmlElement(value.name) : value.type === 'XmlHook' ? new Y.XmlHook(value.name) : new Y[value.type]()
  value.built = type
  if (value.items?.length) type.insert(0, value.items.map(build))
  for (const [key, child] of value.entries ?? []) type.set(key, build(child))
  for (const { method, args } of value.edits ?? []) type[method](...args)
  if (value.children?.length) type.insert(0, value.children.map(build))
  for (const [key, child] of value.attributes ?? []) type.setAttribute(key, build(child))
  return type
}

export const nameOf = type => {
  if (type._item) return `@${type._item.id.client}.${type._item.id.clock}`
  for (const [name, root] of type.doc.share) if (root === type) return text(name)
  throw new Error('a type of no document')
}

export class Scribe {
  requests = [] // in words, without the document
  #random

  constructor(random) { this.#random = random }

  #note(...words) { this.requests.push(words) }

  #jsonLike(value) {
    return isJson(value) && this.#random.chance(0.5) ? `j:${text(JSON.stringify(value))}` : `a:${base64(anyBytes(value))}`
  }

  #value(value) {
    if ('any' in value) return this.#jsonLike(value.any)
    if (value.bytes) return `b:${base64(value.bytes)}`
    if ('guid' in value) {
      const { gc, autoLoad, meta } = value.options
      const options = { ...(gc === false ? { gc } : {}), ...(autoLoad ? { autoLoad } : {}), ...(meta ? { meta } : {}) }
      return Object.keys(options).length ? `d:${text(value.guid)}:${base64(anyBytes(options))}` : `d:${text(value.guid)}`
    }
    return `t:${kinds[value.type]}` + (value.name === undefined ? '' : `:${text(value.name)}`)
  }

  #attributes(attributes) { return attributes ? this.#jsonLike(attributes) : '*' }

  // What a new type begins with is put into it at once, before its next sibling.
  #fill(value) {
    if (!value.built) return
    const name = nameOf(value.built)
    if (value.items) this.#list(['linsert', name], value.items, 0)
    for (const [key, child] of value.entries ?? []) this.#entry(name, key, child)
    for (const { words } of value.edits ?? []) this.#note(words[0], name, ...words.slice(1).map(word => (typeof word === 'function' ? word(this) : word)))
    if (value.children) this.#list(['linsert', name], value.children, 0)
    for (const [key, child] of value.attributes ?? []) this.#entry(name, key, child)
  }

  // A run ends with a type that begins with something. `index`: where the next run goes, or null where it follows of itself.
  #list(words, values, index) {
    for (let from = 0, to = 0; from < values.length; from = to) {
      while (to < values.length && !values[to++].built);
      this.#note(...words, ...(index === null ? [] : [index]), ...values.slice(from, to).map(value => this.#value(value)))
      if (index !== null) index += to - from
      if (values[to - 1].built) this.#fill(values[to - 1])
    }
  }

  #entry(name, key, value) {
    this.#note('set', name, text(key), this.#value(value))
    this.#fill(value)
  }

  // An edit of a text that is not in a document yet: for `edits` of a description.
  static insertLater(index, string, attributes) {
    return { method: 'insert', args: [index, string, ...(attributes ? [attributes] : [])], words: ['insert', index, text(string), scribe => scribe.#attributes(attributes)] }
  }

  static deltaLater(delta) {
    return { method: 'applyDelta', args: [delta], words: ['delta', text(JSON.stringify(delta))] }
  }

  insert(target, index, string, attributes) {
    target.insert(index, string, attributes)
    this.#note('insert', nameOf(target), index, text(string), this.#attributes(attributes))
  }

  embed(target, index, value, attributes) {
    attributes ? target.insertEmbed(index, build(value), attributes) : target.insertEmbed(index, build(value))
    this.#note('embed', nameOf(target), index, this.#value(value), this.#attributes(attributes))
    this.#fill(value)
  }

  remove(target, index, length) {
    target.delete(index, length)
    this.#note(target instanceof Y.Text ? 'delete' : 'ldelete', nameOf(target), index, length)
  }

  format(target, index, length, attributes) {
    target.format(index, length, attributes)
    this.#note('format', nameOf(target), index, length, this.#attributes(attributes))
  }

  delta(target, delta, sanitize) {
    const words = [text(JSON.stringify(delta)), ...(sanitize ? [] : ['drop'])]
    target.applyDelta(delta, { sanitize })
    this.#note('delta', nameOf(target), ...words)
  }

  insertValues(target, index, values) {
    target.insert(index, values.map(build))
    this.#list(['linsert', nameOf(target)], values, index)
  }

  push(target, values) {
    target.push(values.map(build))
    this.#list(['lpush', nameOf(target)], values, null)
  }

  insertAfter(target, child, values) {
    target.insertAfter(child, values.map(build))
    let words = ['lafter', nameOf(target), child ? nameOf(child) : '-']
    for (const value of values) { // each is a type here
      this.#note(...words, this.#value(value))
      this.#fill(value)
      words = ['lafter', nameOf(target), nameOf(value.built)]
    }
  }

  // Of a map, or an attribute of a text or an element.
  set(target, key, value) {
    target instanceof Y.Map ? target.set(key, build(value)) : target.setAttribute(key, build(value))
    this.#entry(nameOf(target), key, value)
  }

  unset(target, key) {
    target instanceof Y.Map ? target.delete(key) : target.removeAttribute(key)
    this.#note('unset', nameOf(target), text(key))
  }

  clear(target) {
    target.clear()
    this.#note('clear', nameOf(target))
  }
}
