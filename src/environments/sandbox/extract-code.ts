/**
 * The code of an answer: the last fenced block that names the function, the last one otherwise, or the whole answer where
 * there is none. A fence that the text ends inside of counts.
 */
export function extractCode(answer: string, name: string): string {
  const blocks = [...answer.matchAll(/^[ \t]*```[^\n]*\n([\s\S]*?)(?:^[ \t]*```|$(?![\s\S]))/gmu)].map(
    ([, body]) => body ?? '',
  )
  return blocks.findLast((block) => block.includes(name)) ?? blocks.at(-1) ?? answer
}
