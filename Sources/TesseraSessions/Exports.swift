// The vocabulary of an application: a client that imports Tessera has JSON values and these names of the modules below,
// and no others of theirs (docs/decisions/0015 and 0034).

@_exported public import LosslessJSON

@_exported public import struct Foundations.ClockAndRandomness
@_exported public import struct Foundations.Milliseconds
@_exported public import struct Foundations.Timestamp
@_exported public import struct HTTPTypes.HTTPField
@_exported public import struct HTTPTypes.HTTPFields
@_exported public import struct HTTPTypes.HTTPRequest
@_exported public import struct HTTPTypes.HTTPResponse
@_exported public import struct Logging.Logger
@_exported public import protocol ServiceLifecycle.Service
@_exported public import struct SessionEngine.AccessToken
@_exported public import enum SessionEngine.AccessTokenProblem
@_exported public import struct SessionEngine.ActingParty
@_exported public import struct SessionEngine.AntiCSRFToken
@_exported public import enum SessionEngine.AuditActor
@_exported public import enum SessionEngine.BoundKey
@_exported public import struct SessionEngine.ClientFacts
@_exported public import struct SessionEngine.DeviceCredentials
@_exported public import struct SessionEngine.DeviceRegistration
@_exported public import struct SessionEngine.DeviceRenewal
@_exported public import enum SessionEngine.DeviceStanding
@_exported public import struct SessionEngine.Impersonation
@_exported public import struct SessionEngine.IssuedTokens
@_exported public import struct SessionEngine.NewSession
@_exported public import struct SessionEngine.PresentedAccessToken
@_exported public import struct SessionEngine.PresentedRefreshToken
@_exported public import struct SessionEngine.PublishedKeys
@_exported public import struct SessionEngine.RefreshToken
@_exported public import struct SessionEngine.SessionEnd
@_exported public import struct SessionEngine.SessionFacts
@_exported public import struct SessionEngine.SessionHandle
@_exported public import struct SessionEngine.SessionLimits
@_exported public import enum SessionEngine.SigningKeyKind
@_exported public import struct SessionEngine.StepUp
@_exported public import struct SessionEngine.TenantID
@_exported public import class SessionEngine.UnverifiedAccessToken
@_exported public import struct SessionEngine.Upgrade
@_exported public import struct SessionEngine.UserID
