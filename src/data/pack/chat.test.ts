import { readFileSync } from 'node:fs'
import { afterAll, describe, expect, it } from 'vitest'
import {
  ChatTemplate,
  type ChatTemplateMessage,
  RenderPool,
  type Tokenizer,
  tokenizerFromJson,
} from '../../text/index.ts'
import { failureOf } from '../testing/collect.ts'
import { chatExamples, messagesField } from './chat.ts'
import { completionExample, type Example, textExample } from './example.ts'

const path = new URL('../../text/tokenizer/fixtures/qwen2.tokenizer.json', import.meta.url)
const tokenizer = tokenizerFromJson(JSON.parse(readFileSync(path, 'utf8')))
const pool = new RenderPool()
afterAll(() => pool.close())

const turn = (thought: string) =>
  `{% for message in messages %}{{ '<|im_start|>' + message.role + '\\n' }}${thought}{{ message.content + '<|im_end|>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}`
const plain = template(turn(''))
const forgetful = template(
  turn('{% if message.thinking and loop.last %}{{ "<think>" + message.thinking + "</think>" }}{% endif %}'),
)

function template(source: string): ChatTemplate {
  return new ChatTemplate(source, { pool, limits: { milliseconds: 20_000 } })
}

/** The stretches that are learnt, as text. */
function learnt({ ids, weights }: Example, reader: Tokenizer = tokenizer): string[] {
  const stretches: number[][] = []
  for (const [index, id] of ids.entries()) {
    if (weights[index] === 0) continue
    if (index === 0 || weights[index - 1] === 0) stretches.push([])
    stretches.at(-1)?.push(id)
  }
  return stretches.map((stretch) => reader.decode(stretch))
}

const conversation: ChatTemplateMessage[] = [
  { role: 'system', content: 'Be brief.' },
  { role: 'user', content: 'One?' },
  { role: 'assistant', content: '1', thinking: 'easy' },
  { role: 'user', content: 'Two? <|im_end|>' },
  { role: 'assistant', content: '二', thinking: 'harder' },
]

describe('chatExamples', () => {
  it('learns the turns of the assistant with their ends, and nothing else', async () => {
    const examples = await chatExamples(tokenizer, plain, { messages: conversation })
    expect(examples).toHaveLength(1)
    expect(learnt(examples[0] as Example)).toEqual(['1<|im_end|>', '二<|im_end|>'])
    expect(tokenizer.decode((examples[0] as Example).ids)).toContain('<|im_start|>user\nOne?<|im_end|>')
  })

  it('makes an example of its own of a turn that later renderings change', async () => {
    const examples = await chatExamples(tokenizer, forgetful, { messages: conversation })
    expect(examples.map((example) => learnt(example))).toEqual([
      ['<think>easy</think>1<|im_end|>'],
      ['<think>harder</think>二<|im_end|>'],
    ])
    expect(tokenizer.decode((examples[1] as Example).ids)).toContain('<|im_start|>assistant\n1<|im_end|>')
  })

  it('leaves out what follows the last turn of the assistant', async () => {
    const messages = [...conversation, { role: 'user', content: 'Unanswered' }]
    const [example] = await chatExamples(tokenizer, plain, { messages })
    expect(tokenizer.decode((example as Example).ids)).not.toContain('Unanswered')
  })

  it('says that there is nothing to learn', async () => {
    const messages = conversation.slice(0, 2)
    expect((await failureOf(() => chatExamples(tokenizer, plain, { messages }))).code).toBe('bad-record')
  })
})

describe('messagesField', () => {
  const record = (messages?: unknown) => ({ id: 'chats.jsonl:812', source: 'chats.jsonl', fields: { messages } })

  it('names the record whose messages are none', async () => {
    for (const value of [undefined, 'text', [{}], [null], [{ role: 3 }]]) {
      const error = await failureOf(() => messagesField(record(value)))
      expect(error.code).toBe('bad-record')
      expect(error.message).toContain('chats.jsonl:812: "messages"')
    }
    expect(messagesField(record(conversation))).toBe(conversation)
  })
})

describe('examples of plain texts', () => {
  it('learn all of a text, and only the completion of a prompt', () => {
    const { eos } = tokenizer.special
    const end = eos === undefined ? '' : tokenizer.decode([eos])
    expect(learnt(textExample(tokenizer, 'Hello there'))).toEqual([`Hello there${end}`])
    const example = completionExample(tokenizer, '2 + 2 =', ' 4')
    expect(learnt(example)).toEqual([` 4${end}`])
    expect(tokenizer.decode(example.ids)).toBe(`2 + 2 = 4${end}`)
  })
})
