import { useState } from 'react'
import { initials, NAME_LENGTH_MAX, type Person } from './person'
import type { Present } from './useDocument'

/** Faces shown before the rest is a number. */
const SHOWN_MAX = 6

const Face = ({ person }: { person: Present }) => (
  <li className="face" style={{ background: person.color }} title={person.isSelf ? `${person.name} (you)` : person.name}>
    <span aria-hidden="true">{initials(person.name)}</span>
    <span className="hidden">{person.isSelf ? `${person.name}, you` : person.name}</span>
  </li>
)

export const Faces = ({ present }: { present: Present[] }) => (
  <ul className="faces" aria-label="Who is here">
    {present.slice(0, SHOWN_MAX).map(person => <Face key={person.client} person={person} />)}
    {present.length > SHOWN_MAX && <li className="face more">+{present.length - SHOWN_MAX}</li>}
  </ul>
)

export const NameField = ({ person, onChange }: { person: Person, onChange: (person: Person) => void }) => {
  const [draft, setDraft] = useState(person.name)
  const keep = () => {
    const name = draft.trim()
    if (name === '') setDraft(person.name)
    else if (name !== person.name) onChange({ ...person, name })
  }
  return (
    <label className="name">
      <span className="hidden">Your name</span>
      <input
        value={draft}
        maxLength={NAME_LENGTH_MAX}
        spellCheck={false}
        onChange={event => setDraft(event.target.value)}
        onBlur={keep}
        onKeyDown={event => { if (event.key === 'Enter') event.currentTarget.blur() }}
      />
    </label>
  )
}
