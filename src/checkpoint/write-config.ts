import { join } from 'node:path'
import { writeAtomically } from './atomic.ts'

/** Keys whose numbers other libraries insist on reading as floats. */
const floatKeys =
  'rope_theta|factor|low_freq_factor|high_freq_factor|attention_factor|partial_rotary_factor|routed_scaling_factor|' +
  'beta_fast|beta_slow|mscale|mscale_all_dim|initializer_range|\\w*(?:dropout|_pdrop|_prob|_eps|_epsilon|_softcapping|_coef)'

/** A whole number alone on its line of indented JSON, under such a key. */
const wholeFloat = new RegExp(`^( *"(?:${floatKeys})": -?\\d+)(,?)$`, 'gm')

/**
 * Writes config.json. JavaScript knows no difference between 0 and 0.0, but readers that check types do: whole numbers
 * under keys of floats are written with a point.
 *
 * @throws R1Error 'disk-full', 'file-failure'
 */
export async function writeModelConfig(folder: string, config: Readonly<Record<string, unknown>>): Promise<void> {
  const text = `${JSON.stringify(config, undefined, 2)}\n`.replaceAll(wholeFloat, '$1.0$2')
  await writeAtomically(join(folder, 'config.json'), (writer) => writer.write(new TextEncoder().encode(text)))
}
