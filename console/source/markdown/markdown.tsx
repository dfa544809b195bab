import type { Token, Tokens } from 'marked'
import { Component, type ComponentChild, type ComponentChildren } from 'preact'
import { useMemo } from 'preact/hooks'
import { texts } from '../language/index.ts'
import { CodeBlock } from './code.tsx'
import { Formula } from './formula.tsx'
import type { MathToken } from './mathematics.ts'
import { readMarkdown, safeAddress, withoutReferences } from './read.ts'

/** A text of a model as elements. Nothing in it becomes markup that this file does not name. */
export function Markdown({ text }: { text: string }) {
  const tokens = useMemo(() => readMarkdown(text), [text])
  return (
    <div class="prose">
      {tokens.map((token, index) => (
        <Block key={`${index} ${token.type}`} token={token} />
      ))}
    </div>
  )
}

/** A block is drawn again only when its own text has changed: in a long answer that is the last one. */
class Block extends Component<{ token: Token }> {
  override shouldComponentUpdate(next: { token: Token }): boolean {
    return next.token.raw !== this.props.token.raw
  }

  override render(): ComponentChild {
    return element(this.props.token)
  }
}

function all(tokens: readonly Token[] | undefined): ComponentChildren {
  return tokens?.map((token) => element(token))
}

function element(token: Token): ComponentChild {
  switch (token.type) {
    case 'heading':
      return heading(token as Tokens.Heading)
    case 'paragraph':
      return <p>{all(token.tokens)}</p>
    case 'text':
      return token.tokens ? all(token.tokens) : withoutReferences(token.text)
    case 'escape':
      return withoutReferences(token.text)
    case 'strong':
      return <strong>{all(token.tokens)}</strong>
    case 'em':
      return <em>{all(token.tokens)}</em>
    case 'del':
      return <del>{all(token.tokens)}</del>
    case 'codespan':
      return <code>{token.text}</code>
    case 'br':
      return <br />
    case 'hr':
      return <hr />
    case 'blockquote':
      return <blockquote>{all(token.tokens)}</blockquote>
    case 'code':
      return <CodeBlock code={token.text} language={token.lang ?? ''} />
    case 'list':
      return list(token as Tokens.List)
    case 'table':
      return table(token as Tokens.Table)
    case 'link':
      return link(token as Tokens.Link)
    case 'image':
      return image(token as Tokens.Image)
    case 'math':
      return <Formula tex={(token as MathToken).text} display={(token as MathToken).display} />
    case 'space':
    case 'def':
    case 'checkbox':
      return undefined
    default:
      // HTML and whatever else there may be: shown as it was written.
      return token.raw
  }
}

/** Headings of an answer stand below the page's own. */
function heading({ depth, tokens }: Tokens.Heading): ComponentChild {
  if (depth <= 1) return <h3>{all(tokens)}</h3>
  if (depth === 2) return <h4>{all(tokens)}</h4>
  return <h5>{all(tokens)}</h5>
}

function list({ ordered, start, items }: Tokens.List): ComponentChild {
  const entries = items.map((item) => (
    <li key={item.raw} class={item.task ? 'task' : undefined}>
      {item.task && <input type="checkbox" checked={item.checked} disabled aria-label={item.text} />}
      {all(item.tokens)}
    </li>
  ))
  return ordered ? <ol start={typeof start === 'number' ? start : 1}>{entries}</ol> : <ul>{entries}</ul>
}

function table({ header, rows }: Tokens.Table): ComponentChild {
  return (
    // A wide table scrolls by itself, also with the keyboard.
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with the keyboard
    <section class="table-frame" tabIndex={0} aria-label={header.map(({ text }) => text).join(', ')}>
      <table>
        <thead>
          <tr>
            {header.map(({ tokens, align }, index) => (
              <th key={String(index)} class={align ?? undefined}>
                {all(tokens)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            <tr key={String(index)}>
              {row.map(({ tokens, align }, column) => (
                <td key={String(column)} class={align ?? undefined}>
                  {all(tokens)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

function link({ href, tokens, raw }: Tokens.Link): ComponentChild {
  const address = safeAddress(href)
  if (!address) return raw
  return (
    <a href={address} target="_blank" rel="noopener noreferrer nofollow">
      {all(tokens)}
    </a>
  )
}

/** An image would tell its server that the answer was read: only its name and address are shown. */
function image({ href, text }: Tokens.Image): ComponentChild {
  const address = safeAddress(href)
  const label = `${text || href} (${texts.value.imageNotLoaded})`
  if (!address) return label
  return (
    <a href={address} target="_blank" rel="noopener noreferrer nofollow">
      {label}
    </a>
  )
}
