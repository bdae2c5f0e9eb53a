import CoreDriverInterface
import OperatorMetrics
import SessionEngine
import SessionService

/// What was asked, as a label: session operations one by one, what is rare in groups.
enum OperationLabel: Int, MetricLabel {
    case hello, showConfiguration, handshake, createSession, verifySession, refreshSession,
        regenerateSession, removeSessions, listSessions, readSession, readSessionData,
        writeSessionData, readPayload, writePayload, publishKeys, listKeys, createToken, readAuditTrail,
        stepUpSession, upgradeSession, impersonation, readFeed
    /// Security events: what receivers ask for, and what applications note.
    case events
    /// Lists of devices, and what is done with them.
    case devices
    /// Sessions that are bound to the device of a browser.
    case deviceBinding
    /// Apps and tenants.
    case manage
    /// Questions about users.
    case users
    /// The questions of supervisors.
    case health
    /// Nothing that there is, or it was refused before that was known.
    case none

    /// The operation as the catalogue writes it.
    var label: String { "\(self)" }

    init(_ work: CoreAPI.Admitted.Work?) {
        switch work {
        case nil: self = .none
        case .health: self = .health
        case .oauth(.introspect): self = .verifySession
        case .oauth(.revoke): self = .removeSessions
        case .edge(.health), .edge(.metrics): self = .health
        case .edge: self = .verifySession
        case .poll: self = .events
        case .operation(let call, _): self.init(call.operation)
        }
    }

    private init(_ operation: CoreOperation) {
        switch operation {
        case .hello, .listCapabilities, .listVersions: self = .hello
        case .showConfiguration, .showTelemetry: self = .showConfiguration
        case .handshake: self = .handshake
        case .createSession: self = .createSession
        case .verifySession: self = .verifySession
        case .refreshSession: self = .refreshSession
        case .regenerateSession: self = .regenerateSession
        case .removeSessions, .removeAndCountSessions, .revokeWithToken: self = .removeSessions
        case .listSessions: self = .listSessions
        case .readSession: self = .readSession
        case .readSessionData: self = .readSessionData
        case .writeSessionData: self = .writeSessionData
        case .readPayload: self = .readPayload
        case .writePayload: self = .writePayload
        case .publishKeys: self = .publishKeys
        case .listKeys: self = .listKeys
        case .createToken: self = .createToken
        case .readAuditTrail: self = .readAuditTrail
        case .readFeed: self = .readFeed
        case .stepUpSession: self = .stepUpSession
        case .listDevices, .nameDevice, .removeDevices, .forgetDevices, .explainEnd: self = .devices
        case .upgradeSession: self = .upgradeSession
        case .registerDevice, .renewDevice, .checkDevice: self = .deviceBinding
        case .impersonateUser, .endImpersonation: self = .impersonation
        case .noteCredentialChange: self = .events
        case .countUsers, .countActiveUsers, .listUsers, .findUsersByAccount, .findUser: self = .users
        case .putApp, .putAppV2, .listApps, .listAppsV2, .removeApp, .putTenant, .putTenantV2, .readTenant,
            .readTenantV2, .listTenants, .listTenantsV2, .removeTenant:
            self = .manage
        }
    }
}

/// How a request was answered.
enum OutcomeLabel: Int, MetricLabel {
    case ok, unauthorised, tryRefresh, theft
    /// 503 without a verdict: the successor of the refresh token was used a moment ago.
    case tooLate
    case badInput, notFound, noKey, denied
    /// A limit of the server: connections, bodies, time.
    case limit
    case unavailable, fault

    /// By the status alone.
    init(status: Int) {
        switch status {
        case ..<400: self = .ok
        case 401: self = .noKey
        case 403: self = .denied
        case 404: self = .notFound
        case 400..<500: self = .badInput
        case 503, 507: self = .unavailable
        default: self = .fault
        }
    }

    /// By what was wrong as HTTP; it is never the core's fault.
    init(_ problem: HTTPProblem) {
        switch problem {
        case .tooSlow, .tooMuchAtOnce, .busy: self = .limit
        default: self = .badInput
        }
    }
}

/// Why a connection got no answer to what it came for.
enum RefusalLabel: Int, MetricLabel {
    case capacity, headTimeout, bodyTimeout, peerFilter, bodies, malformed, descriptors

    init(_ problem: HTTPProblem, hasHead: Bool) {
        switch problem {
        case .busy: self = .capacity
        case .tooSlow: self = hasHead ? .bodyTimeout : .headTimeout
        case .tooMuchAtOnce: self = .bodies
        default: self = .malformed
        }
    }
}

/// When sessions rotate.
enum RotationLabel: Int, MetricLabel {
    case atFirstUse, atOnce

    init(_ rotation: Refresh.Rotation) { self = rotation == .atOnce ? .atOnce : .atFirstUse }
}

/// What a refresh came to.
enum RefreshLabel: Int, MetricLabel {
    /// New tokens, to one client.
    case refreshed
    /// Tokens, of a refresh token that was presented more than once within its window.
    case shared
    case tooLate, reuse, notAToken, antiCsrf, notActive, payloadRefused, newerThanSession,
        impersonated
    /// The session is bound to a key, which did not make a proof for the request.
    case bindingRefused

    init(_ result: RefreshResult) {
        switch result {
        case .refreshed(let issued): self = issued.isShared ? .shared : .refreshed
        case .tooLate: self = .tooLate
        case .reuseDetected: self = .reuse
        case .unauthorised(.notAToken): self = .notAToken
        case .unauthorised(.antiCSRFMismatch): self = .antiCsrf
        case .unauthorised(.sessionNotActive): self = .notActive
        case .unauthorised(.payloadRefused): self = .payloadRefused
        case .unauthorised(.newerThanSession): self = .newerThanSession
        case .unauthorised(.impersonated): self = .impersonated
        case .unauthorised(.boundToOtherKey), .unauthorised(.boundToDevice), .proofNeeded, .deviceNotYet:
            self = .bindingRefused
        }
    }
}

/// How a reused refresh token was superseded.
enum ReuseLabel: Int, MetricLabel {
    case previous, orphan, stale

    init(_ found: Refresh.ReuseClass) {
        switch found {
        case .previous: self = .previous
        case .orphan: self = .orphan
        case .stale: self = .stale
        }
    }
}

/// Yes or no.
enum FlagLabel: Int, MetricLabel {
    case `false`, `true`

    init(_ isSo: Bool) { self = isSo ? .true : .false }
}

/// What a verification came to.
enum VerificationLabel: Int, MetricLabel {
    case valid
    /// Good, and a new access token was given.
    case replaced
    case superseded, notActive, payloadRefused, expired, unknownKey, badSignature, malformed, antiCsrf
    case newerThanSession

    init(_ result: VerifyResult) {
        switch result {
        case .valid(_, let replacement, _): self = replacement == nil ? .valid : .replaced
        case .superseded: self = .superseded
        case .sessionNotActive: self = .notActive
        case .payloadRefused: self = .payloadRefused
        case .tryRefresh(let problem): self.init(problem)
        }
    }

    private init(_ problem: AccessTokenProblem) {
        switch problem {
        case .expired: self = .expired
        case .unknownKey: self = .unknownKey
        case .signatureInvalid: self = .badSignature
        case .antiCSRFMissing, .antiCSRFMismatch: self = .antiCsrf
        case .newerThanSession: self = .newerThanSession
        case .malformed, .headerLacks, .headerMismatch, .headerNotAllowed, .headerUnreadable, .missingClaim:
            self = .malformed
        }
    }
}

/// A step of storage.
enum StorageStepLabel: Int, MetricLabel {
    case insert, read, update, remove, list, keys, audit, upkeep
}

/// Why a span was lost.
enum TraceLossLabel: Int, MetricLabel {
    case queueFull, refused, unreachable
}

/// What runs by itself.
package enum JobLabel: Int, MetricLabel, CaseIterable {
    /// Expired sessions are removed.
    case sessions
    /// Rows of sessions that ended with all of their user's are removed.
    case cutOffs
    /// Old entries of the audit log are removed.
    case audit
    /// The chain over the audit log is continued.
    case chain
}
