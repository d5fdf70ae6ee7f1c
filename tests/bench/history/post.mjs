// Posts updates as events of their own, in order: each goes out on the next connection that is free, and the server hears the
// connections in the order in which they were written to.
import net from 'node:net'

const CONNECTIONS = 200

const connect = port => new Promise((resolve, reject) => {
  const socket = net.connect({ host: '127.0.0.1', port, noDelay: true }, () => resolve(socket))
  socket.on('error', reject)
})

/** Takes one whole answer off the front of `text`: { status, body, rest }, or undefined while it is not whole. */
const takeAnswer = text => {
  const head = text.indexOf('\r\n\r\n')
  if (head < 0) return
  const length = Number(/content-length: (\d+)/i.exec(text.slice(0, head))[1])
  if (text.length < head + 4 + length) return
  return { status: Number(text.slice(9, 12)), body: text.slice(head + 4, head + 4 + length), rest: text.slice(head + 4 + length) }
}

/** Resolves with { seconds, disordered }: how long it took, and how many events did not get the number that they came with. */
export const postInOrder = async (port, path, updates) => {
  const sockets = await Promise.all(Array.from({ length: CONNECTIONS }, () => connect(port)))
  const free = sockets.slice()
  let next = 0
  let done = 0
  let disordered = 0
  const began = performance.now()
  await new Promise((resolve, reject) => {
    const sendSome = () => {
      while (free.length > 0 && next < updates.length) {
        const socket = free.shift()
        const update = updates[next]
        socket.expected = ++next
        const head = `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\nContent-Length: ${update.length}\r\n\r\n`
        socket.write(Buffer.concat([Buffer.from(head), update]))
      }
    }
    const finish = (socket, { status, body }) => {
      if (status !== 200) throw new Error(`event ${socket.expected}: ${status} ${body}`)
      disordered += !body.startsWith(`{"id":"${socket.expected}.`)
      free.push(socket)
      if (++done === updates.length) resolve()
    }
    for (const socket of sockets) {
      let text = ''
      socket.on('error', reject)
      socket.on('data', bytes => {
        text += bytes.toString('latin1')
        const answer = takeAnswer(text)
        if (answer === undefined) return
        text = answer.rest
        finish(socket, answer)
        sendSome()
      })
    }
    sendSome()
  })
  for (const socket of sockets) socket.destroy()
  return { seconds: (performance.now() - began) / 1000, disordered }
}
