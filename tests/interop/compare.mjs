// What two engines hold and read, made comparable; what differs, in words.
import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import * as Y from 'yjs'

export const hex = bytes => Buffer.from(bytes).toString('hex')

// An update in words: a line for each struct and each deleted range.
const inWords = (update, encoding) => {
  const id = of => (of ? `${of.client}:${of.clock}` : '-')
  const { structs, ds } = encoding === 'v2' ? Y.decodeUpdateV2(update) : Y.decodeUpdate(update)
  const lines = structs.map(struct => {
    const content = struct.content ? `${struct.content.constructor.name} ${inspect({ ...struct.content, type: undefined, doc: undefined }, { breakLength: Infinity, depth: 4 })}` : ''
    const parent = typeof struct.parent === 'string' ? struct.parent : id(struct.parent)
    return `${id(struct.id)}+${struct.length} ${struct.constructor.name} ${id(struct.origin)} ${id(struct.rightOrigin)} in ${parent} ${struct.parentSub ?? ''} ${content}`
  })
  for (const [client, ranges] of ds.clients) for (const range of ranges) lines.push(`delete ${client}:${range.clock}+${range.len}`)
  return lines
}

const inWordsOrHex = (update, encoding) => {
  try {
    return update.length ? inWords(update, encoding) : ['nothing']
  } catch (error) {
    return [`${error.message}: ${hex(update)}`]
  }
}

// The lines in which two updates differ, where they begin and end to differ.
const difference = (got, expected, encoding) => {
  const [a, b] = [inWordsOrHex(got, encoding), inWordsOrHex(expected, encoding)]
  while (a.length && b.length && a[0] === b[0]) { a.shift(); b.shift() }
  while (a.length && b.length && a.at(-1) === b.at(-1)) { a.pop(); b.pop() }
  return [...a.map(line => `  weft ${line}`), ...b.map(line => `  Yjs  ${line}`)].join('\n')
}

export const sameUpdate = (got, expected, what, encoding = 'v1') => {
  if (Buffer.compare(got, expected)) assert.fail(`${what} (${encoding})\n${difference(got, expected, encoding)}\n  weft ${hex(got)}\n  Yjs  ${hex(expected)}`)
}

export const sameBytes = (got, expected, what) => assert.equal(hex(got), hex(expected), what)

// What a state knows: its clocks and deletions. (What it holds may change without: a known string may be cut within a character.)
export const known = state => {
  const { structs, ds } = Y.decodeUpdate(state)
  const clocks = new Map()
  for (const { id, length } of structs) clocks.set(id.client, id.clock + length)
  const deleted = [...ds.clients].map(([client, ranges]) => [client, ...ranges.map(({ clock, len }) => `${clock}+${len}`)])
  return { clocks: [...clocks], deleted }
}

// Halves of characters count as U+FFFD: where a character was cut depends on the way the updates came.
export const halved = reading => reading.replace(/[\ud800-\udfff]|\\ud[89a-f]../g, '\ufffd')
