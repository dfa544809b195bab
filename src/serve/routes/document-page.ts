/** A page that lists the routes of `/openapi.json` with what they take and give. */
export const documentPage = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>deepseek-r1 API</title>
<style>
  :root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif }
  body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
  summary { cursor: pointer; padding: .4rem 0 }
  code, pre { font: 13px/1.45 ui-monospace, monospace }
  pre { overflow: auto; padding: .75rem; border: 1px solid #8884; border-radius: 6px }
  .method { display: inline-block; width: 4.5rem; font-weight: 600; text-transform: uppercase }
</style>
<h1>deepseek-r1 API</h1>
<p id="about">The machine-readable description is at <a href="/openapi.json">/openapi.json</a>.</p>
<main></main>
<script>
  const element = (name, text, kind) => {
    const made = document.createElement(name)
    if (text !== undefined) made.textContent = text
    if (kind) made.className = kind
    return made
  }
  const load = async () => {
    const document_ = await (await fetch('/openapi.json')).json()
    const schemas = document_.components?.schemas ?? {}
    const expand = (schema, depth = 0) => {
      if (!schema || typeof schema !== 'object' || depth > 6) return schema
      if (schema.$ref) return expand(schemas[schema.$ref.split('/').pop()], depth + 1)
      return Array.isArray(schema)
        ? schema.map((item) => expand(item, depth + 1))
        : Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, expand(value, depth + 1)]))
    }
    const main = document.querySelector('main')
    for (const [path, methods] of Object.entries(document_.paths)) {
      for (const [method, operation] of Object.entries(methods)) {
        const details = element('details')
        const summary = element('summary')
        summary.append(element('span', method, 'method'), element('code', path), ' ' + (operation.summary ?? ''))
        details.append(summary)
        details.addEventListener('toggle', () => {
          if (!details.open || details.children.length > 1) return
          const body = operation.requestBody?.content?.['application/json']?.schema
          if (body) details.append(element('p', 'Takes'), element('pre', JSON.stringify(expand(body), null, 2)))
          for (const [status, answer] of Object.entries(operation.responses ?? {})) {
            details.append(element('p', status + ': ' + answer.description))
            const schema = answer.content?.['application/json']?.schema
            if (schema && status < 300) details.append(element('pre', JSON.stringify(expand(schema), null, 2)))
          }
        })
        main.append(details)
      }
    }
  }
  load().catch((error) => document.querySelector('main').append(element('p', String(error))))
</script>
</html>
`
