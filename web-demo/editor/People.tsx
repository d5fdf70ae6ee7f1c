// Who is here, and who we are.
import { COLORS, initials, NAME_LENGTH_MAX, type Person } from './identity'
import { Popover } from './Popover'
import type { Present } from './session'

const FACES_MAX = 4

interface Props {
  people: Present[]
  person: Person
  onChange(person: Person): void
}

export function People({ people, person, onChange }: Props) {
  const others = people.filter((other) => !other.isSelf)
  const self: Present = { ...person, clientId: 0, isSelf: true }
  const faces = [...others.slice(0, FACES_MAX - 1), self]
  const hidden = others.length + 1 - faces.length
  const label = others.length === 0 ? 'Only you are here' : `${others.length + 1} people are here`
  const button = (
    <span className="faces">
      {hidden > 0 && <span className="face more">+{hidden}</span>}
      {faces.map((face) => (
        <Face key={face.clientId} person={face} />
      ))}
    </span>
  )
  return (
    <Popover className="people" label={label} button={button}>
      {() => (
        <>
          <Self person={person} onChange={onChange} />
          <ul className="others" aria-label="Others who are here">
            {others.map((other) => (
              <li key={other.clientId}>
                <Face person={other} />
                <span>{other.name}</span>
              </li>
            ))}
          </ul>
          {others.length === 0 && <p className="quiet note">Nobody else is here. Open this page in another window, or send somebody its address.</p>}
        </>
      )}
    </Popover>
  )
}

function Face({ person }: { person: Person }) {
  return (
    <span className="face" style={{ background: person.color }} title={person.name} aria-hidden="true">
      {initials(person.name)}
    </span>
  )
}

function Self({ person, onChange }: { person: Person; onChange(person: Person): void }) {
  return (
    <form className="self" onSubmit={(event) => event.preventDefault()}>
      <label className="caption" htmlFor="own-name">
        Your name
      </label>
      <input
        id="own-name"
        className="field"
        defaultValue={person.name}
        maxLength={NAME_LENGTH_MAX}
        autoComplete="nickname"
        spellCheck={false}
        onChange={(event) => event.target.value.trim() && onChange({ ...person, name: event.target.value.trim() })}
      />
      <fieldset className="swatches">
        <legend className="visually-hidden">Your colour</legend>
        {Object.entries(COLORS).map(([name, color]) => (
          <label key={color} style={{ background: color }} title={name}>
            <input type="radio" name="color" checked={color === person.color} aria-label={name} onChange={() => onChange({ ...person, color })} />
          </label>
        ))}
      </fieldset>
    </form>
  )
}
