// The names behind Yjs client ids. A document says which client wrote what, but not who that was; whoever has been seen
// here, in this browser, is remembered.
import type { Person } from '../identity'

export interface Acquaintance {
  name: string
  color: string
}

const STORAGE_KEY = 'weft-demo:acquaintances'
const KEPT_MAX = 500
const STRANGER_COLOR = '#56687a'
const STRANGER_DIGITS = 4

type Stored = [client: number, name: string, color: string][]

const known = recall()

function recall(): Map<number, Acquaintance> {
  const people = new Map<number, Acquaintance>()
  try {
    const stored = JSON.parse(localStorage.getItem(STORAGE_KEY) ?? '[]') as Stored
    for (const [client, name, color] of stored) people.set(client, { name, color })
  } catch {
    // No storage, or not ours: we begin to know people now.
  }
  return people
}

export function remember(client: number, { name, color }: Pick<Person, 'name' | 'color'>): void {
  const before = known.get(client)
  if (before?.name === name && before.color === color) return
  // Other windows get to know people too.
  for (const [id, person] of recall()) known.set(id, person)
  known.delete(client)
  known.set(client, { name, color })
  const stored: Stored = [...known].slice(-KEPT_MAX).map(([id, person]) => [id, person.name, person.color])
  try {
    localStorage.setItem(STORAGE_KEY, JSON.stringify(stored))
  } catch {
    // No storage: they are known for as long as the window is open.
  }
}

export function whoIs(client: number): Acquaintance {
  const digits = client.toString().slice(-STRANGER_DIGITS)
  return known.get(client) ?? { name: `Somebody (${digits})`, color: STRANGER_COLOR }
}

/** Each person once, though somebody may have written in several windows. */
export function peopleOf(clients: readonly number[]): Acquaintance[] {
  const people = new Map<string, Acquaintance>()
  for (const client of clients) {
    const person = whoIs(client)
    if (!people.has(person.name)) people.set(person.name, person)
  }
  return [...people.values()]
}

export function namesOf(clients: readonly number[]): string {
  return peopleOf(clients).map((person) => person.name).join(', ')
}
