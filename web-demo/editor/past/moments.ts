// What a document's past is made of: its events, and the sessions they were written in.

/** One event of the document, as far as the timeline needs it. */
export interface Moment {
  id: string
  /** Milliseconds since 1970. */
  time: number
  bytes: number
  clients: number[]
}

/** Events that follow one another closely; `first` and `last` are their places in the list. */
export interface Sitting {
  first: number
  last: number
  from: number
  to: number
  /** Who wrote, the most diligent first. */
  clients: number[]
}

/** A pause as long as this begins another sitting. */
const PAUSE_MS = 5 * 60_000

export function sittingsOf(moments: readonly Moment[]): Sitting[] {
  const sittings: Sitting[] = []
  let first = 0
  for (let i = 1; i <= moments.length; i++) {
    const [before, moment] = [moments[i - 1] as Moment, moments[i]]
    if (moment !== undefined && moment.time - before.time < PAUSE_MS) continue
    sittings.push(sitting(moments, first, i - 1))
    first = i
  }
  return sittings
}

function sitting(moments: readonly Moment[], first: number, last: number): Sitting {
  const counts = new Map<number, number>()
  for (let i = first; i <= last; i++) {
    for (const client of (moments[i] as Moment).clients) counts.set(client, (counts.get(client) ?? 0) + 1)
  }
  const clients = [...counts.keys()].sort((a, b) => (counts.get(b) ?? 0) - (counts.get(a) ?? 0))
  return { first, last, from: (moments[first] as Moment).time, to: (moments[last] as Moment).time, clients }
}

/** Where an id is in the list; links may name an event without the epoch. */
export function placeOf(moments: readonly Moment[], id: string): number {
  const exact = id.includes('.')
  return moments.findIndex((moment) => (exact ? moment.id === id : moment.id.startsWith(`${id}.`)))
}
