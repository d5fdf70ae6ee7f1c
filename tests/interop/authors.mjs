// Random edits written down for weft (scribe.mjs): everything that the interface of local edits can do.
import * as Y from 'yjs'
import { bigints, keys, marks, numbers, snippets } from './edits.mjs'
import { Scribe } from './scribe.mjs'

export class Author {
  #random
  #style
  #scribe
  #guids
  #carets = new WeakMap() // text -> relative position

  // `style`: { rich, spot, typing, subdocs, astral } as in edits.mjs.
  constructor(random, style, label) {
    this.#random = random
    this.#style = style
    this.#guids = Array.from({ length: 1000 }, (_, i) => `${label} ${i}`)
  }

  // ---- what is written ----

  #string() {
    const random = this.#random
    const string = Array.from({ length: random.between(1, 3) }, () => random.oneOf(snippets)).join('')
    return this.#style.astral === false ? string.replace(/[\ud800-\udfff]/g, '') || 'x' : string
  }

  // Each time another object: Yjs takes the members of the same object for equal, which nothing but that one document could know.
  #marks() {
    const names = Array.from({ length: this.#random.between(1, 2) }, () => this.#random.oneOf(Object.keys(marks)))
    return Object.fromEntries(names.map(name => [name, structuredClone(this.#random.oneOf(marks[name]))]))
  }

  // A value of JSON, or of Any where `any` is set.
  #json(depth = 2, any = true) {
    const random = this.#random
    switch (random.below(depth > 0 ? 9 : 5)) {
      case 0: return null
      case 1: return random.chance(0.5)
      case 2: return random.oneOf(snippets)
      case 3:
      case 4: return any ? random.oneOf(numbers) : random.oneOf(numbers.filter(number => Number.isFinite(number) && !Object.is(number, -0)))
      case 5:
      case 6: return Array.from({ length: random.below(4) }, () => this.#json(depth - 1, any))
      case 7: if (any && random.chance(0.3)) return { bytes: this.#bytes(), undef: undefined }
      // falls through
      default: return Object.fromEntries(Array.from({ length: random.below(4) }, () => [random.oneOf(keys.filter(key => key !== '__proto__')), this.#json(depth - 1, any)]))
    }
  }

  #bytes() { return Uint8Array.from({ length: this.#random.below(6) }, () => this.#random.below(256)) }

  #textType(type) {
    const random = this.#random
    const edits = []
    if (random.chance(0.7)) edits.push(Scribe.insertLater(0, this.#string(), random.chance(0.2) ? this.#marks() : undefined))
    if (random.chance(0.3)) edits.push(Scribe.deltaLater([{ insert: this.#string(), attributes: this.#marks() }, { insert: 'end' }]))
    return { type, edits }
  }

  #element(depth) {
    const random = this.#random
    const children = Array.from({ length: depth > 0 ? random.below(3) : 0 }, () => this.#node(depth - 1))
    const attributes = Array.from({ length: random.below(3) }, (_, i) => [['id', 'class'][i], random.chance(0.8) ? { any: this.#string() } : { any: this.#json(1) }])
    return { type: 'XmlElement', name: random.oneOf(['p', 'UL', 'x-ü']), children, attributes }
  }

  #node(depth) {
    const random = this.#random
    if (random.chance(0.05)) return { type: 'XmlHook', name: `hook ${random.oneOf(keys)}`, entries: random.chance(0.5) ? [['a', { any: this.#json(1) }]] : [] }
    return random.chance(0.55) ? this.#element(depth) : this.#textType('XmlText')
  }

  #type(depth) {
    const random = this.#random
    const inner = () => (depth > 0 && random.chance(0.3) ? this.#type(depth - 1) : { any: this.#json() })
    switch (random.below(7)) {
      case 0: return this.#textType('Text')
      case 1: return { type: 'Array', items: Array.from({ length: random.below(4) }, inner) }
      case 2: return { type: 'Map', entries: [...new Map(Array.from({ length: random.below(4) }, () => [random.oneOf(keys), inner()]))] }
      case 3: return { type: 'XmlFragment', children: random.chance(0.5) ? [this.#node(1)] : [] }
      default: return this.#node(depth)
    }
  }

  #content() {
    const random = this.#random
    const kind = random.below(20)
    if (kind < 13) return { any: this.#json() }
    if (kind < 15) return { bytes: this.#bytes() }
    if (kind < 16 && this.#style.subdocs) return { guid: this.#guids.pop(), options: random.oneOf([{}, { gc: false }, { autoLoad: true }, { meta: { title: 'ü', n: 1.5 } }]) }
    return this.#type(2)
  }

  // ---- where ----

  #place(length) {
    const { spot } = this.#style
    return spot && this.#random.chance(0.7) ? Math.min(length, spot) : this.#random.between(0, length)
  }

  // A range that is not empty, or null.
  #range(length, most) {
    if (length === 0) return null
    const index = this.#random.below(length)
    return [index, this.#random.between(1, Math.min(most, length - index))]
  }

  // ---- edits ----

  #editText(text, rich) {
    const random = this.#random
    const scribe = this.#scribe
    const edits = {
      insert: () => scribe.insert(text, this.#place(text.length), this.#string()),
      append: () => scribe.insert(text, text.length, this.#string()),
      insertMarked: () => scribe.insert(text, this.#place(text.length), this.#string(), random.chance(0.2) ? {} : this.#marks()),
      remove: () => { const range = this.#range(text.length, 8); if (range) scribe.remove(text, ...range) },
      removePast: () => { if (text._start) scribe.remove(text, text.length && random.below(text.length), text.length + 3) },
      format: () => { const range = this.#range(text.length, 12); if (range) scribe.format(text, ...range, this.#marks()) },
      formatPast: () => scribe.format(text, random.between(0, text.length), random.between(1, 5), this.#marks()),
      embed: () => scribe.embed(text, this.#place(text.length), random.chance(0.7) ? { any: { image: this.#json(2, false) } } : this.#emptyType(), random.chance(0.4) ? this.#marks() : undefined),
      delta: () => scribe.delta(text, this.#delta(text), random.chance(0.8)),
      attribute: () => scribe.set(text, random.oneOf(['dir', 'lang']), random.chance(0.8) ? { any: this.#json() } : this.#type(1)),
      unset: () => scribe.unset(text, random.oneOf(['dir', 'lang']))
    }
    const plain = ['insert', 'insert', 'insert', 'append', 'append', 'remove', 'remove', 'removePast']
    const all = [...plain, 'insertMarked', 'insertMarked', 'insertMarked', 'format', 'format', 'format', 'format', 'formatPast', 'embed', 'embed', 'delta', 'delta', 'attribute', 'unset']
    edits[random.oneOf(rich ? all : plain)]()
  }

  // An embedded type gets what is in it in later edits: Yjs fills it before it closes the marks around it.
  #emptyType() { return { type: this.#random.oneOf(['Array', 'Map', 'Text', 'XmlText', 'XmlFragment']) } }

  #delta({ length, _start: first }) {
    const random = this.#random
    const delta = []
    const marked = operation => (random.chance(0.4) ? { ...operation, attributes: this.#marks() } : operation)
    if (length > 0) delta.push(marked({ retain: random.between(1, length + (random.chance(0.1) ? 2 : 0)) }))
    if (random.chance(0.8)) delta.push(marked({ insert: random.chance(0.15) ? { image: this.#json(2, false) } : this.#string() }))
    if (random.chance(0.4) && (first || delta.length)) delta.push({ delete: random.between(1, 3) }) // Yjs throws where there is nothing
    if (random.chance(0.3)) delta.push(marked({ insert: this.#string() }))
    return delta
  }

  // Goes on where this author typed last, as people do, whatever others have put around it since.
  #type_(text) {
    const random = this.#random
    const caret = this.#carets.get(text)
    const position = caret && Y.createAbsolutePositionFromRelativePosition(caret, text.doc)
    let index = position && position.type === text && random.chance(0.85) ? position.index : random.between(0, text.length)
    for (let i = random.between(1, 3); i > 0; i--) {
      if (index > 0 && random.chance(0.2)) this.#scribe.remove(text, --index, 1)
      else this.#scribe.insert(text, index++, random.oneOf('abcdefgh'))
    }
    this.#carets.set(text, Y.createRelativePositionFromTypeIndex(text, index, -1))
  }

  #editArray(array) {
    const random = this.#random
    const range = random.chance(0.35) ? this.#range(array.length, 4) : null
    if (range) return this.#scribe.remove(array, ...range)
    const values = Array.from({ length: random.between(1, 4) }, () => this.#content())
    random.chance(0.2) ? this.#scribe.push(array, values) : this.#scribe.insertValues(array, this.#place(array.length), values)
  }

  #editMap(map) {
    const random = this.#random
    const key = random.oneOf(keys)
    if (random.chance(0.25)) this.#scribe.unset(map, key)
    else if (random.chance(0.03)) this.#scribe.clear(map)
    else this.#scribe.set(map, key, random.chance(0.1) ? { any: random.oneOf([...bigints, undefined]) } : this.#content())
  }

  #editXml(xml) {
    const random = this.#random
    if (xml instanceof Y.XmlElement && random.chance(0.3)) {
      const name = random.oneOf(['id', 'class', 'z'])
      return random.chance(0.7) ? this.#scribe.set(xml, name, random.chance(0.7) ? { any: this.#string() } : { any: this.#json() }) : this.#scribe.unset(xml, name)
    }
    const range = random.chance(0.3) ? this.#range(xml.length, 2) : null
    if (range) return this.#scribe.remove(xml, ...range)
    const nodes = Array.from({ length: random.between(1, 2) }, () => this.#node(1))
    if (random.chance(0.25)) {
      const child = xml.length && random.chance(0.8) ? xml.get(random.below(xml.length)) : null
      return this.#scribe.insertAfter(xml, child, nodes)
    }
    this.#scribe.insertValues(xml, this.#place(xml.length), nodes)
  }

  #edit(target) {
    if (target instanceof Y.Text && this.#style.typing && this.#random.chance(0.9)) this.#type_(target)
    else if (target instanceof Y.Text) this.#editText(target, this.#style.rich || target instanceof Y.XmlText)
    else if (target instanceof Y.Array) this.#editArray(target)
    else if (target instanceof Y.Map) this.#editMap(target)
    else this.#editXml(target)
  }

  // One transaction of a few edits somewhere below the roots. Returns them as requests for weft.
  transaction(doc, roots, origin) {
    const random = this.#random
    this.#scribe = new Scribe(random)
    doc.transact(() => {
      for (let i = random.between(1, 4); i > 0; i--) {
        const all = typesBelow(Object.keys(roots).map(name => doc.share.get(name)))
        this.#edit(random.chance(0.5) ? doc.share.get(random.oneOf(Object.keys(roots))) : random.oneOf(all))
      }
    }, origin)
    return this.#scribe.requests
  }
}

// Every shared type from some on down, themselves first.
export const typesBelow = (types, depth = 5) => types.flatMap(type => {
  if (depth === 0) return []
  const children = type instanceof Y.Text ? type.toDelta().map(part => part.insert) : type instanceof Y.Map ? [...type.values()] : type.toArray()
  return [type, ...typesBelow(children.filter(child => child instanceof Y.AbstractType), depth - 1)]
})
