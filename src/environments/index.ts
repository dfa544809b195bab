/** Environments: problems whose answers a program can check, for supervised and reinforcement learning and evaluation. */

export { type FunctionData, type FunctionTest, functionReward, testFunction } from './code/code.ts'
export { type CompletionParts, partsOf, thoughtful } from './completion.ts'
export { type CountdownData, checkCountdown } from './countdown/countdown.ts'
export {
  type Attempt,
  defineEnvironment,
  type Environment,
  type Example,
  type Message,
  type Prompt,
  type RewardParts,
  type Split,
  type Trace,
} from './environment.ts'
export {
  type Equation,
  type ParsedSolution,
  parseEquation,
  parseSolution,
  type SolutionStep,
  validateStep,
} from './equations/equation.ts'
export { type CheckedSolution, checkSolution, type EquationData } from './equations/linear-equations.ts'
export { type Expression, parseExpression } from './expression.ts'
export { type LoadEnvironmentOptions, loadEnvironment } from './load.ts'
export { shuffled, type Uniform, uniforms } from './random.ts'
export { environments } from './registry.ts'
export { runUntrusted } from './sandbox/sandbox.ts'
export type { CallResult, JsonValue, SandboxLimits, SandboxRun } from './sandbox/task.ts'
export { type Score, type ScoreOptions, score } from './score.ts'
export type { ShippedEnvironment } from './shipped.ts'
export { splitOf } from './split.ts'
