export function SystemPage() {
  return <main id="content" class="page" />
}
