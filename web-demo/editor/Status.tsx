// Whether what one writes is safe, in a word.
import type { SessionState } from './session'

type Mood = 'calm' | 'busy' | 'away' | 'wrong'

function wordsFor(state: SessionState): [Mood, string] {
  const kept = state.unsent === 0 ? '' : ` · ${state.unsent} unsent`
  if (state.deleted !== 'no' || state.closed !== null) return ['wrong', 'Closed']
  if (state.refused !== null) return ['wrong', `Not saved${kept}`]
  if (state.connection !== 'connected') return state.ready ? ['away', `Offline${kept}`] : ['busy', 'Connecting']
  return state.saving ? ['busy', 'Saving'] : ['calm', 'Saved']
}

export function Status({ state }: { state: SessionState }) {
  const [mood, words] = wordsFor(state)
  return (
    <div className="status" role="status" data-testid="status" data-mood={mood} data-connection={state.connection} data-unsent={state.unsent}>
      <span className="dot" aria-hidden="true" />
      <span className="words">{words}</span>
    </div>
  )
}
