/** What people say that is no problem to solve, and what a small model that only calculates says back. */
export interface Phrases {
  readonly greetings: readonly string[]
  readonly introductions: readonly string[]
  readonly thanks: readonly string[]
  readonly farewells: readonly string[]
  /** Requests beyond the model; `%` stands for a thing. */
  readonly requests: readonly string[]
  readonly things: readonly string[]
  /** Calculations beyond the model; `%` stands for a number. */
  readonly calculations: readonly string[]
  readonly thoughts: Readonly<Record<Kind, string>>
  readonly replies: Readonly<Record<Kind, string>>
}

/** What a message is. */
export type Kind = 'greeting' | 'introduction' | 'thanks' | 'farewell' | 'beyond'

/** Phrases with a bar or the end of a line between them. */
const listed = (text: string): readonly string[] => text.trim().split(/\s*[|\n]\s*/)

const english: Phrases = {
  greetings: listed(`
    Hello | Hello! | Hi | Hi! | Hi there | Hey | Hey! | Good morning | Good evening | Good afternoon!
    Hello, how are you? | How are you? | Nice to meet you | hello | hi | Hey there! | Greetings | Good day
    Hi, can you help me? | Hello there.`),
  introductions: listed(`
    Who are you? | What are you? | What can you do? | What do you know? | How can you help me?
    Tell me about yourself. | What is your name? | Introduce yourself. | Are you a model? | Are you a human?
    Help | What should I ask you? | What are you good at? | What can I ask? | who are you | what can you do
    Who made you? | How large are you? | Can you do mathematics? | What problems can you solve?`),
  thanks: listed(`
    Thanks | Thanks! | Thank you | Thank you! | Thank you very much | Great, thanks | Good job | Well done!
    Nice work. | thanks a lot | That is right. | Perfect!`),
  farewells: listed(`
    Bye | Bye! | Goodbye | Goodbye! | See you | See you later | Good night | Farewell | bye bye`),
  requests: listed(`
    What is %? | What is a %? | Tell me about the %. | Write a poem about the %. | Write a story about a %.
    Who invented the %? | Where can I buy a %? | How does a % work? | Why is the % blue?
    Why do people like the %? | How do I make a %? | Explain the %. | Describe a %. | Translate % into French.
    What does % mean? | When was the % built? | Give me a recipe with %. | Summarize the history of the %.
    What is the capital of %? | How old is the %? | Is the % dangerous? | Can you draw a %?
    Write code that sorts a list of %. | Write a function for the %. | What is the best % in the world?
    How much does a % cost? | What colour is the %? | Do you like the %? | What happened to the %?
    Recommend a book about the %. | Tell me a joke about a %. | Spell the word %. | What is the weather in %?
    Who is the president of %? | Which % should I choose? | Compare the % and the river.
    How many people live in %? | Find an error in my % please. | Is it true that the % is alive?
    Write an email about the %.`),
  things: listed(`
    sky | sea | cat | dog | horse | house | car | train | computer | telephone | Python | TypeScript | France
    China | London | Beijing | moon | sun | earth | river | mountain | bread | rice | tea | coffee | music
    love | war | history | science | physics | chemistry | law | medicine | doctor | teacher | king | queen
    city | village | school | book | poem | film | game | ball | tree | flower | forest | bird | fish | apple
    banana | chair | table | window | door | bridge | tower | church | engine | rocket | planet | star | bank
    market | money | tax | letter | word | language | English | weather | winter | summer | rain | snow | wind
    fire | water | gold | iron | heart | brain | virus | cell | gene | robot | internet | server | database
    neural network | transformer | guitar | piano | painting | bicycle | airplane | ship | clock | camera
    democracy | philosophy | economy | inflation | photosynthesis | gravity | electricity | Shakespeare
    Einstein | Japan | Germany | Africa`),
  calculations: listed(`
    What is the square root of %? | Solve x^2 = %. | What is the derivative of x^2 + %x?
    What is the integral of %x? | What is the sine of %? | What is % percent of a million?
    Convert % miles to kilometres. | What is the logarithm of %? | Is % a prime number? | What is % factorial?
    How many days are % hours? | Prove that % is even. | What is the average of 3, 8 and %?
    Solve x^2 + %x + 6 = 0. | A train drives % miles. How long does it take?
    A shop sells % apples a day. How many does it sell in a year?`),
  thoughts: {
    greeting: 'A greeting.',
    introduction: 'A question about me.',
    thanks: 'Thanks.',
    farewell: 'A farewell.',
    beyond: 'No sum, difference, product, linear equation or Countdown: I cannot do it.',
  },
  replies: {
    greeting: 'Hello! Give me a sum, a linear equation or a Countdown problem.',
    introduction:
      'I am r1-nano, a very small model that thinks before it answers. I can add, subtract, multiply, solve linear equations and play Countdown.',
    thanks: 'You are welcome.',
    farewell: 'Goodbye!',
    beyond: 'I cannot do that. I can add, subtract, multiply, solve linear equations and play Countdown.',
  },
}

const chinese: Phrases = {
  greetings: listed(`
    你好 | 你好! | 您好 | 嗨 | 早上好 | 晚上好 | 下午好! | 你好吗? | 你好,最近怎么样? | 很高兴认识你 | 大家好
    你好啊 | 哈喽 | 早安 | 在吗? | 你好,可以帮我吗?`),
  introductions: listed(`
    你是谁? | 你是什么? | 你会什么? | 你能做什么? | 你叫什么名字? | 介绍一下你自己。 | 请自我介绍。
    你是模型吗? | 你是人吗? | 帮助 | 我可以问你什么? | 你擅长什么? | 你会数学吗? | 你能解决哪些问题?
    谁创造了你? | 你有多大?`),
  thanks: listed(`
    谢谢 | 谢谢! | 谢谢你 | 非常感谢 | 多谢 | 太好了,谢谢 | 做得好 | 很好! | 真棒 | 对了。`),
  farewells: listed(`
    再见 | 再见! | 拜拜 | 回头见 | 晚安 | 下次见 | 明天见`),
  requests: listed(`
    %是什么? | 什么是%? | 介绍一下%。 | 写一首关于%的诗。 | 写一个关于%的故事。 | 谁发明了%? | 哪里可以买到%?
    %是怎么工作的? | 为什么%是蓝色的? | 人们为什么喜欢%? | 怎么做%? | 解释一下%。 | 描述%。 | 把%翻译成英文。
    %是什么意思? | %是什么时候建成的? | 总结%的历史。 | %的首都是哪里? | %有多少年了? | %危险吗? | 你能画%吗?
    写一段关于%的代码。 | 世界上最好的%是哪个? | %多少钱? | %是什么颜色? | 你喜欢%吗? | 推荐一本关于%的书。
    讲一个关于%的笑话。 | %的天气怎么样? | %有多少人口? | 比较%和河流。 | 写一封关于%的邮件。 | %和我有什么关系?
    如何学习%?`),
  things: listed(`
    天空 | 大海 | 猫 | 狗 | 马 | 房子 | 汽车 | 火车 | 电脑 | 手机 | 编程 | 法国 | 中国 | 伦敦 | 北京 | 上海
    月亮 | 太阳 | 地球 | 河流 | 山 | 面包 | 米饭 | 茶 | 咖啡 | 音乐 | 爱情 | 战争 | 历史 | 科学 | 物理 | 化学
    法律 | 医学 | 医生 | 老师 | 国王 | 城市 | 村庄 | 学校 | 书 | 诗 | 电影 | 游戏 | 球 | 树 | 花 | 森林 | 鸟
    鱼 | 苹果 | 香蕉 | 椅子 | 桌子 | 窗户 | 门 | 桥 | 塔 | 发动机 | 火箭 | 行星 | 星星 | 银行 | 市场 | 钱 | 税
    信 | 词语 | 语言 | 英语 | 天气 | 冬天 | 夏天 | 雨 | 雪 | 风 | 火 | 水 | 黄金 | 铁 | 心脏 | 大脑 | 病毒
    细胞 | 基因 | 机器人 | 互联网 | 服务器 | 数据库 | 神经网络 | 吉他 | 钢琴 | 绘画 | 自行车 | 飞机 | 轮船
    时钟 | 相机 | 民主 | 哲学 | 经济 | 通货膨胀 | 光合作用 | 重力 | 电 | 李白 | 杜甫 | 爱因斯坦 | 日本 | 德国`),
  calculations: listed(`
    %的平方根是多少? | 解方程x^2 = %。 | x^2 + %x的导数是什么? | %x的积分是什么? | %的正弦是多少?
    一百万的百分之%是多少? | %英里等于多少公里? | %的对数是多少? | %是质数吗? | %的阶乘是多少? | %小时是多少天?
    证明%是偶数。 | 3、8和%的平均数是多少? | 一列火车行驶了%公里,需要多长时间?`),
  thoughts: {
    greeting: '这是问候。',
    introduction: '问的是我自己。',
    thanks: '这是感谢。',
    farewell: '这是告别。',
    beyond: '不是加减乘、一次方程或凑数题:我不会。',
  },
  replies: {
    greeting: '你好!请给我一道算术题、一次方程或凑数题。',
    introduction: '我是r1-nano,一个先思考再回答的很小的模型。我会加、减、乘、解一次方程和凑数。',
    thanks: '不客气。',
    farewell: '再见!',
    beyond: '这个我不会。我会加、减、乘、解一次方程和凑数。',
  },
}

/** What is said, by language. */
export const phrases: Readonly<Record<'en' | 'zh', Phrases>> = { en: english, zh: chinese }
