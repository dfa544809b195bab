import { R1Error } from '../../errors.ts'
import { Conversation, type DeepSeekR1, type GenerateOptions, type Message } from '../../generate/index.ts'
import { type ChatInput, chatHelp, parseChatLine } from './commands.ts'
import { loadConversation, type SavedConversation, saveConversation } from './history.ts'

/** How a session shows itself. */
export interface ChatScreen {
  text(delta: string): void
  thought(delta: string): void
  /** A line that is not the model's. */
  note(line: string): void
}

/** A chat: lines in, answers out. Knows no terminal. */
export class ChatSession {
  private readonly model: DeepSeekR1
  private readonly screen: ChatScreen
  private readonly historyPath: string | undefined
  private conversation: Conversation
  private options: GenerateOptions

  /** @param historyPath where the conversation is kept after every answer */
  constructor(model: DeepSeekR1, screen: ChatScreen, options: GenerateOptions, historyPath?: string) {
    this.model = model
    this.screen = screen
    this.options = options
    this.historyPath = historyPath
    this.conversation = new Conversation(model)
  }

  /** Goes on with what was saved. */
  resume({ system, messages }: SavedConversation): void {
    this.conversation = new Conversation(this.model, {
      ...(system !== undefined && { system }),
      messages: messages as Message[],
    })
  }

  /** @returns whether the chat goes on */
  async handle(line: string, signal?: AbortSignal): Promise<boolean> {
    try {
      const input = parseChatLine(line)
      if (input.kind === 'quit') return false
      await this.act(input, signal)
    } catch (error) {
      if (!R1Error.isInstance(error)) throw error
      this.screen.note(error.code === 'aborted' ? '(stopped)' : error.message)
    }
    return true
  }

  private async act(input: ChatInput, signal: AbortSignal | undefined): Promise<void> {
    switch (input.kind) {
      case 'say':
        return await this.say(input.text, signal)
      case 'retry': {
        const asked = this.conversation.undo()
        return asked === undefined ? this.screen.note('Nothing was asked yet.') : await this.say(asked, signal)
      }
      case 'undo':
        return this.screen.note(`Taken back: ${this.conversation.undo() ?? 'nothing'}`)
      case 'clear':
        return this.conversation.clear()
      case 'system':
        return this.resume({ system: input.text, messages: [] })
      case 'set':
        this.options = { ...this.options, ...input.options }
        return
      case 'save':
        return await saveConversation(input.text, this.saved)
      case 'load':
        return this.resume(await loadConversation(input.text))
      case 'help':
        return this.screen.note(chatHelp)
      case 'stats':
        return this.screen.note(JSON.stringify(this.model.engine.statistics, undefined, 2))
    }
  }

  private async say(text: string, signal: AbortSignal | undefined): Promise<void> {
    for await (const event of this.conversation.sendStream(text, { ...this.options, signal })) {
      if (event.type === 'reasoning-delta') this.screen.thought(event.delta)
      else if (event.type === 'text-delta') this.screen.text(event.delta)
      else this.screen.text('\n')
    }
    if (this.historyPath !== undefined) await saveConversation(this.historyPath, this.saved)
  }

  private get saved(): SavedConversation {
    const { system, messages } = this.conversation
    return { ...(system !== undefined && { system }), messages }
  }
}
