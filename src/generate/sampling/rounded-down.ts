/** The f32 at or below a positive number: a top-p rounded up would take in one more of tokens that are equally likely. */
export function roundedDown(share: number): number {
  const nearest = Math.fround(share)
  if (nearest <= share) return nearest
  const [bits = 0] = new Int32Array(Float32Array.of(nearest).buffer)
  return new Float32Array(Int32Array.of(bits - 1).buffer)[0] as number
}
