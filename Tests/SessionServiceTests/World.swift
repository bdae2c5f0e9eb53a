import Foundations
import InMemoryStorage
import LosslessJSON
import SessionEngine
import SessionService
import SessionStorage
import TestSupport
import Testing

/// A service with a clock and dice that belong to the test.
struct World {
    let clock: TestClock
    let storage: any SessionStorage
    let service: SessionManager

    /// Short enough to be outlived in a test; ES256, because RSA keys are dear.
    static let policy = SessionPolicy(
        accessTokenValidity: .seconds(3_600), refreshTokenValidity: .seconds(100 * 86_400), signingAlgorithm: .es256)

    /// What SuperTokens' core does.
    static var superTokensPolicy: SessionPolicy {
        var policy = policy
        (policy.successorPolicy, policy.revokesOnReuse) = (.random, false)
        return policy
    }

    init(
        seed: UInt64 = 1, policy: SessionPolicy = World.policy, storage: any SessionStorage = InMemorySessionStorage(),
        clock: TestClock = TestClock(), external: (any TokenSigner)? = nil
    ) async throws {
        self.clock = clock
        self.storage = storage
        service = try await World.makeService(
            seed: seed, policy: policy, storage: storage, clock: clock, external: external)
    }

    /// A service whose dice begin with a seed.
    static func makeService(
        seed: UInt64, policy: SessionPolicy = World.policy, storage: any SessionStorage, clock: TestClock,
        external: (any TokenSigner)? = nil
    ) async throws -> SessionManager {
        let dice = TestDice(seed: seed)
        let sources = ClockAndRandomness(time: { clock.now }, randomBits: { dice.next() })
        return try await SessionManager(
            storage: storage, policy: policy, clock: sources, keyPool: SigningKeyPool(external: external))
    }

    /// A storage that has the one RSA key of this process already, for formats that need one.
    static func storageWithRSAKeys(at time: Timestamp) async throws -> InMemorySessionStorage {
        let storage = InMemorySessionStorage()
        let keys = try [("d-\(time.milliseconds)", SigningKeyKind.dynamic), ("s-1", .static)].map { id, kind in
            SigningKeyRecord(
                try TestKeys.signingKey(.rs256, id: id, kind: kind, createdAt: time.milliseconds))
        }
        _ = try await storage.updateSigningKeys { _ in SigningKeyChange(adding: keys) }
        return storage
    }

    /// A world that signs every format without making an RSA key.
    static func withRSAKeys(policy: SessionPolicy = World.policy) async throws -> World {
        let clock = TestClock()
        return try await World(policy: policy, storage: storageWithRSAKeys(at: clock.now), clock: clock)
    }

    /// Creates a session.
    func create(
        user: String = "u1", payload: JSONObject = ["k": "v"], format: AccessTokenFormat = .v5,
        antiCSRF: Bool = false, kind: SigningKeyKind = .dynamic, tenant: TenantID = .public
    ) async throws -> IssuedTokens {
        let request = NewSession(
            userID: UserID(user), accessTokenPayload: payload, sessionData: ["home": 1], tenantID: tenant,
            format: format, usesAntiCSRF: antiCSRF, signingKeyKind: kind)
        let result = try await service.createSession(request)
        guard case .created(let issued) = result else { throw Unexpected("\(result)") }
        return issued
    }

    /// Refreshes and insists on new tokens.
    func refreshed(
        _ token: RefreshToken, antiCSRFToken: AntiCSRFToken? = nil, usesAntiCSRF: Bool = false,
        format: AccessTokenFormat = .v5, kind: SigningKeyKind? = nil
    ) async throws -> IssuedTokens {
        let result = try await refresh(
            token, antiCSRFToken: antiCSRFToken, usesAntiCSRF: usesAntiCSRF, format: format, kind: kind)
        guard case .refreshed(let tokens) = result else { throw Unexpected("\(result)") }
        return tokens
    }

    func refresh(
        _ token: RefreshToken, antiCSRFToken: AntiCSRFToken? = nil, usesAntiCSRF: Bool = false,
        format: AccessTokenFormat = .v5, kind: SigningKeyKind? = nil, atOnce: Bool = false
    ) async throws -> RefreshResult {
        try await service.refresh(
            PresentedRefreshToken(
                refreshToken: token, antiCSRFToken: antiCSRFToken, usesAntiCSRF: usesAntiCSRF, format: format,
                signingKeyKind: kind, rotation: atOnce ? .atOnce : .atFirstUse))
    }

    func verify(
        _ token: String, antiCSRFToken: AntiCSRFToken? = nil, checksAntiCSRF: Bool = false, database: Bool = false,
        isReadOnly: Bool = false
    ) async throws -> VerifyResult {
        try await service.verify(
            PresentedAccessToken(
                accessToken: token, antiCSRFToken: antiCSRFToken, checksAntiCSRF: checksAntiCSRF,
                checksDatabase: database, rotation: isReadOnly ? .atOnce : .atFirstUse))
    }

    /// Verifies and gives the answer as a word that a test can compare.
    func verdict(
        _ token: String, antiCSRFToken: AntiCSRFToken? = nil, checksAntiCSRF: Bool = false, database: Bool = false
    ) async throws -> Verdict {
        let result = try await verify(
            token, antiCSRFToken: antiCSRFToken, checksAntiCSRF: checksAntiCSRF, database: database)
        return Verdict(result)
    }

    /// Verifies and insists on a replacement.
    func replacement(of token: String, database: Bool = false) async throws -> AccessToken {
        let result = try await verify(token, database: database)
        guard case .valid(_, let replacement?, _) = result else { throw Unexpected("\(result)") }
        return replacement
    }
}

/// The answer to a verification without its details.
enum Verdict: Equatable {
    case valid, renewed, sessionNotActive, superseded, payloadRefused
    case tryRefresh(AccessTokenProblem)

    init(_ result: VerifyResult) {
        switch result {
        case .valid(_, nil, _): self = .valid
        case .valid: self = .renewed
        case .tryRefresh(let problem): self = .tryRefresh(problem)
        case .sessionNotActive: self = .sessionNotActive
        case .superseded: self = .superseded
        case .payloadRefused: self = .payloadRefused
        }
    }
}

/// Something else came back than the test continued with.
struct Unexpected: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// What a token says, read without any check.
struct ReadToken {
    let header: JSONObject
    let payload: JSONObject

    init(_ text: String) throws {
        let parts = text.split(separator: ".")
        header = try #require(try JSONValue(parsing: try WireText.decode(parts[0])).object)
        payload = try #require(try JSONValue(parsing: try WireText.decode(parts[1])).object)
    }

    var keyID: String { header["kid"]?.string ?? "" }
    var version: String { header["version"]?.string ?? "" }
}

extension RefreshResult {
    /// Whether a superseded refresh token was noticed.
    var isReuse: Bool {
        if case .reuseDetected = self { true } else { false }
    }

    /// The new tokens, if there are any.
    var tokens: IssuedTokens? {
        if case .refreshed(let tokens) = self { tokens } else { nil }
    }

    /// The answer without its details.
    var word: String { "\(self)".prefix { $0 != "(" }.description }

    /// Why there are no tokens, if there is a reason.
    var refusal: RefreshRefusal? {
        if case .unauthorised(let refusal) = self { refusal } else { nil }
    }
}
