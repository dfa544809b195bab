/**
 * The block formats of ggml, the tensor library behind llama.cpp. Little-endian; `d`, `m` and the like are half floats.
 * Elements 0-31 of a 32-block, or 0-255 of a 256-block, lie in one row of the tensor.
 */

/** Half-precision values by their bits. */
export type HalfTable = Float32Array

/** Turns `count` blocks into f32; products and sums are exact in f64, so each element is rounded just once. */
export type Dequantise = (blocks: Uint8Array, into: Float32Array, count: number, half: HalfTable) => void

/** The half float at byte `at`. */
export function halfAt(bytes: Uint8Array, at: number, half: HalfTable): number {
  return half[(bytes[at] as number) | ((bytes[at + 1] as number) << 8)] as number
}
