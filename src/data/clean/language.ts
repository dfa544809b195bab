import { kinds } from './characters.ts'
import { lettersOf, type Profile, wordHash } from './profile.ts'
import type { Filter } from './stage.ts'

/** Languages that are told apart; all others are `other`. */
export type Language = 'en' | 'zh' | 'ja' | 'ko' | 'de' | 'fr' | 'es' | 'it' | 'pt' | 'nl' | 'other'

/** Words that hold sentences together. What two languages share counts for both. */
const functionWords: Readonly<Record<string, string>> = {
  en: 'the of and to in is that for it as was with be by on not are this or from at which but have an they you his her has had its were been their will would if can when all there more no who so out do what than into',
  de: 'der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an werden aus er hat dass sie nach wird bei einer um am sind noch wie einem über einen so zum war haben nur oder aber vor zur bis mehr durch man sein wenn',
  fr: 'le de la et les des en un une du que est dans qui par pour au sur pas ne plus ce se il elle sont avec ou son sa aux ses mais comme d l qu n s à être cette leur tout nous fait y ont été même sans',
  es: 'de la que el en y a los se del las un por con no una su para es al lo como más o pero sus le ha me si sin sobre este ya entre cuando todo esta ser son dos también fue había era muy toda tiene',
  it: 'di e il la che in a per un del con non una le si da i è al della sono lo come dei più nel gli alla ha ma anche su o se l d dell delle questo essere ogni ad suo sua loro',
  pt: 'de a o que e do da em um para com não uma os no se na por mais as dos como mas ao ele das à seu sua ou quando muito nos já eu também só pelo pela até isso ela entre era depois sem mesmo aos ser todo são tem',
  nl: 'de van het een en in is dat op te zijn met voor niet aan er om ook als dan maar bij of uit nog door over ze zich hij wordt door naar heeft hebben deze werd wel ieder een tot worden al kan geen zijn haar',
}
const latin = Object.keys(functionWords) as Language[]
/** As many words say enough. */
const mostWords = 500
/** Share of function words below which a text in Latin letters is no sentences of a known language. */
const leastShare = 0.12
const leastWords = 3

let made: ReadonlyMap<number, number> | undefined

/** For each function word its languages, one bit each. */
function languagesByWord(): ReadonlyMap<number, number> {
  if (made) return made
  const bits = new Map<number, number>()
  for (const [bit, language] of latin.entries()) {
    for (const word of new Set(functionWords[language]?.split(' '))) {
      bits.set(wordHash(word), (bits.get(wordHash(word)) ?? 0) | (1 << bit))
    }
  }
  made = bits
  return bits
}

/** The language most of a text is written in: by its script, and in Latin letters by its function words. */
export function detectLanguage(profile: Profile): Language {
  const { counts } = profile
  const [han, kana, hangul, latinLetters] = [kinds.han, kinds.kana, kinds.hangul, kinds.latin].map(
    (kind) => counts[kind] as number,
  ) as [number, number, number, number]
  // A Chinese character says about as much as three Latin letters, a Korean one as two.
  const eastern = 3 * (han + kana) + 2 * hangul
  if (2 * (eastern + latinLetters) < lettersOf(profile)) return 'other'
  if (eastern <= latinLetters) return detectLatin(profile)
  if (2 * hangul > 3 * (han + kana)) return 'ko'
  // Japanese has kana in every sentence; a Chinese text may quote some.
  return 10 * kana > han ? 'ja' : 'zh'
}

function detectLatin({ words }: Profile): Language {
  const byWord = languagesByWord()
  const votes = latin.map(() => 0)
  const count = Math.min(words.length, mostWords)
  for (let index = 0; index < count; index++) {
    const bits = byWord.get(words[index] as number)
    if (bits === undefined) continue
    for (let bit = 0; bit < votes.length; bit++) if (bits & (1 << bit)) votes[bit] = (votes[bit] as number) + 1
  }
  const most = Math.max(...votes)
  return most < Math.max(leastWords, leastShare * count) ? 'other' : (latin[votes.indexOf(most)] as Language)
}

/** Keeps texts in the given languages. */
export function language(kept: readonly Language[]): Filter {
  return {
    name: 'language',
    judge(_, profile) {
      const found = detectLanguage(profile)
      return kept.includes(found) ? undefined : found === 'other' ? 'in no known language' : `in ${found}`
    },
  }
}
