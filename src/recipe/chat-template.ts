/**
 * The chat template of new models (ChatML): `<|im_start|>user`, the text and `<|im_end|>` on lines of their own. Thoughts of
 * earlier turns are left out, as R1 does.
 */
export const chatTemplate = `{%- for message in messages -%}
  {{- '<|im_start|>' + message.role + '\\n' -}}
  {%- if message.role == 'assistant' and not loop.last and '</think>' in message.content -%}
    {{- message.content.split('</think>')[-1].lstrip('\\n') -}}
  {%- else -%}
    {{- message.content -}}
  {%- endif -%}
  {{- '<|im_end|>\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
  {{- '<|im_start|>assistant\\n' -}}
{%- endif -%}
`
