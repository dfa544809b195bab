/** How a finding stands: in order, worth knowing but workable, or in the way. */
export type Status = 'good' | 'notice' | 'problem'

/** What the doctor found on one topic. */
export interface Finding<Facts extends object = object> {
  status: Status
  /** One line for people. */
  summary: string
  /** What to do about it, where there is something to do. */
  remedy?: string
  /** The same for programs. */
  facts: Facts
}
