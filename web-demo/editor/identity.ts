// Who is writing: a name and a colour, kept in this browser.

export interface Person {
  /** Differs between windows: one person may have several. */
  id: string
  name: string
  color: string
}

/** Dark enough for white text on them (WCAG AA), light enough to be told apart on both backgrounds. */
export const COLORS: Record<string, string> = {
  Madder: '#b8492c',
  Indigo: '#4457b8',
  Moss: '#4d7a34',
  Plum: '#8d4a9e',
  Teal: '#1f7a7a',
  Ochre: '#96690f',
  Rose: '#b83a6b',
  Slate: '#56687a',
}
const ANIMALS = ['Heron', 'Otter', 'Lynx', 'Finch', 'Hare', 'Badger', 'Swift', 'Marten', 'Wren', 'Ibex', 'Crane', 'Vole']
const STORAGE_KEY = 'weft-demo:person'
export const NAME_LENGTH_MAX = 40

function oneOf<T>(choices: T[]): T {
  return choices[Math.floor(Math.random() * choices.length)] as T
}

function invent(): Person {
  const [colorName, color] = oneOf(Object.entries(COLORS))
  return { id: crypto.getRandomValues(new Uint32Array(1)).join(), name: `${colorName} ${oneOf(ANIMALS)}`, color }
}

export function recallPerson(): Person {
  const person = invent()
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(STORAGE_KEY) ?? '{}')
    const { name, color } = stored as Partial<Person>
    if (typeof name === 'string' && name !== '') person.name = name.slice(0, NAME_LENGTH_MAX)
    if (typeof color === 'string' && Object.values(COLORS).includes(color)) person.color = color
  } catch {
    // No storage, or not ours: the invented person will do.
  }
  rememberPerson(person)
  return person
}

export function rememberPerson({ name, color }: Person): void {
  try {
    localStorage.setItem(STORAGE_KEY, JSON.stringify({ name, color }))
  } catch {
    // No storage: the name lasts as long as the window.
  }
}

export function initials(name: string): string {
  const words = name.trim().split(/\s+/)
  const letters = words.length > 1 ? [words[0], words[words.length - 1]] : [words[0]]
  return letters.map((word) => Array.from(word ?? '')[0] ?? '').join('').toUpperCase()
}
