// How the document is followed now, and the other ways.
import { Popover } from './Popover'
import { addressOf, goTo } from './route'
import type { Session } from './session'
import { isTransportChoice, TRANSPORT_CHOICES, TRANSPORT_NAMES } from './transport'

export function TransportMenu({ session }: { session: Session }) {
  const { transport } = session.state
  const words = transport === null ? TRANSPORT_CHOICES[session.transport] : TRANSPORT_NAMES[transport]
  return (
    <Popover className="transport" label={`Connection: ${words}. Choose another one`} button={<span data-testid="transport">{words}</span>}>
      {(close) => (
        <>
          <p className="caption">How others’ edits come here</p>
          <ul className="choices">
            {Object.entries(TRANSPORT_CHOICES).map(([choice, name]) => (
              <li key={choice}>
                <a
                  href={isTransportChoice(choice) ? addressOf(session.name, undefined, choice) : undefined}
                  aria-current={choice === session.transport ? 'true' : undefined}
                  onClick={(event) => {
                    event.preventDefault()
                    if (isTransportChoice(choice)) goTo(session.name, undefined, choice)
                    close()
                  }}
                >
                  {name}
                </a>
              </li>
            ))}
          </ul>
        </>
      )}
    </Popover>
  )
}
