// One document on the server that served the page: the Yjs document, its provider, and what the page shows of them.
import { useEffect, useState } from 'react'
import { WeftProvider } from 'weft-client'
import * as Y from 'yjs'
import type { Person } from './person'

export interface Opened {
  doc: Y.Doc
  provider: WeftProvider
}

export type Connection = 'connecting' | 'synced' | 'offline' | 'deleted' | 'refused'

/** Opens the document, and closes it when the page goes on to another. */
export const useDocument = (name: string): Opened | null => {
  const [opened, setOpened] = useState<Opened | null>(null)
  useEffect(() => {
    const doc = new Y.Doc()
    const provider = new WeftProvider(location.origin, name, doc)
    setOpened({ doc, provider })
    return () => {
      provider.destroy()
      doc.destroy()
      setOpened(null)
    }
  }, [name])
  return opened
}

export const useConnection = (provider: WeftProvider): Connection => {
  const [connection, setConnection] = useState<Connection>('connecting')
  useEffect(() => {
    const onSynced = (synced: boolean) => setConnection(now => (synced ? 'synced' : now))
    const onStatus = ({ status }: { status: string }) => {
      if (status !== 'connected') setConnection(now => (now === 'synced' || now === 'offline' ? 'offline' : now))
    }
    const onDeleted = () => setConnection('deleted')
    const onClosed = () => setConnection(now => (now === 'deleted' ? now : 'refused'))
    provider.on('synced', onSynced)
    provider.on('status', onStatus)
    provider.on('deleted', onDeleted)
    provider.on('closed', onClosed)
    if (provider.synced) setConnection('synced')
    return () => {
      provider.off('synced', onSynced)
      provider.off('status', onStatus)
      provider.off('deleted', onDeleted)
      provider.off('closed', onClosed)
    }
  }, [provider])
  return connection
}

export const useUnsent = (provider: WeftProvider): number => {
  const [unsent, setUnsent] = useState(0)
  useEffect(() => {
    provider.on('unsent', setUnsent)
    return () => provider.off('unsent', setUnsent)
  }, [provider])
  return unsent
}

export interface Present extends Person {
  client: number
  isSelf: boolean
}

const isPerson = (value: unknown): value is Person =>
  typeof value === 'object' && value !== null &&
  typeof (value as Person).name === 'string' && /^#[0-9a-f]{6}$/i.test((value as Person).color)

/** Everybody who is here, oneself first. */
export const usePresent = (provider: WeftProvider): Present[] => {
  const [present, setPresent] = useState<Present[]>([])
  useEffect(() => {
    const { awareness } = provider
    const look = () => {
      const all: Present[] = []
      for (const [client, state] of awareness.getStates()) {
        if (isPerson(state['user'])) all.push({ ...state['user'], client, isSelf: client === awareness.clientID })
      }
      setPresent(all.sort((a, b) => Number(b.isSelf) - Number(a.isSelf) || a.client - b.client))
    }
    awareness.on('change', look)
    look()
    return () => awareness.off('change', look)
  }, [provider])
  return present
}
