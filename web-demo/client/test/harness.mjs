// What the provider's tests share: a server and clients that end with the test, and waiting for conditions.
import WebSocket from 'ws'
import * as Y from 'yjs'
import { WeftProvider } from '../dist/index.js'
import { FakeServer } from './fake-server.mjs'

const PATIENCE_MS = 10_000

/** Waits until `condition` holds, or resolves to something that does; fails with `what` when it takes far too long. */
export async function until(condition, what) {
  const giveUpAt = Date.now() + PATIENCE_MS
  while (!(await condition())) {
    if (Date.now() > giveUpAt) throw new Error(`waited in vain for: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

export async function serverFor(t) {
  const server = await new FakeServer().start()
  t.after(() => server.close())
  return server
}

/** A document with its provider, and everything the provider has said: `said.unsent`, `said.status`, ... */
export function clientFor(t, server, { name = 'd', doc = new Y.Doc(), ...options } = {}) {
  const quick = { maxBackoffTime: 50, awarenessInterval: 1, pollInterval: 10, WebSocketPolyfill: WebSocket }
  const provider = new WeftProvider(server.url, name, doc, { ...quick, ...options, connect: false })
  const said = {}
  for (const event of ['status', 'transport', 'sync', 'synced', 'unsent', 'error', 'reset', 'deleted', 'closed', 'connection-error', 'connection-close']) {
    said[event] = []
    provider.on(event, (what) => said[event].push(what))
  }
  if (options.connect ?? true) provider.connect()
  t.after(() => {
    provider.destroy()
    doc.destroy()
  })
  return { doc, provider, said, text: doc.getText('t') }
}

export function textOn(server, name = 'd') {
  return server.document(name).doc.getText('t').toString()
}

/** An update as a stranger would make it. */
export function strangersUpdate(text) {
  const doc = new Y.Doc()
  doc.getText('t').insert(0, text)
  return Y.encodeStateAsUpdate(doc)
}
