/** Outlines on a grid of 24, drawn in the colour of the text. */
const outlines = {
  chat: 'M4 5.5h16v11H9.5L5 20v-3.5H4z',
  runs: 'M4 19V5M4 19h16M7.5 15l3.5-4.5 3 2.5 5-6.5',
  system: 'M7 7h10v10H7zM10 3.5V7m4-3.5V7m-4 10v3.5m4-3.5v3.5M3.5 10H7m-3.5 4H7m10-4h3.5M17 14h3.5',
  keys: 'M14.5 9.5a4 4 0 1 0-3.3 3.9L13 15h2v2h2v2h3v-3l-5.8-5.2zM9.8 9.3h.01',
  settings:
    'M4 7h9m5 0h2M4 17h2m5 0h9M15.5 9.2a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4zM8.5 19.2a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4z',
  help: 'M9 9.2a3 3 0 1 1 4.3 2.7c-.8.4-1.3 1-1.3 2v.3m0 3.1h.01M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z',
  plus: 'M12 5v14M5 12h14',
  search: 'M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zm4.8-1.7L20 20',
  list: 'M4 6.5h16M4 12h16M4 17.5h10',
  pencil: 'M5 19l.8-3.6L16 5.2a1.7 1.7 0 0 1 2.4 0l.4.4a1.7 1.7 0 0 1 0 2.4L8.6 18.2z',
  trash: 'M5 7h14M10 7V4.8h4V7m-7.5 0 .8 12.2h9.4L17.5 7M10.2 10.5v5.5m3.6-5.5v5.5',
  copy: 'M9 9h10v10.5H9zM15 9V4.5H5V15h4',
  check: 'M5 12.5l4.5 4.5L19 7.5',
  again: 'M19 12a7 7 0 1 1-2.2-5.1M19 4.5V9h-4.5',
  left: 'M14.5 6l-6 6 6 6',
  right: 'M9.5 6l6 6-6 6',
  down: 'M6 9.5l6 6 6-6',
  up: 'M12 19V5m-6 6 6-6 6 6',
  toBottom: 'M12 5v14m-6-6 6 6 6-6',
  stop: 'M7 7h10v10H7z',
  close: 'M6 6l12 12M18 6 6 18',
  panel: 'M4 5h16v14H4zM15 5v14',
  columns: 'M4 5h16v14H4zM12 5v14',
  palette: 'M4 17h3.5M4 12h7m-7-5h12m-3 10h7m-4-5h4M9 17h1.5',
  warning: 'M12 4.5 21 19.5H3zM12 10.5v4m0 2.5h.01',
} as const

export type IconName = keyof typeof outlines

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={outlines[name]} />
    </svg>
  )
}
