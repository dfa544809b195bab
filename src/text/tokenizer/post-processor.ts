import { badTokenizer, Fields, tokenId } from './fields.ts'

/** The ids that a tokenizer puts before and after one sequence. */
export interface SequenceFrame {
  prefix: number[]
  suffix: number[]
}

const deepest = 16

/** Builds the frame from the `post_processor` of a tokenizer.json. */
export function buildFrame(fields: Fields, depth = 0): SequenceFrame {
  if (depth > deepest) throw badTokenizer(`${fields.where} is nested too deeply`)
  const type = fields.string('type')
  switch (type) {
    case 'ByteLevel':
      return { prefix: [], suffix: [] }
    case 'TemplateProcessing':
      return templateFrame(fields)
    case 'BertProcessing':
    case 'RobertaProcessing':
      return { prefix: [namedId(fields, 'cls')], suffix: [namedId(fields, 'sep')] }
    case 'Sequence': {
      const frame: SequenceFrame = { prefix: [], suffix: [] }
      for (const step of fields.objects('processors')) {
        const around = buildFrame(step, depth + 1)
        frame.prefix.unshift(...around.prefix)
        frame.suffix.push(...around.suffix)
      }
      return frame
    }
    default:
      throw badTokenizer(`${fields.where} has the unknown type ${JSON.stringify(type)}`)
  }
}

/** Reads `"cls": ["[CLS]", 101]`. */
function namedId(fields: Fields, key: string): number {
  return tokenId(fields.list(key)[1], `${fields.where}.${key}`)
}

function templateFrame(fields: Fields): SequenceFrame {
  const frame: SequenceFrame = { prefix: [], suffix: [] }
  let side = frame.prefix
  for (const item of fields.objects('single')) {
    if (item.has('Sequence')) side = frame.suffix
    else side.push(...templateIds(fields, item.object('SpecialToken').string('id')))
  }
  return frame
}

function templateIds(fields: Fields, name: string): number[] {
  const where = `${fields.where}.special_tokens`
  const token = new Fields(fields.object('special_tokens').value(name), `${where}[${JSON.stringify(name)}]`)
  return token.list('ids').map((id) => tokenId(id, token.where))
}
