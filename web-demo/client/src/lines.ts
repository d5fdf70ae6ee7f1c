// A stream of text, line by line.

/** What a server that is at work never takes between two pieces of an answer. */
const SILENCE_MAX_MS = 30_000

/** The lines of a body; a last one that has no end was cut off, and is an error. */
export async function* linesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.getReader()
  const decoder = new TextDecoder('utf-8')
  let partial: string[] = []
  try {
    for (;;) {
      const { done, value } = await spoken(reader.read())
      if (done) break
      const [first, ...rest] = decoder.decode(value, { stream: true }).split('\n')
      partial.push(first ?? '')
      for (const piece of rest) {
        yield partial.join('')
        partial = [piece]
      }
    }
  } finally {
    // Also when the caller needs no more of it, so that the connection is not kept waiting.
    reader.cancel().catch(() => undefined)
  }
  if (partial.join('') !== '') throw new Error('the answer was cut off')
}

async function spoken<T>(reading: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing heard for ${SILENCE_MAX_MS} ms`)), SILENCE_MAX_MS)
  })
  try {
    return await Promise.race([reading, silence])
  } finally {
    clearTimeout(timer)
  }
}
