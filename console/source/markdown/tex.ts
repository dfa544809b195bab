import temml from 'temml'

/**
 * Draws TeX as MathML into an element.
 *
 * @returns whether the TeX was complete and right
 */
export function renderTex(tex: string, target: HTMLElement, display: boolean): boolean {
  try {
    // No links, no images; macros that call themselves end soon.
    temml.render(tex, target, { displayMode: display, throwOnError: true, trust: false, maxExpand: 200 })
    return true
  } catch {
    return false
  }
}
