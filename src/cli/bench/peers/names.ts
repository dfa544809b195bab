/** Programs that the product is measured beside; their folders are in bench/peers of the repository. */
export const peerNames = ['node-llama-cpp'] as const
export type PeerName = (typeof peerNames)[number]
