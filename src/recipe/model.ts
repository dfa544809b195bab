import { z } from 'zod'

const count = z.int().positive()

/** A model that does not exist yet, or one to begin with. */
export const modelSchema = z
  .strictObject({
    from: z.string().min(1).optional().describe('A checkpoint folder, a GGUF file or a hub id to begin with.'),
    family: z.enum(['r1']).optional().describe('A new model of our own family, its weights drawn by the seed.'),
    layers: count.max(128).optional().describe('Layers of a new model: the other sizes follow.'),
    hidden: count.max(16384).optional().describe('Width of a new model, where it shall not follow from the layers.'),
    positions: count
      .max(1 << 20)
      .default(2048)
      .describe('The most tokens of a sequence.'),
    architecture: z.enum(['llama', 'qwen3']).default('llama').describe('The architecture under which it is saved.'),
    tokenizer: z.string().min(1).default('bytes').describe('`bytes`, or a folder or file to take the tokenizer from.'),
  })
  .refine(({ from, family }) => (from === undefined) !== (family === undefined), {
    message: "must name either 'from' or 'family'",
  })
  .refine(({ family, layers }) => family === undefined || layers !== undefined, {
    message: "a new model needs 'layers'",
  })
