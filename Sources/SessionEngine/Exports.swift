// Times and spans are in the signatures of the engine; who imports it has them. Outside this package nothing else of
// Foundations is seen but the clock.
@_exported public import Foundations
