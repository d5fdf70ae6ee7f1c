// Numbers from a seed, the same on every machine (mulberry32): a failure is repeated by its seed.
export function randomFrom(seed) {
  let state = seed >>> 0
  const fraction = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
  const below = limit => Math.floor(fraction() * limit)
  return {
    below,
    between: (low, high) => low + below(high - low + 1),
    chance: probability => fraction() < probability,
    oneOf: list => list[below(list.length)],
    shuffled(list) {
      const result = [...list]
      for (let i = result.length - 1; i > 0; i--) {
        const j = below(i + 1)
        ;[result[i], result[j]] = [result[j], result[i]]
      }
      return result
    }
  }
}
