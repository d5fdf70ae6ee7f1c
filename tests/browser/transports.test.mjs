// The same page, whichever way the document comes to it.
import assert from 'node:assert/strict'
import test, { before } from 'node:test'
import { assertHas, buildDemo, converged, twoPeople, type, words } from './demo.mjs'

before(buildDemo)

for (const [transport, name] of [['websocket', 'WebSocket'], ['long-poll', 'Long poll']]) {
  test(`?transport=${transport}: both write, the server is killed, and nothing is lost`, async (t) => {
    const { server, ada, ben } = await twoPeople(t, `&transport=${transport}`)
    await Promise.all([ada.comesBy(name), ben.comesBy('Event stream')])
    await ben.beginBlockAfter(0, 'Ben', ada)
    await ada.placeCaret(2, 'Ada', ben)
    await Promise.all([type(ada, words('a', 1, 10)), type(ben, words('b', 1, 10))])
    await Promise.all([ada.allSent(), ben.allSent()])
    await converged(ada, ben)
    await server.kill()
    await Promise.all([ada.connection('disconnected'), ben.connection('disconnected')])
    await Promise.all([type(ada, words('a', 11, 20)), type(ben, words('b', 11, 20))])
    await server.start()
    await Promise.all([ada.allSent(), ben.allSent()])
    const blocks = await converged(ada, ben)
    assertHas(blocks, words('a', 1, 20))
    assertHas(blocks, words('b', 1, 20))
    await Promise.all([ada.seesCaretOf('Ben'), ben.seesCaretOf('Ada')])
    await ada.comesBy(name)
    await ada.shot(`transport-${transport}`)
  })
}

test('the transport is chosen on the page, and stays in the address', async (t) => {
  const { ada, ben } = await twoPeople(t)
  await ada.comesBy('Event stream')
  await ada.placeCaret(1, 'Ada', ben)
  await type(ada, words('a', 1, 5))
  await ada.page.locator('.transport .popover-button').click()
  await ada.shot('transport-menu')
  await ada.page.getByRole('link', { name: 'WebSocket' }).click()
  await ada.comesBy('WebSocket')
  await Promise.all([ada.sees('a5.'), ada.allSent(), ben.sees('a5.')])
  assert.equal(new URL(ada.page.url()).searchParams.get('transport'), 'websocket')
  await ada.page.locator('.documents .popover-button').click()
  await ada.page.getByLabel('Name of a document').fill('another')
  await ada.page.keyboard.press('Enter')
  await ada.sees('another')
  await ada.comesBy('WebSocket')
  await ada.page.goBack()
  await ada.sees('a5.')
  await ada.page.goBack()
  await ada.comesBy('Event stream')
})
