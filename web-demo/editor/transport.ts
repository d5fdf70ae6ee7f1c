// The ways to follow a document, and what they are called here.
import type { Transport } from 'weft-client'

export type TransportChoice = 'auto' | Transport

export const TRANSPORT_NAMES: Record<Transport, string> = {
  sse: 'Event stream',
  websocket: 'WebSocket',
  'long-poll': 'Long poll',
  poll: 'Poll',
}

export const TRANSPORT_CHOICES: Record<TransportChoice, string> = { auto: 'Automatic', ...TRANSPORT_NAMES }

export function isTransportChoice(name: string | null): name is TransportChoice {
  return name !== null && Object.hasOwn(TRANSPORT_CHOICES, name)
}
