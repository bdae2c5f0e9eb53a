// No one uses this module without Tessera (docs/decisions/0015).

@_exported public import RevocationFeed
@_exported public import TesseraSessions
