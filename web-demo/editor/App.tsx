import { useCallback, useEffect, useLayoutEffect, useRef, useState, useSyncExternalStore } from 'react'
import { Documents } from './Documents'
import { Editor } from './Editor'
import { type Person, recallPerson, rememberPerson } from './identity'
import { Notice } from './Notice'
import { HistoryButton } from './past/HistoryButton'
import { HistoryView } from './past/HistoryView'
import { LATEST } from './past/playback'
import { RestoredNotice } from './past/RestoredNotice'
import type { Restored } from './past/restore'
import { People } from './People'
import { addressOf, documentInAddress, FIRST_DOCUMENT, goTo, momentInAddress, transportInAddress } from './route'
import { createDocument } from './seed'
import { Session } from './session'
import { Status } from './Status'
import { type Theme, useTheme } from './theme'
import { TransportMenu } from './TransportMenu'
import type { TransportChoice } from './transport'

export function App() {
  const { name, at, transport } = useAddress()
  const [person, setPerson] = useState(recallPerson)
  const [theme, toggleTheme] = useTheme()
  const [session, reopen] = useSession(name, person, transport)

  useEffect(() => {
    document.title = `${name} · weft`
  }, [name])

  const onPerson = (changed: Person) => {
    setPerson(changed)
    rememberPerson(changed)
    session?.rename(changed)
  }

  if (session === null) return null
  return <Page key={session.doc.clientID} {...{ session, at, reopen, person, onPerson, theme, toggleTheme }} />
}

interface PageProps {
  session: Session
  /** The moment of the past that the address names. */
  at: string | null
  reopen(): void
  person: Person
  onPerson(person: Person): void
  theme: Theme
  toggleTheme(): void
}

function Page({ session, at, reopen, person, onPerson, theme, toggleTheme }: PageProps) {
  const state = useSyncExternalStore(session.subscribe, session.snapshot)
  const stopped = state.deleted !== 'no' || state.closed !== null
  const [restored, setRestored] = useState<Restored | null>(null)
  const historyButton = useRef<HTMLButtonElement>(null)
  const looksBack = at !== null
  useWarningBeforeLoss(state.unsent > 0)
  useSamePlaceAfterwards(looksBack)

  const openHistory = (moment: string) => {
    setRestored(null)
    goTo(session.name, moment)
  }
  const closeHistory = useCallback(() => {
    goTo(session.name)
    historyButton.current?.focus()
  }, [session])
  const onRestored = useCallback(
    (what: Restored) => {
      setRestored(what)
      closeHistory()
    },
    [closeHistory],
  )
  return (
    <>
      <header className="bar">
        <a
          className="brand"
          href={addressOf(FIRST_DOCUMENT)}
          onClick={(event) => {
            event.preventDefault()
            goTo(FIRST_DOCUMENT)
          }}
        >
          <img src="/mark.svg" alt="" width="22" height="22" />
          <span>weft</span>
        </a>
        <span className="slash" aria-hidden="true">
          /
        </span>
        <Documents name={session.name} />
        <div className="space" />
        <TransportMenu session={session} />
        <Status state={state} />
        <HistoryButton ref={historyButton} open={looksBack} onToggle={() => (looksBack ? closeHistory() : openHistory(LATEST))} />
        <ThemeButton theme={theme} onToggle={toggleTheme} />
        <People people={state.people} person={person} onChange={onPerson} />
      </header>
      <Notice session={session} state={state} onReopen={reopen} />
      {restored !== null && !looksBack && (
        <RestoredNotice session={session} restored={restored} onLook={openHistory} onDismiss={() => setRestored(null)} />
      )}
      {at !== null && <HistoryView {...{ session, theme, at, onRestored }} onClose={closeHistory} />}
      <main className="sheet" data-testid="sheet" data-ready={state.ready} hidden={looksBack}>
        {state.ready ? <Editor session={session} theme={theme} editable={!stopped} /> : !stopped && <Skeleton />}
      </main>
    </>
  )
}

function ThemeButton({ theme, onToggle }: { theme: Theme; onToggle(): void }) {
  return (
    <button type="button" className="icon-button" aria-label={theme === 'dark' ? 'Light colours' : 'Dark colours'} onClick={onToggle}>
      <svg viewBox="0 0 20 20" aria-hidden="true">
        <circle cx="10" cy="10" r="6.25" />
        <path className="half" d="M10 3.75a6.25 6.25 0 0 1 0 12.5z" />
      </svg>
    </button>
  )
}

function Skeleton() {
  return (
    <div className="skeleton" aria-hidden="true">
      <i />
      <i />
      <i />
      <i />
    </div>
  )
}

function useAddress(): { name: string; at: string | null; transport: TransportChoice } {
  const [name, setName] = useState(documentInAddress)
  const [at, setAt] = useState(momentInAddress)
  const [transport, setTransport] = useState(transportInAddress)
  useEffect(() => {
    const follow = () => {
      setName(documentInAddress())
      setAt(momentInAddress())
      setTransport(transportInAddress())
    }
    addEventListener('popstate', follow)
    addEventListener('hashchange', follow)
    return () => {
      removeEventListener('popstate', follow)
      removeEventListener('hashchange', follow)
    }
  }, [])
  return { name, at, transport }
}

/** The document is where one left it when one comes back from its past. */
function useSamePlaceAfterwards(away: boolean): void {
  const place = useRef(0)
  useLayoutEffect(() => {
    if (!away) return
    scrollTo({ top: 0 })
    return () => scrollTo({ top: place.current })
  }, [away])
  useEffect(() => {
    if (away) return
    const note = () => {
      place.current = scrollY
    }
    addEventListener('scroll', note, { passive: true })
    return () => removeEventListener('scroll', note)
  }, [away])
}

/** A session for as long as the name and the transport stay, or until it is reopened. */
function useSession(name: string, person: Person, transport: TransportChoice): [Session | null, () => void] {
  const [session, setSession] = useState<Session | null>(null)
  const [times, setTimes] = useState(0)
  useEffect(() => {
    const opened = new Session(name, person, transport)
    setSession(opened)
    return () => opened.end()
    // A new name of the person reaches the session by rename().
  }, [name, transport, times])
  const reopen = useCallback(() => {
    createDocument(name)
      .catch((error: unknown) => console.error('the document could not be created', error))
      .finally(() => setTimes((before) => before + 1))
  }, [name])
  return [session?.name === name ? session : null, reopen]
}

function useWarningBeforeLoss(unsent: boolean): void {
  useEffect(() => {
    if (!unsent) return
    const warn = (event: BeforeUnloadEvent) => event.preventDefault()
    addEventListener('beforeunload', warn)
    return () => removeEventListener('beforeunload', warn)
  }, [unsent])
}
