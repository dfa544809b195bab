import { Command } from 'commander'
import { packageVersion } from '../serve/observe/version.ts'
import { bench } from './verbs/bench.ts'
import { chat } from './verbs/chat.ts'
import { doctor } from './verbs/doctor.ts'
import { evalVerb } from './verbs/eval.ts'
import { exportVerb } from './verbs/export.ts'
import { generate } from './verbs/generate.ts'
import { inspect } from './verbs/inspect.ts'
import { keys } from './verbs/keys.ts'
import { pull } from './verbs/pull.ts'
import { run } from './verbs/run.ts'
import { serve } from './verbs/serve.ts'

/** Builds the command `r1` with all its verbs. A verb loads what it runs only when it runs, so help stays instant. */
export function createProgram(): Command {
  return new Command('r1')
    .description('Reasoning models in TypeScript: train, align, quantise, evaluate and serve, without Python.')
    .version(packageVersion(), '-v, --version', 'print the version')
    .helpOption('-h, --help', 'show this help')
    .helpCommand(false)
    .showHelpAfterError('(add --help to see what is possible)')
    .addCommand(bench())
    .addCommand(chat())
    .addCommand(doctor())
    .addCommand(evalVerb())
    .addCommand(exportVerb())
    .addCommand(generate())
    .addCommand(inspect())
    .addCommand(keys())
    .addCommand(pull())
    .addCommand(run())
    .addCommand(serve())
    .addHelpText('after', '\nExample:\n  r1 doctor    look at this machine and say what will run on it')
}
