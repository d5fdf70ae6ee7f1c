// The document's name, and the way to another one.
import { type FormEvent, type MouseEvent, useEffect, useState } from 'react'
import { Popover } from './Popover'
import { addressOf, goTo } from './route'

const SHOWN_MAX = 50

export function Documents({ name }: { name: string }) {
  const button = (
    <>
      <span className="document-name">{name}</span>
      <svg className="chevron" viewBox="0 0 12 12" aria-hidden="true">
        <path d="M3 4.5 6 7.5 9 4.5" />
      </svg>
    </>
  )
  return (
    <Popover className="documents" label={`Document ${name}. Open another one`} button={button}>
      {(close) => <DocumentList current={name} onChoose={close} />}
    </Popover>
  )
}

function DocumentList({ current, onChoose }: { current: string; onChoose(): void }) {
  const [typed, setTyped] = useState('')
  const { names, failed } = useDocumentNames(typed.trim())
  const wanted = typed.trim()

  const open = (name: string) => {
    goTo(name)
    onChoose()
  }
  const onSubmit = (event: FormEvent) => {
    event.preventDefault()
    if (wanted !== '') open(wanted)
  }
  const onLink = (event: MouseEvent, name: string) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return
    event.preventDefault()
    open(name)
  }

  return (
    <>
      <form onSubmit={onSubmit}>
        <input
          className="field"
          aria-label="Name of a document, old or new"
          placeholder="Find or create a document"
          value={typed}
          maxLength={255}
          autoFocus
          onChange={(event) => setTyped(event.target.value)}
        />
      </form>
      <ul className="choices">
        {wanted !== '' && !names.includes(wanted) && (
          <li>
            <a href={addressOf(wanted)} onClick={(event) => onLink(event, wanted)}>
              <span className="quiet">Create</span> {wanted}
            </a>
          </li>
        )}
        {names.map((name) => (
          <li key={name}>
            <a href={addressOf(name)} aria-current={name === current ? 'page' : undefined} onClick={(event) => onLink(event, name)}>
              {name}
            </a>
          </li>
        ))}
      </ul>
      {failed && <p className="quiet note">The list cannot be fetched now.</p>}
    </>
  )
}

function useDocumentNames(prefix: string): { names: string[]; failed: boolean } {
  const [answer, setAnswer] = useState<{ names: string[]; failed: boolean }>({ names: [], failed: false })
  useEffect(() => {
    const abort = new AbortController()
    const query = new URLSearchParams({ prefix, limit: String(SHOWN_MAX) })
    fetch(`/docs?${query}`, { signal: abort.signal })
      .then((response) => (response.ok ? response.json() : Promise.reject(new Error(response.statusText))))
      .then((list: { docs: string[] }) => setAnswer({ names: list.docs, failed: false }))
      .catch(() => abort.signal.aborted || setAnswer({ names: [], failed: true }))
    return () => abort.abort()
  }, [prefix])
  return answer
}
