/// What a driver can ask of the core, whatever path and version it asks through.
public enum CoreOperation: String, Sendable, CaseIterable {
    /// Are you there?
    case hello
    /// Which versions do you speak?
    case listVersions
    /// Which configuration file did this process read?
    case showConfiguration
    /// What does a driver have to know before it verifies tokens itself?
    case handshake
    /// A user has proved who they are.
    case createSession
    /// Is this access token good?
    case verifySession
    /// New tokens for a refresh token.
    case refreshSession
    /// The same access token with another payload.
    case regenerateSession
    /// End sessions and name them.
    case removeSessions
    /// End sessions and count them.
    case removeAndCountSessions
    /// The handles of a user's sessions.
    case listSessions
    /// All about one session.
    case readSession
    /// The session data, stored server-side.
    case readSessionData
    /// Replace the session data.
    case writeSessionData
    /// The data in the access token.
    case readPayload
    /// Replace the data in the access token.
    case writePayload
    /// The keys that verify tokens.
    case publishKeys
    /// The keys that verify tokens, asked by a driver.
    case listKeys
    /// A JWT signed for the application.
    case createToken
    /// Does this core send telemetry?
    case showTelemetry
    /// What happened to sessions and keys?
    case readAuditTrail
    /// Which sessions have ended since?
    case readFeed
    /// The user of a session was authenticated once more.
    case stepUpSession
    /// End the session of a refresh token.
    case revokeWithToken
    /// Why has this session ended?
    case explainEnd
    /// What can this core do that a SuperTokens core cannot?
    case listCapabilities
    /// A page of a user's sessions with their devices, or one session.
    case listDevices
    /// What is this device called?
    case nameDevice
    /// End some of a user's sessions, or all but one.
    case removeDevices
    /// Forget what is known about a user's devices.
    case forgetDevices
    /// The user of an anonymous session has signed in.
    case upgradeSession
    /// Another person is to act as a user.
    case impersonateUser
    /// That person is done.
    case endImpersonation
    /// A credential of a user is another one.
    case noteCredentialChange
    /// A browser's device has signed the offer to bind a session to it.
    case registerDevice
    /// A browser wants another bound cookie.
    case renewDevice
    /// Does this request show the device of its session?
    case checkDevice
    /// How many users are there?
    case countUsers
    /// How many users had a session since?
    case countActiveUsers
    /// Who are the users? A session core knows none.
    case listUsers
    /// Who has this account? A session core has no accounts.
    case findUsersByAccount
    /// Who is this user? A session core knows none.
    case findUser
    /// Make or change an app, in the words of CDI 3.0.
    case putApp
    /// Make or change an app.
    case putAppV2
    /// All apps, in the words of CDI 3.0.
    case listApps
    /// All apps.
    case listAppsV2
    /// End an app with everything in it.
    case removeApp
    /// Make or change a tenant, in the words of CDI 3.0.
    case putTenant
    /// Make or change a tenant.
    case putTenantV2
    /// What was decided about a tenant, in the words of CDI 3.0.
    case readTenant
    /// What was decided about a tenant.
    case readTenantV2
    /// All tenants of an app, in the words of CDI 3.0.
    case listTenants
    /// All tenants of an app.
    case listTenantsV2
    /// End a tenant with its sessions.
    case removeTenant
}

extension CoreOperation {
    /// Whether a tenant that does not exist is no mistake: a greeting, or the question whether it does.
    public var answersUnknownTenants: Bool { [.hello, .readTenant, .readTenantV2].contains(self) }

    /// Whether a key suffices that is for verifying only: it neither reads sessions nor changes any.
    public var isForVerifiers: Bool {
        [.hello, .listVersions, .listCapabilities, .publishKeys, .listKeys, .verifySession, .readFeed].contains(self)
    }

    /// The longest body that is read, in bytes: 1 MiB, and 16 MiB where the handles that a list returned are sent again
    /// (40 bytes each, so about 400,000).
    public var maximumBodyLength: Int {
        switch self {
        case .removeSessions, .removeAndCountSessions: 16 << 20
        default: 1 << 20
        }
    }
}

/// The replies whose members differ between versions.
public enum ReplyShape: String, Sendable, CaseIterable {
    /// A session was created.
    case created
    /// An access token is good.
    case verified
    /// An access token cannot be used now.
    case tryRefresh
    /// New tokens were given.
    case refreshed
    /// A superseded refresh token was reused.
    case reuseDetected
    /// An access token was replaced.
    case regenerated
    /// All about one session.
    case sessionInformation
    /// What a driver has to know.
    case handshake
    /// How many users there are.
    case userCount
}

/// The methods that a driver may use.
public enum CoreMethod: String, Sendable, CaseIterable {
    /// Read.
    case get = "GET"
    /// Do.
    case post = "POST"
    /// Replace.
    case put = "PUT"
    /// End.
    case delete = "DELETE"
}
