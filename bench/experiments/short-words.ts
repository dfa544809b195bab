import { letters } from './letters.ts'

/** Words of 4 and 5 letters to be sorted, as an environment of recipes. */
export default letters('sort', [4, 5])
