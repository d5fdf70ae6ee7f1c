// The way through the past: a slider over every event, with play and pause.
import { type CSSProperties, type KeyboardEvent, type ReactNode, type RefObject, useMemo } from 'react'
import type { Acquaintance } from './acquaintances'
import { namesOf, peopleOf } from './acquaintances'
import type { Moment, Sitting } from './moments'
import { type Playback, type PlaybackState, SPEEDS } from './playback'
import { momentInWords } from './words'

/** More marks than this would be a bar. */
const MARKS_MAX = 120

interface Props {
  playback: Playback
  state: PlaybackState
  slider: RefObject<HTMLInputElement | null>
}

export function Timeline({ playback, state, slider }: Props) {
  const { place, playing, speed, moments } = state
  const moment = moments[place]
  const last = moments.length - 1
  const none = last < 0
  /** Beginning with the present, where it is not known yet. */
  const at = place < 0 ? Math.max(0, last) : place
  const part = last > 0 ? at / last : 1

  const step = (by: number) => {
    playback.pause()
    playback.goTo(at + by)
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== ' ') return
    event.preventDefault()
    if (playing) playback.pause()
    else playback.play()
  }
  return (
    <div className="timeline">
      <StepButton label="Previous edit" disabled={none || at === 0} onClick={() => step(-1)} path="M11.5 5.5 7 10l4.5 4.5" />
      <button
        type="button"
        className="play"
        disabled={last < 1}
        aria-label={playing ? 'Pause' : 'Play'}
        onClick={() => (playing ? playback.pause() : playback.play())}
      >
        <svg viewBox="0 0 20 20" aria-hidden="true">
          <path d={playing ? 'M6 4.5h2.75v11H6zM11.25 4.5H14v11h-2.75z' : 'M6.5 4v12l10-6z'} />
        </svg>
      </button>
      <StepButton label="Next edit" disabled={none || at === last} onClick={() => step(1)} path="M8.5 5.5 13 10l-4.5 4.5" />
      <div className="track" style={{ '--part': part } as CSSProperties}>
        <Marks sittings={state.sittings} last={last} />
        <input
          ref={slider}
          type="range"
          min={0}
          max={Math.max(0, last)}
          value={at}
          disabled={none}
          aria-label="Moment in the history"
          aria-valuetext={moment && wordsOf(moment, place, moments.length)}
          data-testid="slider"
          onKeyDown={onKeyDown}
          onChange={(event) => {
            playback.pause()
            playback.goTo(Number(event.target.value))
          }}
        />
      </div>
      <label className="speed">
        <span className="visually-hidden">Speed</span>
        <select value={speed} onChange={(event) => playback.setSpeed(Number(event.target.value))}>
          {SPEEDS.map((each) => (
            <option key={each} value={each}>
              {each}×
            </option>
          ))}
        </select>
      </label>
    </div>
  )
}

function wordsOf(moment: Moment, place: number, count: number): string {
  const names = namesOf(moment.clients)
  return `${momentInWords(moment.time)}${names === '' ? '' : `, ${names}`}, edit ${place + 1} of ${count}`
}

function StepButton({ label, path, disabled, onClick }: { label: string; path: string; disabled: boolean; onClick(): void }) {
  return (
    <button type="button" className="icon-button" aria-label={label} disabled={disabled} onClick={onClick}>
      <svg viewBox="0 0 20 20" aria-hidden="true">
        <path d={path} />
      </svg>
    </button>
  )
}

/** Where sittings begin. */
function Marks({ sittings, last }: { sittings: readonly Sitting[]; last: number }): ReactNode {
  return useMemo(() => {
    if (sittings.length > MARKS_MAX || last < 1) return null
    return sittings.slice(1).map(({ first }) => <i key={first} style={{ '--at': (first - 0.5) / last } as CSSProperties} />)
  }, [sittings, last])
}

export function Faces({ people }: { people: Acquaintance[] }) {
  return (
    <span className="who">
      {people.map(({ name, color }) => (
        <span key={name} className="name" style={{ '--person': color } as CSSProperties}>
          {name}
        </span>
      ))}
    </span>
  )
}

function wordsWithoutMoment({ listing, moments, problem }: PlaybackState): string {
  if (problem !== null) return 'No version to show.'
  if (listing || moments.length > 0) return 'Reading the history…'
  return 'Nothing has been written yet.'
}

export function MomentLine({ state }: { state: PlaybackState }) {
  const { place, moments } = state
  const moment = moments[place]
  if (moment === undefined) return <p className="moment quiet">{wordsWithoutMoment(state)}</p>
  return (
    <p className="moment" data-testid="moment" data-id={moment.id} data-place={place} data-shown={state.shown} data-playing={state.playing}>
      <time dateTime={new Date(moment.time).toISOString()}>{momentInWords(moment.time)}</time>
      <Faces people={peopleOf(moment.clients)} />
      <span className="quiet count">
        {(place + 1).toLocaleString('en')} of {moments.length.toLocaleString('en')}
      </span>
      <code className="quiet">{moment.id}</code>
    </p>
  )
}
