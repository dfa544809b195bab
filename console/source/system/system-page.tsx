import type { ComponentChildren } from 'preact'
import { useEffect, useMemo } from 'preact/hooks'
import { request } from '../api/client.ts'
import type { LoadedModel, SystemState } from '../api/types.ts'
import { bytes, compact, decimal, duration, measured, percent } from '../language/format.ts'
import { texts } from '../language/index.ts'
import { Failure } from '../parts/failure.tsx'
import { Page } from '../parts/page.tsx'
import { useResource } from '../parts/resource.ts'
import { Plot } from '../plot/plot.tsx'
import { followSystem, seriesOfTicks, ticks } from './ticks.ts'

/** Milliseconds between two looks at what changes slowly. */
const interval = 5000

export function SystemPage() {
  const words = texts.value
  const { value, problem, reload } = useResource((signal) => request<SystemState>('system', { signal }), [])
  useEffect(followSystem, [])
  useEffect(() => {
    const timer = setInterval(() => document.hidden || reload(), interval)
    return () => clearInterval(timer)
  }, [])
  return (
    <Page>
      <header class="page-head">
        <h1>{words.system}</h1>
        <p class="hint">{words.lastMinutes}</p>
      </header>
      {problem && <Failure problem={problem} onRetry={reload} />}
      <LivePlots state={value} />
      {value && <Models models={value.models} />}
      {value && <Machine state={value} />}
    </Page>
  )
}

const tokens = (value: number): string => `${decimal(value, value < 10 ? 1 : 0)}`
const whole = (value: number): string => (Number.isInteger(value) ? decimal(value, 0) : '')

function LivePlots({ state }: { state: SystemState | undefined }) {
  const words = texts.value
  const all = ticks.value
  const plots = useMemo(
    () => ({
      throughput: [
        seriesOfTicks(all, 'generationTokensPerSecond', words.generated),
        seriesOfTicks(all, 'promptTokensPerSecond', words.read),
      ],
      latency: [seriesOfTicks(all, 'ttftP50', words.firstToken), seriesOfTicks(all, 'tpotP50', words.perToken)],
      queue: [seriesOfTicks(all, 'running', words.running), seriesOfTicks(all, 'waiting', words.waitingRequests)],
      memory: [seriesOfTicks(all, 'rss', words.memory)],
    }),
    [all, words],
  )
  return (
    <div class="plots large">
      <Plot
        title={words.throughput}
        series={plots.throughput}
        axis="time"
        format={tokens}
        fromZero
        group="system"
        height={140}
      >
        <span class="hint">{words.tokensPerSecond}</span>
      </Plot>
      <Plot
        title={words.latency}
        series={plots.latency}
        axis="time"
        format={duration}
        logarithmic
        group="system"
        height={140}
      />
      <Plot title={words.queue} series={plots.queue} axis="time" format={whole} fromZero group="system" height={140} />
      <Plot title={words.memory} series={plots.memory} axis="time" format={bytes} fromZero group="system" height={140}>
        {state && <span class="hint">{words.ofTotal(bytes(state.memory.total))}</span>}
      </Plot>
    </div>
  )
}

function Models({ models }: { models: readonly LoadedModel[] }) {
  const words = texts.value
  const or = (value: number | null | undefined, format: (value: number) => string) =>
    value == null ? words.none : format(value)
  return (
    <section class="block">
      <h2>{words.models}</h2>
      {models.length === 0 ? (
        <p class="hint">{words.noModels}</p>
      ) : (
        <div class="table-frame">
          <table class="wide">
            <thead>
              <tr>
                <th>{words.model}</th>
                <th>{words.state}</th>
                <th>{words.family}</th>
                <th>{words.precision}</th>
                <th class="right">{words.parameters}</th>
                <th class="right">{words.weights}</th>
                <th class="right">{words.cache}</th>
                <th class="right">{words.slots}</th>
                <th class="right">{words.context}</th>
              </tr>
            </thead>
            <tbody>
              {models.map((model) => (
                <tr key={model.id}>
                  <th scope="row">{model.id}</th>
                  <td>
                    <span class={`status ${model.state}`}>{words.states[model.state] ?? model.state}</span>
                  </td>
                  <td>{model.family ?? words.none}</td>
                  <td>{model.precision ?? words.none}</td>
                  <td class="right">{or(model.parameters, compact)}</td>
                  <td class="right no-wrap">{or(model.weightBytes, bytes)}</td>
                  <td class="right no-wrap">{or(model.cacheBytes, bytes)}</td>
                  <td class="right">{or(model.slots, measured)}</td>
                  <td class="right">{or(model.context, measured)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  )
}

function Machine({ state: { version, uptimeSeconds, node, cpu, device, memory, engine } }: { state: SystemState }) {
  const words = texts.value
  return (
    <section class="block">
      <h2>{words.machine}</h2>
      <dl class="facts">
        <Fact name={words.processor}>
          {cpu.model}, {words.cores(cpu.cores)}
        </Fact>
        {cpu.path && <Fact name={words.instructions}>{cpu.path}</Fact>}
        <Fact name={words.device}>{device}</Fact>
        <Fact name={words.memory}>{words.partOf(bytes(memory.rss), bytes(memory.total))}</Fact>
        {engine.kvUse != null && (
          <Fact name={words.cache}>
            {percent(engine.kvUse)} {words.cacheUse}
          </Fact>
        )}
        {engine.prefixQueries ? (
          <Fact name={words.prefixHits}>{percent((engine.prefixHits ?? 0) / engine.prefixQueries)}</Fact>
        ) : null}
        <Fact name={words.uptime}>{duration(uptimeSeconds * 1000)}</Fact>
        <Fact name={words.version}>
          deepseek-r1 {version}, Node {node.replace(/^v/, '')}
        </Fact>
      </dl>
    </section>
  )
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}
