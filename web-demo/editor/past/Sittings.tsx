// The sessions in which the document was written, newest first; each leads to how it ended.
import { Fragment, memo } from 'react'
import { peopleOf } from './acquaintances'
import type { Sitting } from './moments'
import { Faces } from './Timeline'
import { dayInWords, editsInWords, spanInWords } from './words'

interface Props {
  sittings: readonly Sitting[]
  /** The one that the moment shown is of. */
  current: Sitting | undefined
  onChoose(sitting: Sitting): void
}

export const Sittings = memo(function Sittings({ sittings, current, onChoose }: Props) {
  const newestFirst = sittings.slice().reverse()
  return (
    <ol className="sittings">
      {newestFirst.map((sitting, index) => {
        const day = dayInWords(sitting.from)
        const before = newestFirst[index - 1]
        return (
          <Fragment key={sitting.first}>
            {(before === undefined || dayInWords(before.from) !== day) && <li className="day">{day}</li>}
            <li>
              <button type="button" aria-current={sitting === current ? 'true' : undefined} onClick={() => onChoose(sitting)}>
                <span className="when">{spanInWords(sitting.from, sitting.to)}</span>
                <span className="quiet">{editsInWords(sitting.last - sitting.first + 1)}</span>
                <Faces people={peopleOf(sitting.clients)} />
              </button>
            </li>
          </Fragment>
        )
      })}
    </ol>
  )
})
