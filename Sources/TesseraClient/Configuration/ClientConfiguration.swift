public import HTTPTypes

/// Where the API of an application is, and how its client behaves.
public struct ClientConfiguration: Sendable {
    /// The only place that tokens are sent to or taken from.
    public let origin: APIOrigin
    /// The path below which the session routes are; `/auth` in SuperTokens' SDKs and in Tessera's.
    public var basePath: String
    /// The status with which the API refuses an access token that has expired.
    public var expiredStatus: Int
    /// How often one call may refresh because the API refused its access token; 0 never does.
    public var refreshesPerCall: Int
    /// For how long attempts to refresh are begun again while they fail, before the call fails itself; the session stays.
    ///
    /// A call may wait longer by one attempt, ``refreshTimeout``.
    public var refreshWait: Duration
    /// For how long one refresh waits for its response.
    public var refreshTimeout: Duration
    /// Fields that are sent with each refresh and each sign-out, such as the key of a gateway.
    public var refreshFields: HTTPFields
    /// Which requests prove the key that their session is bound to (docs/dpop.md); none by default.
    ///
    /// A backend that binds no sessions reads over it.
    public var proofs: ProofUse
    /// Where keys are: in the Secure Enclave where there is one, in the store elsewhere.
    public var proofKeys: any ProofKeys

    /// Describes an API.
    ///
    /// - Parameters:
    ///   - api: its origin, such as `https://api.example.com`; plain HTTP only on this machine.
    ///   - basePath: the path below which the session routes are.
    /// - Throws: ``ClientError/misconfigured(_:)`` where `api` is no origin.
    public init(api: String, basePath: String = "/auth") throws(ClientError) {
        origin = try APIOrigin(api)
        self.basePath = "/" + basePath.split(separator: "/").joined(separator: "/")
        expiredStatus = 401
        refreshesPerCall = 1
        refreshWait = .seconds(10)
        refreshTimeout = .seconds(30)
        refreshFields = HTTPFields()
        proofs = .off
        proofKeys = Self.keysOfPlatform
    }

    private static var keysOfPlatform: any ProofKeys {
        #if canImport(CryptoKit) && canImport(Security) && canImport(Darwin)
            if let keys = EnclaveKeys() { return keys }
        #endif
        return SoftwareKeys()
    }

    /// A request to one of the session routes, with a token of the session.
    func sessionRequest(_ path: String, _ token: Secret) -> HTTPRequest {
        let full = (basePath == "/" ? "" : basePath) + path
        var request = HTTPRequest(method: .post, scheme: origin.scheme, authority: origin.authority, path: full)
        request.headerFields = refreshFields
        request.headerFields[.authorization] = "Bearer \(token.text)"
        request.headerFields[SessionFields.recipeName] = "session"
        request.headerFields[SessionFields.versionName] = SessionFields.versions
        request.headerFields[SessionFields.modeName] = "header"
        return request
    }
}
