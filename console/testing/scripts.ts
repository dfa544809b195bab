/** What the stand-in's model says to a question. */
export interface Script {
  readonly reasoning?: string
  readonly text: string
  readonly finishReason?: string
  readonly error?: string
  /** Never begins. */
  readonly silent?: boolean
}

const showcase = `## What Markdown looks like

An inline formula, $a^2 + b^2 = c^2$, and one on its own line:

$$\\sum_{k=1}^{n} k = \\frac{n(n+1)}{2}$$

| step | loss | reward |
|---|--:|--:|
| 1 | 5.81 | 0.02 |
| 100 | 2.10 | 0.64 |

\`\`\`python
def reverse(head):
    """Reverses a linked list in place."""
    previous = None
    while head:
        head.next, previous, head = previous, head, head.next
    return previous
\`\`\`

1. First, *look* at the **edges**.
2. Then use \`reverse(head)\`, see [the page](https://example.org/).

> A short quotation.`

/** Everything that a hostile model might try, in the answer and in the thinking. */
export const hostile = `<script>window.hacked = 1</script>
<img src=x onerror="window.hacked = 2">
<svg onload="window.hacked = 3"></svg>

[click](javascript:window.hacked=4) [data](data:text/html,<script>window.hacked=5</script>)
![pixel](http://127.0.0.1:9/pixel.png)
<a href="javascript:window.hacked=6">link</a> <iframe src="javascript:parent.hacked=7"></iframe>

$\\href{javascript:window.hacked=8}{x}$ $\\includegraphics{http://127.0.0.1:9/a.png}$ $\\style{color:red}{y}$

\`\`\`html"><img src=x onerror=window.hacked=9>
<img src=x onerror=window.hacked=10>
\`\`\`
`

const scripts: readonly (readonly [pattern: RegExp, script: Script])[] = [
  [/hostile/, { reasoning: hostile, text: hostile }],
  [/markdown/i, { text: showcase }],
  [/nothing/, { text: '', silent: true }],
  [/slowly/, { reasoning: 'Step by step. '.repeat(200), text: 'Done at last.' }],
  [/fail/, { text: 'It began well', error: 'The model ran out of memory.' }],
  [/short/, { text: 'It was cut off in the', finishReason: 'length' }],
  [/long/, { text: Array.from({ length: 40 }, (_, place) => `Paragraph ${place + 1} of a long text.`).join('\n\n') }],
  [
    /[\u4e00-\u9fff]/,
    {
      reasoning: '两个奇数可以写成 $2a+1$ 和 $2b+1$。把它们加起来,得到 $2a+2b+2$。',
      text: '设两个奇数为 $2a+1$ 与 $2b+1$,则\n\n$$(2a+1)+(2b+1)=2(a+b+1)$$\n\n右边是 2 的倍数,所以**两个奇数之和是偶数**。',
    },
  ],
]

const usual: Script = {
  reasoning:
    'I need to use 3, 5, 7 and 11 once each. 11 + 7 = 18, and 18 + 5 = 23: one short. What about 7 + 11 + 5 + 3 = 26? No. $(11 - 5) \\times (7 - 3) = 6 \\times 4 = 24$. That works.',
  text: 'Take two differences and multiply them:\n\n$$(11 - 5) \\times (7 - 3) = 6 \\times 4 = 24$$\n\nEach number is used exactly once.',
}

export function scriptFor(question: string, model: string): Script {
  const script = scripts.find(([pattern]) => pattern.test(question))?.[1] ?? usual
  return model === 'r1-nano' ? script : { text: `${model} answers without thinking: 24 is (11 − 5) × (7 − 3).` }
}
