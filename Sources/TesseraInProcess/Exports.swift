// No one uses this module without the sessions (docs/decisions/0015 and 0034).

@_exported public import TesseraSessions

@_exported public import struct SessionEngine.DevicePrivacy
@_exported public import enum SessionEngine.Refresh
@_exported public import enum SessionEngine.SigningAlgorithm
@_exported public import struct SessionService.SessionManager
@_exported public import struct SessionService.SessionPolicy
@_exported public import struct SessionStorage.AuditRetention
@_exported public import struct SessionStorage.SessionLimit
@_exported public import typealias SessionStorage.SessionStorage
