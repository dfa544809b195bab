/** Tasks: how good a model is at problems whose answers can be checked. */
export type { Sample } from './outcome.ts'
export { type RunTaskOptions, runTask, type TaskResult, type Writer } from './run-task.ts'
export { SampleFile } from './sample-file.ts'
export type { TaskSummary } from './summarize.ts'
export { openTask, type Task, type TaskOptions, type TaskSpecification, taskNames, taskSchema } from './task.ts'
