/**
 * How weights of products may be kept: `file` in the blocks that the checkpoint has (f32 where it has none), `int8` and
 * `int4` in blocks of 32 with a scale each (int4 with an offset too), `bf16` and `f32` as numbers.
 */
export const weightPrecisions = ['file', 'int8', 'int4', 'bf16', 'f32'] as const

export type WeightPrecision = (typeof weightPrecisions)[number]
