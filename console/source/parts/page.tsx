import type { ComponentChildren } from 'preact'

/** A page that scrolls, also with the keyboard. */
export function Page({ children, busy = false }: { children?: ComponentChildren; busy?: boolean }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with the keyboard
    <main id="content" class="page" tabIndex={0} aria-busy={busy}>
      {children}
    </main>
  )
}
