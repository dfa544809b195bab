export function KeysPage() {
  return <main id="content" class="page" />
}
