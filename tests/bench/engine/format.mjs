// The files of a folder of material. Numbers are 32-bit little-endian.
//   a list: count, then length and bytes of each
//   a program: documents, the client of each, steps, then each step: 0, document, patches, then position, deleted units, length and bytes of each patch;
//   or 1, document, number of the update it takes in (updates are numbered by the edits that made them). Positions are UTF-16 units.
import fs from 'node:fs'

const word = number => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(number)
  return bytes
}

const words = (...numbers) => Buffer.concat(numbers.map(word))

export const writeList = (file, list) => {
  const size = list.reduce((sum, bytes) => sum + 4 + bytes.length, 4)
  const out = Buffer.alloc(size)
  let pos = out.writeUInt32LE(list.length)
  for (const bytes of list) {
    pos = out.writeUInt32LE(bytes.length, pos)
    out.set(bytes, pos)
    pos += bytes.length
  }
  fs.writeFileSync(file, out)
}

export const readList = file => {
  const bytes = fs.readFileSync(file)
  const list = []
  for (let count = bytes.readUInt32LE(0), pos = 4; count > 0; count--) {
    const length = bytes.readUInt32LE(pos)
    list.push(new Uint8Array(bytes.subarray(pos + 4, pos + 4 + length)))
    pos += 4 + length
  }
  return list
}

// { clients, steps: [{ doc, patches: [[at, deleted, inserted], ...] } or { doc, take }] }
export const writeProgram = (file, { clients, steps }) => {
  const parts = [words(clients.length, ...clients, steps.length)]
  for (const { doc, patches, take } of steps) {
    if (patches === undefined) {
      parts.push(words(1, doc, take))
      continue
    }
    parts.push(words(0, doc, patches.length))
    for (const [at, deleted, inserted] of patches) {
      const text = Buffer.from(inserted)
      parts.push(words(at, deleted, text.length), text)
    }
  }
  fs.writeFileSync(file, Buffer.concat(parts))
}

export const readProgram = file => {
  const bytes = fs.readFileSync(file)
  let pos = 0
  const number = () => bytes.readUInt32LE((pos += 4) - 4)
  const text = length => bytes.toString('utf8', pos, (pos += length))
  const patch = () => [number(), number(), text(number())]
  const clients = Array.from({ length: number() }, number)
  const steps = Array.from({ length: number() }, () => {
    const taking = number()
    const doc = number()
    return taking ? { doc, take: number() } : { doc, patches: Array.from({ length: number() }, patch) }
  })
  return { clients, steps }
}
