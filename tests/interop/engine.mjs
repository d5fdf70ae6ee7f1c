// weft's engine as a child process (driver.c): one call, one line, one answer.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

export const driverPath = () => process.env.WEFT_INTEROP_DRIVER ?? `${process.env.WEFT_BUILD ?? root + 'build/dev'}/tests/interop/interop_driver`

const encoded = value => (value instanceof Uint8Array ? (value.length ? Buffer.from(value.buffer, value.byteOffset, value.length).toString('base64') : '-') : String(value))
export const decoded = text => (text === '-' ? new Uint8Array() : new Uint8Array(Buffer.from(text, 'base64')))

export class Engine {
  #child
  #waiting = []
  #ended = null

  constructor(path = driverPath()) {
    this.#child = spawn(path, { stdio: ['pipe', 'pipe', 'pipe'] })
    let complaints = ''
    this.#child.stderr.on('data', data => { complaints += data })
    createInterface({ input: this.#child.stdout }).on('line', line => this.#waiting.shift().resolve(line))
    this.#child.stdin.on('error', () => {})
    const ended = reason => {
      this.#ended ??= new Error(`the engine ended: ${reason}\n${complaints.slice(0, 4000)}`)
      for (const call of this.#waiting.splice(0)) call.reject(this.#ended)
    }
    this.#child.on('error', error => ended(error.message))
    this.#child.on('close', (code, signal) => ended(signal ?? code))
  }

  // The words of the answer; throws on a refusal.
  async call(...words) {
    const answer = await this.tryCall(...words)
    if (answer[0] !== 'ok') throw new Error(`the engine refuses ${words[0]}: ${answer.slice(1).join(' ')}`)
    return answer.slice(1)
  }

  async tryCall(...words) {
    if (this.#ended) throw this.#ended
    const line = await new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
      this.#child.stdin.write(words.map(encoded).join(' ') + '\n')
    })
    return line.split(' ')
  }

  // The one result of a call, as bytes.
  async bytes(...words) {
    return decoded((await this.call(...words))[0])
  }

  // Ends the child and says whether it ended well: a leak found by a sanitizer ends it badly.
  async close() {
    if (this.#ended) throw this.#ended
    const closed = new Promise(resolve => this.#child.once('close', (code, signal) => resolve(signal ?? code)))
    this.#child.stdin.end()
    const end = await closed
    if (end !== 0) throw this.#ended
  }
}
