// Who is writing: a name and a colour, kept in this browser.
export interface Person {
  name: string
  color: string
}

const KEY = 'weft:person'
export const NAME_LENGTH_MAX = 40

/** Dark enough that white text can be read on each. */
const colors = ['#b4383c', '#a8550f', '#7a6a00', '#3f7d20', '#0f7b6c', '#1f6fb2', '#5b56c9', '#8a3ea8', '#b0317a', '#5f6b7a']
const first = ['Amber', 'Birch', 'Cedar', 'Dune', 'Ember', 'Fern', 'Gale', 'Heath', 'Iris', 'Juniper', 'Linden', 'Moss']
const second = ['Finch', 'Heron', 'Lark', 'Marten', 'Otter', 'Plover', 'Robin', 'Swift', 'Tern', 'Wren']

const pick = (from: readonly string[]): string => from[Math.floor(Math.random() * from.length)] ?? ''

const draw = (): Person => ({ name: `${pick(first)} ${pick(second)}`, color: pick(colors) })

export const loadPerson = (): Person => {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEY) ?? localStorage.getItem(KEY) ?? 'null') as Partial<Person> | null
    if (typeof kept?.name === 'string' && typeof kept.color === 'string') return { name: kept.name, color: kept.color }
  } catch {
    // Storage can be off, or hold something else: then somebody new comes.
  }
  return draw()
}

export const savePerson = (person: Person): void => {
  try {
    const text = JSON.stringify(person)
    sessionStorage.setItem(KEY, text)
    localStorage.setItem(KEY, text)
  } catch {
    // Without storage the name lasts as long as the page.
  }
}

export const initials = (name: string): string => {
  const words = name.trim().split(/\s+/)
  const letters = words.length > 1 ? [words[0], words[words.length - 1]] : [words[0]]
  return letters.map(word => [...(word ?? '')][0] ?? '').join('').toUpperCase() || '?'
}
