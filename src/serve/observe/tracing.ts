import { createRequire } from 'node:module'
import type { TextTimes } from './metrics.ts'
import { packageVersion } from './version.ts'

// The build that prom-client has loaded already: as ES modules it would be fifty more files at every start.
const { SpanStatusCode, trace } = createRequire(import.meta.url)(
  '@opentelemetry/api',
) as typeof import('@opentelemetry/api')

/** A span of one text. */
export interface TextSpan {
  finish(reason: string, times: TextTimes): void
  fail(code: string): void
  end(): void
}

/**
 * Begins a span for a text, with OpenTelemetry's names for generative models. Without an SDK in the process it costs nothing
 * and goes nowhere.
 */
export function traceText(model: string): TextSpan {
  const tracer = trace.getTracer('deepseek-r1', packageVersion())
  const span = tracer.startSpan('chat', {
    attributes: {
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'deepseek-r1',
      'gen_ai.request.model': model,
    },
  })
  return {
    finish(reason, { promptTokens, newTokens, cachedTokens, queuedMs, firstTokenMs }) {
      span.setAttributes({
        'gen_ai.response.finish_reasons': [reason],
        'gen_ai.usage.input_tokens': promptTokens,
        'gen_ai.usage.output_tokens': newTokens,
        'gen_ai.usage.cached_tokens': cachedTokens,
        'gen_ai.latency.time_in_queue': queuedMs / 1000,
        'gen_ai.latency.time_to_first_token': firstTokenMs / 1000,
      })
    },
    fail(code) {
      span.setStatus({ code: SpanStatusCode.ERROR, message: code })
      span.setAttribute('error.type', code)
    },
    end: () => span.end(),
  }
}
