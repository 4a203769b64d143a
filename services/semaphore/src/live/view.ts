/** What readers of one stream are shown, as one look after the other at the store finds it. */
export interface View {
  /** Looks again. The text for those who know what the look before found; null: that is still so. */
  look(): Promise<string | null>
  /** The text for those who know nothing: all that the last look found. Asked for after the first look alone. */
  snapshot(): string
}
