// Random edits of Yjs documents: every shared type, every kind of content, formats, and characters of two code units.
// Yjs is handed in, so that users with a copy of their own share this file.

export const rootKinds = ['Text', 'Array', 'Map', 'XmlFragment']

export const snippets = ['a', 'be', 'see ', '\n', 'ö', 'ñandú', '語', 'e\u0301', '🙂', '𝔘x', '👨‍👩‍👦', '"quoted" \\', '\u0000', '\u2029', '7', 'a longer piece of text ']
export const keys = ['a', 'b', 'name', '', '2', '11', 'ключ', '🙂', '__proto__', 'two words']
export const marks = {
  bold: [true, null],
  size: [1, 2.5, null],
  link: [{ href: 'here' }, { href: 'there', tags: [1, { deep: true }] }, null],
  10: ['ten', null],
  'farbe ü': ['rot', '🙂', null]
}
export const numbers = [0, -0, 1, -1, 63, 64, -64, 8191, 8192, 2147483647, -2147483648, 2147483648, 9007199254740991, -9007199254740991, 0.5, 0.1, 1e21, 1e-7, 3.4e38, 1e300, NaN, Infinity, -Infinity]
export const bigints = [0n, -1n, 9223372036854775807n, -9223372036854775808n, 77n]

// Unpaired surrogates, which only update format v2 can tell, and there only where two meet.
const halves = ['\ud83d', '\ude42', '\ude42\ud83d', 'x\ud83d', '\ude42y']

// `style` bounds what is edited: { rich, subdocs, astral, spot, typing, halves }.
export function editsWith(Y) {
  const text = (random, style) => {
    let result = ''
    for (let i = random.between(1, 3); i > 0; i--) result += random.oneOf(style.halves && random.chance(0.4) ? halves : snippets)
    return style.astral === false ? result.replace(/[\ud800-\udfff]/g, '') || 'x' : result
  }

  const attributes = random => {
    const result = {}
    for (let i = random.between(1, 2); i > 0; i--) {
      const name = random.oneOf(Object.keys(marks))
      result[name] = random.oneOf(marks[name])
    }
    return result
  }

  const json = (random, depth = 2) => {
    switch (random.below(depth > 0 ? 8 : 5)) {
      case 0: return null
      case 1: return random.chance(0.5)
      case 2: return random.oneOf(snippets)
      case 3:
      case 4: return random.oneOf(numbers)
      case 5:
      case 6: return Array.from({ length: random.below(4) }, () => json(random, depth - 1))
      default: {
        const object = {}
        for (let i = random.below(4); i > 0; i--) object[random.oneOf(keys.filter(key => key !== '__proto__'))] = json(random, depth - 1)
        return object
      }
    }
  }

  const newText = (random, style, Type) => {
    const result = new Type()
    if (random.chance(0.7)) result.insert(0, text(random, style))
    if (random.chance(0.3)) result.applyDelta([{ insert: text(random, style), attributes: attributes(random) }])
    return result
  }

  const newElement = (random, style, depth) => {
    const element = new Y.XmlElement(random.oneOf(['p', 'UL', 'x-ü']))
    if (random.chance(0.4)) element.setAttribute(random.oneOf(['id', 'class']), text(random, style))
    const children = Array.from({ length: depth > 0 ? random.below(3) : 0 }, () => (random.chance(0.5) ? newElement(random, style, depth - 1) : newText(random, style, Y.XmlText)))
    element.insert(0, children)
    return element
  }

  const newType = (random, style, depth) => {
    switch (random.below(6)) {
      case 0: return newText(random, style, Y.Text)
      case 1: {
        const array = new Y.Array()
        for (let i = random.below(3); i > 0; i--) array.push([depth > 0 && random.chance(0.3) ? newType(random, style, depth - 1) : json(random)])
        return array
      }
      case 2: {
        const map = new Y.Map()
        for (let i = random.below(3); i > 0; i--) map.set(random.oneOf(keys), depth > 0 && random.chance(0.3) ? newType(random, style, depth - 1) : json(random))
        return map
      }
      case 3: return newElement(random, style, depth)
      case 4: return newText(random, style, Y.XmlText)
      default: return new Y.XmlHook('hook ' + random.oneOf(keys))
    }
  }

  let guids = 0
  const content = (random, style) => {
    const kind = random.below(20)
    if (kind < 13) return json(random)
    if (kind < 15) return Uint8Array.from({ length: random.below(6) }, () => random.below(256))
    if (kind < 16 && style.subdocs) return new Y.Doc({ guid: `guid ${guids++}`, ...random.oneOf([{}, { gc: false }, { autoLoad: true }, { meta: { title: 'ü', n: 1.5 } }]) })
    return newType(random, style, 2)
  }

  const place = (random, style, length) => (style.spot && random.chance(0.7) ? Math.min(length, style.spot) : random.between(0, length))

  const textEdits = {
    insert: (random, target, style) => target.insert(place(random, style, target.length), text(random, style)),
    append: (random, target, style) => target.insert(target.length, text(random, style)),
    insertMarked: (random, target, style) => target.insert(place(random, style, target.length), text(random, style), attributes(random)),
    remove(random, target) {
      if (target.length === 0) return
      const index = random.below(target.length)
      target.delete(index, random.between(1, Math.min(8, target.length - index)))
    },
    format(random, target) {
      if (target.length === 0) return
      const index = random.below(target.length)
      target.format(index, random.between(1, Math.min(12, target.length - index)), attributes(random))
    },
    embed: (random, target, style) => target.insertEmbed(place(random, style, target.length), random.chance(0.7) ? { image: json(random) } : newType(random, style, 1), random.chance(0.4) ? attributes(random) : {}),
    delta(random, target, style) {
      const delta = []
      if (target.length > 0) delta.push({ retain: random.between(1, target.length), ...(random.chance(0.4) ? { attributes: attributes(random) } : {}) })
      delta.push({ insert: text(random, style), ...(random.chance(0.5) ? { attributes: attributes(random) } : {}) })
      if (random.chance(0.4)) delta.push({ delete: random.between(1, 3) })
      target.applyDelta(delta)
    },
    attribute: (random, target) => target.setAttribute(random.oneOf(['dir', 'lang']), json(random))
  }
  const plainText = ['insert', 'insert', 'insert', 'append', 'append', 'remove', 'remove']
  const richText = [...plainText, 'insertMarked', 'insertMarked', 'format', 'format', 'format', 'embed', 'delta', 'attribute']
  const editText = (random, target, style) => textEdits[random.oneOf(style.rich ? richText : plainText)](random, target, style)

  // Goes on where this editor typed last, as people do, whatever others have put around it since.
  const carets = new WeakMap() // type -> relative position
  const type = (random, target) => {
    const caret = carets.get(target)
    const position = caret && Y.createAbsolutePositionFromRelativePosition(caret, target.doc)
    let index = position && position.type === target && random.chance(0.85) ? position.index : random.between(0, target.length)
    for (let i = random.between(1, 3); i > 0; i--) {
      if (index > 0 && random.chance(0.2)) target.delete(--index, 1)
      else target.insert(index++, random.oneOf('abcdefgh'))
    }
    carets.set(target, Y.createRelativePositionFromTypeIndex(target, index, -1))
  }

  const editArray = (random, target, style) => {
    if (target.length > 0 && random.chance(0.35)) {
      const index = random.below(target.length)
      target.delete(index, random.between(1, Math.min(4, target.length - index)))
    } else {
      const values = Array.from({ length: random.between(1, 3) }, () => content(random, style))
      random.chance(0.2) ? target.push(values) : target.insert(place(random, style, target.length), values)
    }
  }

  const editMap = (random, target, style) => {
    const key = random.oneOf(keys)
    if (random.chance(0.25)) target.delete(key)
    else if (random.chance(0.03)) target.clear()
    else target.set(key, random.chance(0.1) ? random.oneOf([...bigints, undefined]) : content(random, style))
  }

  const editXml = (random, target, style) => {
    if (target instanceof Y.XmlElement && random.chance(0.3)) {
      const name = random.oneOf(['id', 'class', 'z'])
      random.chance(0.7) ? target.setAttribute(name, random.chance(0.7) ? text(random, style) : json(random)) : target.removeAttribute(name)
    } else if (target.length > 0 && random.chance(0.3)) {
      const index = random.below(target.length)
      target.delete(index, random.between(1, Math.min(2, target.length - index)))
    } else {
      const nodes = Array.from({ length: random.between(1, 2) }, () => (random.chance(0.6) ? newElement(random, style, 1) : newText(random, style, Y.XmlText)))
      target.insert(place(random, style, target.length), nodes)
    }
  }

  // Every shared type below `target`, itself first.
  const collect = (target, found, depth) => {
    found.push(target)
    if (depth === 0) return
    const children = target instanceof Y.Text ? target.toDelta().map(part => part.insert) : target instanceof Y.Map ? [...target.values()] : target.toArray()
    for (const child of children) if (child instanceof Y.AbstractType) collect(child, found, depth - 1)
  }

  const edit = (random, target, style) => {
    if (target instanceof Y.Text && style.typing && random.chance(0.9)) type(random, target)
    else if (target instanceof Y.Text) editText(random, target, target instanceof Y.XmlText ? { ...style, rich: true } : style)
    else if (target instanceof Y.Array) editArray(random, target, style)
    else if (target instanceof Y.Map) editMap(random, target, style)
    else editXml(random, target, style)
  }

  return {
    // Makes the roots known: name -> kind.
    define: (doc, roots) => { for (const name in roots) doc.get(name, Y[roots[name]]) },

    // One transaction of a few edits somewhere below the roots.
    transaction(random, doc, roots, style, origin) {
      doc.transact(() => {
        for (let i = random.between(1, 4); i > 0; i--) {
          const found = []
          for (const name in roots) collect(doc.share.get(name), found, 4)
          const target = random.chance(0.5) ? doc.share.get(random.oneOf(Object.keys(roots))) : random.oneOf(found)
          edit(random, target, style)
        }
      }, origin)
    },

    // What a reader of the document sees, without what may differ between equal documents: how runs are split, the order of keys.
    reading(doc, roots) {
      const plain = value => {
        if (value instanceof Y.Text) return { delta: joined(value.toDelta().map(part => ({ insert: plain(part.insert), attributes: plain(part.attributes ?? {}) }))), attributes: plain(value.getAttributes()) }
        if (value instanceof Y.XmlHook) return { hook: value.hookName }
        if (value instanceof Y.Map) return { map: plain(Object.fromEntries([...value.entries()].map(([key, child]) => ['key ' + key, child]))) }
        if (value instanceof Y.XmlElement) return { node: value.nodeName, attributes: plain(value.getAttributes()), children: value.toArray().map(plain) }
        if (value instanceof Y.Array || value instanceof Y.XmlFragment) return value.toArray().map(plain)
        if (value instanceof Y.Doc) return { guid: value.guid, meta: plain(value.meta) }
        if (value instanceof Uint8Array) return { bytes: [...value] }
        if (Array.isArray(value)) return value.map(plain)
        if (typeof value === 'bigint') return { bigint: String(value) }
        if (typeof value === 'number') return Object.is(value, -0) ? { number: '-0' } : Number.isFinite(value) ? value : { number: String(value) }
        if (value === undefined) return { undefined: true }
        if (value !== null && typeof value === 'object') return Object.fromEntries(Object.keys(value).sort().map(key => ['.' + key, plain(value[key])]))
        return value
      }
      const joined = delta => {
        const result = []
        for (const part of delta) {
          const last = result.at(-1)
          if (last && typeof last.insert === 'string' && typeof part.insert === 'string' && JSON.stringify(last.attributes) === JSON.stringify(part.attributes)) last.insert += part.insert
          else result.push(part)
        }
        return result
      }
      return JSON.stringify(Object.keys(roots).map(name => [name, plain(doc.get(name, Y[roots[name]]))]))
    }
  }
}
