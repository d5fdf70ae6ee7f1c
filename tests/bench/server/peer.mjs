// What weft is measured against: the same write path and event stream in plain Node with Yjs. Each update is applied to
// a document in memory and appended to one file, synced in groups; then it is acknowledged and sent to the readers.
//
//     node peer.mjs DIR        prints the line that weft prints
import { createWriteStream, fdatasync, openSync } from 'node:fs'
import http from 'node:http'
import { join } from 'node:path'

import * as Y from 'yjs'

const log = openSync(join(process.argv[2], 'log'), 'a')
const out = createWriteStream(null, { fd: log, autoClose: false })
const docs = new Map()

const openDoc = name => {
  let doc = docs.get(name)
  if (!doc) docs.set(name, doc = { yjs: new Y.Doc(), seq: 0, readers: new Set() })
  return doc
}

// The group commit: what came while the last sync ran is written and synced together.
let gathered = []
let syncing = false

const commit = () => {
  if (syncing || gathered.length === 0) return
  syncing = true
  const batch = gathered
  gathered = []
  const parts = []
  for (const { name, update } of batch) {
    const head = Buffer.alloc(6)
    head.writeUInt16BE(name.length, 0)
    head.writeUInt32BE(update.length, 2)
    parts.push(head, Buffer.from(name), update)
  }
  out.write(Buffer.concat(parts), () => fdatasync(log, error => {
    if (error) throw error
    syncing = false
    batch.forEach(finish)
    commit()
  }))
}

const finish = ({ doc, update, res }) => {
  const id = `${++doc.seq}.00000000`
  const body = JSON.stringify({ id, changed: true, pending: false })
  res.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': body.length })
  res.end(body)
  if (doc.readers.size === 0) return
  const frame = `event: update\nid: ${id}\ndata: ${update.toString('base64')}\n\n`
  for (const reader of doc.readers) reader.write(frame)
}

const write = (name, req, res) => {
  const parts = []
  req.on('data', part => parts.push(part))
  req.on('end', () => {
    const update = Buffer.concat(parts)
    const doc = openDoc(name)
    Y.applyUpdate(doc.yjs, update)
    gathered.push({ name, doc, update, res })
    commit()
  })
}

const follow = (name, req, res) => {
  const doc = openDoc(name)
  res.socket.setNoDelay(true)
  res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' })
  res.write(`event: sync\nid: ${doc.seq}.00000000\ndata: AAA=\n\n`)
  doc.readers.add(res)
  req.on('close', () => doc.readers.delete(res))
}

const server = http.createServer((req, res) => {
  const [, name, what] = /^\/docs\/([^/]+)\/(updates|events)/.exec(req.url)
  if (what === 'updates') write(name, req, res)
  else follow(name, req, res)
})
server.listen(0, '127.0.0.1', 4096, () => {
  process.stdout.write(`peer: listening on http://127.0.0.1:${server.address().port}\n`)
})
process.on('SIGTERM', () => process.exit(0))
