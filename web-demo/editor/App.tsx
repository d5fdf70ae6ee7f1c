import { useEffect, useState } from 'react'
import { addressOf, nameFromAddress, nameProblem } from './documentName'
import { Editor } from './Editor'
import { Faces, NameField } from './People'
import { loadPerson, savePerson, type Person } from './person'
import { type Connection, type Opened, useConnection, useDocument, usePresent, useUnsent } from './useDocument'

const sentences: Record<Connection, string> = {
  connecting: 'Connecting…',
  synced: 'Saved',
  offline: 'Offline: you can write on',
  deleted: 'This document was deleted',
  refused: 'The server does not take this document’s edits',
}

const State = ({ connection, unsent }: { connection: Connection, unsent: number }) => {
  const saving = connection === 'synced' && unsent > 0
  const waiting = connection !== 'synced' && unsent > 0 ? `, ${unsent} ${unsent === 1 ? 'edit' : 'edits'} to send` : ''
  return (
    <p className={`state ${saving ? 'saving' : connection}`} role="status">
      {saving ? 'Saving…' : sentences[connection] + waiting}
    </p>
  )
}

const DocumentField = ({ name, onOpen }: { name: string, onOpen: (name: string) => void }) => {
  const [draft, setDraft] = useState(name)
  useEffect(() => setDraft(name), [name])
  const problem = nameProblem(draft.trim())
  return (
    <form
      className="document"
      onSubmit={event => {
        event.preventDefault()
        if (problem === null) onOpen(draft.trim())
      }}
    >
      <label>
        <span className="hidden">Document</span>
        <input
          value={draft}
          spellCheck={false}
          aria-invalid={problem !== null}
          title={problem ?? 'The document’s name: change it and press Enter to open another'}
          onChange={event => setDraft(event.target.value)}
          onBlur={() => setDraft(name)}
        />
      </label>
    </form>
  )
}

const Desk = ({ name, opened, onOpen }: { name: string, opened: Opened, onOpen: (name: string) => void }) => {
  const [person, setPerson] = useState<Person>(loadPerson)
  const connection = useConnection(opened.provider)
  const unsent = useUnsent(opened.provider)
  const present = usePresent(opened.provider)
  useEffect(() => savePerson(person), [person])
  const over = connection === 'deleted' || connection === 'refused'
  return (
    <>
      <header>
        <a className="mark" href="?" aria-label="weft: the welcome document"><img src="/weft.svg" alt="" width="26" height="26" />weft</a>
        <DocumentField name={name} onOpen={onOpen} />
        <State connection={connection} unsent={unsent} />
        <div className="people">
          <Faces present={present} />
          <NameField person={person} onChange={setPerson} />
        </div>
      </header>
      <main>
        {connection === 'connecting'
          ? <p className="waiting">Opening “{name}”…</p>
          : <Editor opened={opened} person={person} editable={!over} />}
      </main>
    </>
  )
}

export const App = () => {
  const [name, setName] = useState(nameFromAddress)
  const opened = useDocument(name)
  useEffect(() => {
    document.title = `${name} · weft`
  }, [name])
  useEffect(() => {
    const onPopState = () => setName(nameFromAddress())
    addEventListener('popstate', onPopState)
    return () => removeEventListener('popstate', onPopState)
  }, [])
  const open = (next: string) => {
    if (next === name) return
    history.pushState(null, '', addressOf(next))
    setName(next)
  }
  return opened && <Desk key={name} name={name} opened={opened} onOpen={open} />
}
