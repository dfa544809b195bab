/** Installs node-llama-cpp beside the script unless it is there. @returns the folder it is installed in */
export function setUpLlamaCpp(): string
