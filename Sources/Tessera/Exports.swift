// What an application whose sessions are in its own process imports: the sessions, and what keeps them
// (docs/decisions/0034).

@_exported public import TesseraInProcess
@_exported public import TesseraSessions
