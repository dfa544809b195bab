/** What `r1 bench train` measures, apart from the models themselves: every command loads this file. */
export const trainNames = ['a', 'b', 'smollm2-full', 'smollm2-lora'] as const
