import { letters } from './letters.ts'

/** Words of 4 to 6 letters to be sorted, as an environment of recipes. */
export default letters('sort', [4, 5, 6])
