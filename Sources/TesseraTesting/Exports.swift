// Tests have the vocabulary of the application (docs/decisions/0034).

@_exported public import TesseraInProcess
@_exported public import TesseraSessions
