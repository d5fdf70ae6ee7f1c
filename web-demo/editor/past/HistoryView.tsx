// The document's past, in the place of the document.
import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from 'react'
import { addressOf } from '../route'
import type { Session } from '../session'
import type { Theme } from '../theme'
import { PastEditor } from './PastEditor'
import { Playback } from './playback'
import type { Sitting } from './moments'
import { RestoreDialog } from './RestoreDialog'
import { type Restored, restoreVersion } from './restore'
import { Sittings } from './Sittings'
import { MomentLine, Timeline } from './Timeline'
import { momentInProse, problemInWords } from './words'

const COPIED_SHOWN_MS = 2000

interface Props {
  session: Session
  theme: Theme
  /** The id of a moment, as the address has it. */
  at: string
  onClose(): void
  onRestored(restored: Restored): void
}

export function HistoryView(props: Props) {
  const { session, at } = props
  const [playback, setPlayback] = useState<Playback | null>(null)
  useEffect(() => {
    const opened = new Playback(session.name, at)
    const grow = () => opened.grow()
    session.doc.on('update', grow)
    session.provider.on('unsent', grow)
    setPlayback(opened)
    return () => {
      session.doc.off('update', grow)
      session.provider.off('unsent', grow)
      opened.end()
    }
    // Another moment in the address is opened below.
  }, [session])
  return playback && <OpenHistory {...props} playback={playback} />
}

function OpenHistory({ session, theme, at, playback, onClose, onRestored }: Props & { playback: Playback }) {
  const state = useSyncExternalStore(playback.subscribe, playback.snapshot)
  const { place, moments, sittings, problem, playing, shown } = state
  const [listOpen, setListOpen] = useState(false)
  const [asking, setAsking] = useState(false)
  const slider = useRef<HTMLInputElement>(null)
  const moment = moments[place]
  const settled = moment !== undefined && shown === moment.id && !playing

  useAddress(playback, at, settled ? addressOf(session.name, moment.id) : null)
  useFocus(slider, moment !== undefined)
  useEscape(onClose, !asking)

  const choose = useCallback(
    (sitting: Sitting) => {
      playback.pause()
      playback.goTo(sitting.last)
      setListOpen(false)
    },
    [playback],
  )
  const current = sittings.find(({ first, last }) => first <= place && place <= last)
  return (
    <section className="past" aria-label={`History of ${session.name}`}>
      <div className="controls">
        <Timeline playback={playback} state={state} slider={slider} />
        <div className="controls-row">
          <MomentLine state={state} />
          <div className="actions">
            <button type="button" className="button plain list-button" aria-expanded={listOpen} onClick={() => setListOpen(!listOpen)}>
              Sessions
            </button>
            <CopyLink address={moment === undefined ? null : addressOf(session.name, moment.id)} />
            <button
              type="button"
              className="button"
              disabled={!settled || place === moments.length - 1}
              onClick={() => {
                playback.pause()
                setAsking(true)
              }}
            >
              Restore<span className="wide-only"> this version</span>
            </button>
          </div>
        </div>
      </div>
      <div className="past-body" data-list={listOpen ? 'open' : 'closed'}>
        <aside className="sittings-panel" aria-label="Sessions">
          <Sittings sittings={sittings} current={current} onChoose={choose} />
        </aside>
        <div className="past-page">
          {problem !== null && (
            <div className="notice" role="alert">
              <p>{problem.words}</p>
              {problem.mayPass ? (
                <button type="button" className="button" onClick={() => playback.retry()}>
                  Try again
                </button>
              ) : (
                <button type="button" className="button" onClick={onClose}>
                  Show the document as it is now
                </button>
              )}
            </div>
          )}
          <div className="sheet" data-testid="past" data-empty={shown === null}>
            <PastEditor playback={playback} theme={theme} label={`${session.name}, as it was`} />
          </div>
        </div>
      </div>
      {asking && moment !== undefined && (
        <AskToRestore {...{ playback, onRestored }} id={moment.id} version={momentInProse(moment.time)} onCancel={() => setAsking(false)} />
      )}
    </section>
  )
}

interface AskProps {
  playback: Playback
  id: string
  version: string
  onCancel(): void
  onRestored(restored: Restored): void
}

function AskToRestore({ playback, id, version, onCancel, onRestored }: AskProps) {
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<string | null>(null)
  const restore = async () => {
    setBusy(true)
    setProblem(null)
    try {
      const restored = await restoreVersion(playback.past, id, version, id)
      if (restored !== null) return onRestored(restored)
      setProblem('The document reads like this already.')
    } catch (error) {
      setProblem(problemInWords(error))
    }
    setBusy(false)
  }
  return <RestoreDialog {...{ version, busy, problem, onCancel }} onConfirm={() => void restore()} />
}

function CopyLink({ address }: { address: string | null }) {
  const [copied, setCopied] = useState(false)
  useEffect(() => {
    if (!copied) return
    const timer = setTimeout(() => setCopied(false), COPIED_SHOWN_MS)
    return () => clearTimeout(timer)
  }, [copied])
  const copy = async () => {
    const link = new URL(address ?? '', location.href).href
    try {
      await navigator.clipboard.writeText(link)
      setCopied(true)
    } catch {
      // Not allowed, or no secure page: the person can copy it from here.
      prompt('The link to this version', link)
    }
  }
  return (
    <button type="button" className="button plain" disabled={address === null} onClick={() => void copy()}>
      <span aria-live="polite">{copied ? 'Copied' : 'Copy link'}</span>
    </button>
  )
}

/** The address names the moment that is shown, and the other way round. */
function useAddress(playback: Playback, at: string, address: string | null): void {
  const opened = useRef(at)
  useEffect(() => {
    if (opened.current === at) return
    opened.current = at
    playback.open(at)
  }, [playback, at])
  useEffect(() => {
    if (address !== null) history.replaceState(null, '', address)
  }, [address])
}

function useFocus(slider: { current: HTMLInputElement | null }, ready: boolean): void {
  useEffect(() => {
    if (ready) slider.current?.focus()
  }, [ready, slider])
}

function useEscape(onEscape: () => void, active: boolean): void {
  useEffect(() => {
    if (!active) return
    const onKeyDown = (event: KeyboardEvent) => {
      // The first one closes a panel that is open above all this.
      if (event.key === 'Escape' && document.querySelector('.popover [aria-expanded="true"]') === null) onEscape()
    }
    document.addEventListener('keydown', onKeyDown)
    return () => document.removeEventListener('keydown', onKeyDown)
  }, [onEscape, active])
}
