import { texts } from '../language/index.ts'
import { fillComposer } from './composer.tsx'
import { model } from './store.ts'

/** The page before the first message. */
export function Greeting() {
  const words = texts.value
  return (
    <div class="thread greeting">
      <h2>{words.hello}</h2>
      {model.value && <p>{words.helloExplained(model.value)}</p>}
      {words.knows[model.value] && <p>{words.knows[model.value]}</p>}
      <ul>
        {(words.examplesFor[model.value] ?? words.examples).map((example) => (
          <li key={example}>
            <button type="button" onClick={() => fillComposer(example)}>
              {example}
            </button>
          </li>
        ))}
      </ul>
    </div>
  )
}
