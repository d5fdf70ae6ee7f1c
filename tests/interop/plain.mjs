// Values of Yjs as weft prints them in JSON (crdt.h, reading), and texts without halves of characters.
import * as Y from 'yjs'

// Halves that stand alone become U+FFFD on the way through UTF-8.
export const whole = text => Buffer.from(text).toString()

export const plain = value => {
  if (value === undefined || value === null) return null
  if (typeof value === 'string') return whole(value)
  if (typeof value === 'number') return Number.isFinite(value) ? value + 0 : null
  if (typeof value === 'bigint') return value >= -9007199254740991n && value <= 9007199254740991n ? Number(value) : String(value)
  if (typeof value === 'boolean') return value
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.length).toString('base64')
  if (value instanceof Y.Doc) return plain({ guid: value.guid })
  if (value instanceof Y.XmlHook) return plain(Object.fromEntries(value.entries()))
  if (value instanceof Y.Map) return plain(new Map(value.entries()))
  if (value instanceof Y.Array) return value.toArray().map(plain)
  if (value instanceof Y.AbstractType) return whole(value.toString())
  if (Array.isArray(value)) return value.map(plain)
  const entries = value instanceof Map ? [...value] : Object.keys(value).map(key => [key, value[key]])
  return sorted(entries.map(([key, member]) => [whole(key), plain(member)]))
}

// Objects are compared without regard to the order of their keys; `__proto__` may be one.
const sorted = entries => {
  const result = Object.create(null)
  for (const [key, value] of entries.sort(([a], [b]) => (a < b ? -1 : 1))) Object.defineProperty(result, key, { value, enumerable: true })
  return result
}

// JSON that weft wrote, its objects in the same form.
export const parsed = bytes => plain(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)))

// A delta whose neighbours with equal attributes are joined, without what is retained at the end.
export const joined = delta => {
  const result = []
  const same = (a, b) => JSON.stringify(a.attributes) === JSON.stringify(b.attributes)
  for (const { ...part } of delta) {
    if (part.attributes && Object.keys(part.attributes).length === 0) delete part.attributes
    const last = result.at(-1)
    const kind = ['insert', 'retain', 'delete'].find(name => part[name] !== undefined)
    const joins = last && last[kind] !== undefined && same(last, part) && typeof last[kind] === typeof part[kind] && (kind !== 'insert' || typeof part.insert === 'string')
    if (joins) last[kind] += part[kind]
    else result.push(part)
  }
  while (result.length && result.at(-1).retain !== undefined && !result.at(-1).attributes) result.pop()
  return result
}
