import { type LoadedModel, saveModel } from '../../models/index.ts'
import { NDArray } from '../../runtime/array.ts'
import { Variables } from '../../runtime/variables.ts'
import { randomWord, streamKey } from '../../tensor/random.ts'

/** Saves a model with random weights, larger than those that training begins with, so that errors would show. */
export async function saveRandom(folder: string, model: LoadedModel['model']): Promise<void> {
  const variables = new Variables()
  for (const { name, tensor } of model.parameters()) {
    const key = streamKey(7, name)
    const array = NDArray.zeros(tensor.shape as readonly number[])
    array.data.forEach((_, at, values) => {
      const number = randomWord(key, at) / 2 ** 31 - 1
      values[at] = tensor.rank === 1 ? 1 + number / 4 : number / 4
    })
    variables.set(name, array)
  }
  await saveModel(folder, { model, variables })
  variables.dispose()
}
