export function RunsPage() {
  return <main id="content" class="page" />
}
