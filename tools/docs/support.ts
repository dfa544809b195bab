/** What a probe found out about one operator of the table. */
export interface OperatorSupport {
  /** Dtypes in which all its cases run on the CPU by ONNX Runtime's own operators. */
  readonly cpu: readonly string[]
  /** `yes`: right, and nothing of it on the CPU; `CPU: …` names the ONNX operators that run there; `wrong` or `fails`. */
  readonly webgpu: string
  /** The same for its gradient; left out where there is none. */
  readonly webgpuGradient?: string
}

/** Results of `npm run docs:probe`, committed beside this file. */
export interface Support {
  readonly onnxRuntime: string
  readonly adapter: string
  readonly operators: Readonly<Record<string, OperatorSupport>>
}

/** Where the probe writes and the generator reads. */
export const supportFile = new URL('./operator-support.json', import.meta.url)
