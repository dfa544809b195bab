/** The interpreter of the peers' environment. */
export const python: string
/** Installs PyTorch and ONNX Runtime from PyPI into `.venv`, unless they are there. */
export function setUpPython(): void
/** Installs jax-js into `node_modules`, unless it is there. */
export function setUpJax(): void
