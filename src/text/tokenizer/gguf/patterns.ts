import { R1Error } from '../../../errors.ts'
import { gpt2Pattern } from '../pre-tokenizers.ts'

/** How a family of byte-level vocabularies cuts text, by the name in `tokenizer.ggml.pre`. */
export interface ByteLevelFamily {
  /** Patterns for Oniguruma, each applied to the pieces of the one before. */
  patterns: readonly string[]
  /** A piece that is a token by itself is taken whole. */
  ignoreMerges?: boolean
  /** Puts the bos token first unless the file says otherwise. */
  addBos?: boolean
}

const contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
const ending = '\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+'

/** The pattern of GPT-4's family, with so many digits to a piece. */
function words(digits: string, letters = '\\p{L}'): string {
  const rest = letters === '\\p{L}' ? '[^\\s\\p{L}\\p{N}]' : '[^\\s\\p{L}\\p{M}\\p{N}]'
  return `${contractions}|[^\\r\\n\\p{L}\\p{N}]?[${letters}]+|${digits}| ?${rest}+[\\r\\n]*|${ending}`
}

const deepSeek = [
  '\\p{N}{1,3}',
  '[一-龥぀-ゟ゠-ヿ]+',
  `[!"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_\`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|${ending}`,
]

const upper = '[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]'
const lower = '[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]'
const before = '[^\\r\\n\\p{L}\\p{N}]?'
/** Words cut where small letters meet capitals (o200k, Tekken). */
const cased = (suffix: string, digits: string) =>
  `${before}${upper}*${lower}+${suffix}|${before}${upper}+${lower}*${suffix}|${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|${ending}`

const gpt2: ByteLevelFamily = { patterns: [gpt2Pattern] }
const digitByDigit: ByteLevelFamily = { patterns: ['\\p{N}', gpt2Pattern] }
const llama3: ByteLevelFamily = { patterns: [words('\\p{N}{1,3}')], ignoreMerges: true, addBos: true }
const threeDigits: ByteLevelFamily = { patterns: [words('\\p{N}{1,3}')] }
const qwen2: ByteLevelFamily = { patterns: [words('\\p{N}')] }
const o200k: ByteLevelFamily = { patterns: [cased(`${contractions}?`, '\\p{N}{1,3}')] }

/** Where a file names no rule. */
const unnamed = ['[\\p{P}\\$\\+<=>\\^~\\|]+', gpt2Pattern, '\\p{N}+', '[0-9][0-9][0-9]']

const families = new Map<string, ByteLevelFamily>([
  ...names({ patterns: unnamed }, 'default'),
  ...names(gpt2, 'gpt-2 phi-2 mpt olmo jais trillion granite-docling exaone4 jina-v2-code roberta-bpe jina-v1-en'),
  ...names(gpt2, 'jina-es jina-de jina-v2-es jina-v2-de gigachat a.x-4.0 mellum modern-bert'),
  ...names(digitByDigit, 'smollm starcoder refact command-r codeshell exaone minerva-7b mellum2'),
  ...names(llama3, 'llama3 llama-v3 llama-bpe falcon3 falcon-h1 pixtral midm-2.0 lfm2'),
  ...names(threeDigits, 'dbrx smaug-bpe chatglm-bpe glm4'),
  ...names(qwen2, 'qwen2 deepseek-r1-qwen stablelm2 megrez hunyuan'),
  ...names({ patterns: [words('\\p{N}', '\\p{L}\\p{M}')] }, 'qwen35'),
  ...names({ patterns: deepSeek }, 'deepseek-v3 hunyuan-dense'),
  ...names(o200k, 'gpt-4o llama4'),
  ...names({ patterns: [cased('', '\\p{N}')], ignoreMerges: true, addBos: true }, 'tekken'),
])

function names(family: ByteLevelFamily, list: string): [string, ByteLevelFamily][] {
  return list.split(' ').map((name) => [name, family])
}

/** Every pattern of the families. */
export function familyPatterns(): readonly string[] {
  return [...families.values()].flatMap(({ patterns }) => patterns)
}

/** @throws R1Error `unsupported-tokenizer` for a name that is not known: a guess would give wrong ids in silence */
export function byteLevelFamily(name: string): ByteLevelFamily {
  const family = families.get(name)
  if (family) return family
  throw new R1Error(
    'unsupported-tokenizer',
    `The GGUF file's tokenizer cuts text by the unknown rule "${name.slice(0, 80)}".`,
    {
      remedy: 'Put the model’s tokenizer.json beside the file.',
    },
  )
}
