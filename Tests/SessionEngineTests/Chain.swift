import Foundations
import SessionEngine
import Testing

/// One session on the engine's decisions alone, with real tokens and a clock in seconds.
struct Chain {
    /// A refresh token that somebody holds, with what its access token would be.
    struct Held: Equatable {
        let token: RefreshToken
        let isShortened: Bool

        static func == (left: Held, right: Held) -> Bool { left.token.exposed == right.token.exposed }
    }

    enum Answer: Equatable {
        case token(Held)
        case tooLate
        case reuse(Refresh.ReuseClass)
        case newerThanSession, ended

        var held: Held? { if case .token(let held) = self { held } else { nil } }
    }

    static let key = RefreshTokenKey(masterKey: "1000:aa:bb")

    var rules: Refresh.Rules
    private(set) var record: SessionRecord?
    private(set) var events: [AuditEvent] = []
    private(set) var writes = 0
    private var randoms: UInt8 = 0
    let first: Held

    init(_ set: (inout Refresh.Rules) -> Void = { _ in }) throws {
        rules = Sample.rules()
        set(&rules)
        let token = try Self.key.encrypt(Sample.content(), initializationVector: .init(repeating: 7, count: 12))
        first = Held(token: token, isShortened: false)
        var record = Sample.record(expiresAt: Sample.now + Sample.validity)
        record.currentTokenHash = TokenHash(of: token).stored
        record.rotationCount = RotationCount(restoreNumber: rules.restoreNumber)
        self.record = record
    }

    private static func time(_ seconds: Double) -> Timestamp {
        Sample.now + Milliseconds(Int64((seconds * 1_000).rounded()))
    }

    /// Presents a token at a time.
    mutating func refresh(_ held: Held, at seconds: Double, _ rotation: Refresh.Rotation? = nil) throws -> Answer {
        var rules = rules
        rules.rotation = rotation ?? rules.rotation
        let content = try Self.key.open(held.token)
        let hash = TokenHash(of: held.token)
        let presented = Refresh.Presented(
            content: content, hash: hash, antiCSRFToken: nil, rotationCount: Self.key.rotationCount(of: content))
        randoms += 1
        let nonce = randoms
        let make: @Sendable (Refresh.Successor) -> RefreshToken? = { successor in
            switch successor {
            case .derived(let window, let count):
                try? TokenIssue.successor(
                    of: content, hash: hash, window: window, count: count, usesAntiCSRF: false, key: Self.key
                ).token
            case .fresh:
                try? Self.key.encrypt(
                    RefreshTokenContent(
                        handle: content.handle, userID: content.userID, parentHash: hash,
                        nonce: Hex.encode([UInt8](repeating: nonce, count: 32)), antiCSRFToken: nil,
                        tenantID: content.tenantID), initializationVector: .init(repeating: nonce, count: 12))
            }
        }
        let decided = Refresh.decide(of: presented, against: record, at: Self.time(seconds), rules: rules) {
            make($0).map(TokenHash.init(of:))
        }
        apply(decided.change, decided.audit)
        switch decided.outcome {
        case .issue(_, let successor, let lifetime):
            return .token(Held(token: try #require(make(successor)), isShortened: lifetime == .shortened))
        case .tooLate: return .tooLate
        case .reuse(let found): return .reuse(found)
        case .newerThanSession: return .newerThanSession
        case .sessionNotActive: return .ended
        case .antiCSRFMismatch, .payloadRefused, .proofRefused, .successorFailed, .impersonated: throw Unlikely()
        }
    }

    /// Presents a token and insists on a new one.
    mutating func successor(of held: Held, at seconds: Double, _ rotation: Refresh.Rotation? = nil) throws -> Held {
        let answer = try refresh(held, at: seconds, rotation)
        return try #require(answer.held, "\(answer) at \(seconds) s")
    }

    /// Has the access token verified that came with a token, as drivers of CDI 5.5 and older do.
    mutating func use(_ held: Held, at seconds: Double) throws -> Verify.Outcome {
        let parent = try Self.key.open(held.token).parentHash
        let issuedAt = Self.time(seconds)
        let claims = AccessTokenClaims(
            format: .v5, handle: Sample.handle, userID: UserID("u1"), recipeUserID: UserID("u1"), tenantID: .public,
            refreshTokenHash: TokenHash(of: held.token), parentRefreshTokenHash: parent, antiCSRFToken: nil,
            issuedAt: issuedAt, expiresAt: issuedAt + (held.isShortened ? .seconds(1_800) : .seconds(3_600)),
            userData: Sample.record().accessTokenPayload)
        let rules = Verify.Rules(
            checksDatabase: false, terms: SessionTerms(validity: Sample.validity), sharingWindow: rules.sharingWindow,
            restoreNumber: rules.restoreNumber)
        let decided = Verify.decide(of: claims, against: record, at: Self.time(seconds), rules: rules)
        apply(decided.change, decided.audit)
        return decided.outcome
    }

    /// Another core on the same table makes a token current, one that no one here can derive unless it is named.
    mutating func rotateElsewhere(at seconds: Double, to held: Held? = nil) {
        let current = record?.currentTokenHash
        record?.previousTokenHash = current
        record?.currentTokenHash = held.map { TokenHash(of: $0.token).stored } ?? Sample.hash("elsewhere").stored
        record?.rotatedAt = Self.time(seconds)
    }

    /// Storage has another number for the current token's window.
    mutating func store(window number: UInt8) {
        record?.storedSharing?.window?.number = number
    }

    /// The session becomes what it was; with another restore number if `tessera restore` was run.
    mutating func restore(_ copy: Chain, number: UInt8) {
        record = copy.record
        rules.restoreNumber = number
    }

    private mutating func apply(_ change: SessionChange, _ event: AuditEvent?) {
        if let event { events.append(event) }
        switch change {
        case .keep: break
        case .replace(let next): (record, writes) = (next, writes + 1)
        case .remove: (record, writes) = (nil, writes + 1)
        }
    }
}

/// An outcome that no chain has.
struct Unlikely: Error {}
