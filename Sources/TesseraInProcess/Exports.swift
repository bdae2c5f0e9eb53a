// No one uses this module without Tessera (docs/decisions/0015).

@_exported public import Tessera

@_exported public import enum SessionEngine.SigningAlgorithm
@_exported public import struct SessionService.SessionPolicy
