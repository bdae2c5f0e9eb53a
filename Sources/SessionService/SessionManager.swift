public import Foundations
import LosslessJSON
public import SessionEngine
public import SessionStorage

/// Sessions of one app: the shell round the engine.
///
/// It reads the clock, draws random bits, asks the engine what to do, does it in one step of storage, and signs.
public struct SessionManager: Sendable {
    let storage: any SessionStorage
    /// What the operator decided about sessions.
    public let policy: SessionPolicy
    package let clock: ClockAndRandomness
    let keys: SigningKeyManager
    let refreshTokenKey: RefreshTokenKey
    let activity: ActivityLog
    let sweeper: CutOffSweeper
    let feedSource: FeedSource
    let clockWatch = ClockWatch()
    let refusals = RefusalLog()

    /// Opens an app's sessions; the secret that encrypts refresh tokens is made here on first use.
    ///
    /// - Parameters:
    ///   - storage: where the app's sessions are.
    ///   - keyStore: where its keys are, if they are encrypted (``EncryptedKeyStore``); `nil` for `storage`.
    ///   - policy: what the operator decided.
    ///   - clock: the clock and the source of randomness.
    ///   - keyPool: where signing keys come from; services of one process may share one.
    /// - Throws: ``ServiceError`` when storage cannot be read.
    public init(
        storage: any SessionStorage, keyStore: (any KeyStore)? = nil, policy: SessionPolicy = SessionPolicy(),
        clock: ClockAndRandomness = .system,
        keyPool: SigningKeyPool = SigningKeyPool()
    ) async throws(ServiceError) {
        self.storage = storage
        let keyStore = keyStore ?? storage
        self.policy = policy
        self.clock = clock
        activity = ActivityLog(storage: storage)
        sweeper = CutOffSweeper(storage: storage, clock: clock)
        let tokenLife = TokenLifeReader(policy.accessTokenValidity, storage, clock)
        feedSource = FeedSource(storage, clock: clock) { await tokenLife.life() }
        keys = SigningKeyManager(
            store: keyStore, clock: clock, schedule: policy.keySchedule, pool: keyPool,
            keepsAuditLog: policy.auditRetention != nil)
        let candidate = try signing { () throws(SigningError) in
            var random = clock.random
            return try RefreshTokenKey.make(using: &random)
        }
        do throws(StorageError) {
            let event = AuditEvent.key(.keyCreated, StoredValueName.refreshTokenKey.rawValue, at: clock.time())
            let value = try await keyStore.value(
                named: .refreshTokenKey, audit: policy.auditRetention == nil ? nil : event
            ) { candidate.masterKey }
            refreshTokenKey = RefreshTokenKey(masterKey: value)
        } catch {
            throw .storage(error)
        }
        try await keys.reload()
    }

    /// The time, as this service sees it.
    public var currentTime: Timestamp { clock.time() }

    /// Makes the signing keys that the published set always has, ahead of the first request that needs one.
    ///
    /// - Throws: ``ServiceError``.
    public func prepareSigningKeys() async throws(ServiceError) {
        try await keys.prepare(policy.signingAlgorithm)
    }

    /// Creates a session (docs/specification/core.md 4.1).
    ///
    /// Nothing is stored unless every token could be made.
    ///
    /// - Throws: ``ServiceError``.
    public func createSession(_ session: NewSession) async throws(ServiceError) -> CreateResult {
        var random = clock.random
        guard let request = session.settled(using: &random) else { return .notAnonymous }
        if let problem = request.format.problem(with: request.accessTokenPayload) { return .payloadRefused(problem) }
        let now = clock.time()
        let handle = SessionHandle.make(tenant: request.tenantID, using: &random)
        let part = try signing { () throws(SigningError) in
            try TokenIssue.refreshPart(
                handle: handle, userID: request.userID, tenantID: request.tenantID, parent: nil,
                usesAntiCSRF: request.usesAntiCSRF, key: refreshTokenKey, using: &random)
        }
        let proof = judged(request.proof, at: now)
        if proof == .invalid { return .proofRefused }
        var traits = request.traits(at: now, keeping: policy.devicePrivacy)
        traits.boundKey = proof.offered.map(BoundKey.thumbprint)
        var record = SessionRecord(
            handle: handle, tenantID: request.tenantID, userID: request.userID, currentTokenHash: part.hash.stored,
            sessionData: JSONObjectText(request.sessionData),
            accessTokenPayload: JSONObjectText(request.accessTokenPayload), createdAt: now,
            expiresAt: now + policy.refreshTokenValidity, signingKeyKind: request.signingKeyKind,
            rotationCount: RotationCount(restoreNumber: storage.restoreNumber), traits: traits)
        record.expiresAt = record.end(ifActiveAt: now, within: policy.terms)
        guard traits.authenticatedAt == nil || record.expiresAt - now >= .seconds(1) else {
            return .authenticatedTooLongAgo
        }
        record.primaryUserID = try await primaryUser(of: record.userID)
        let created = record
        var issued = try await issue(
            part, for: created, format: request.format,
            validity: policy.lifetime(.whole, for: traits, of: request.accessTokenValidity, using: clock), at: now)
        issued.deviceOffer = offer(for: created, wanted: request.wantsDeviceOffer)
        Failpoint.reach("create.before-storage")
        if let refusal = try await store(created, request) { return refusal }
        Failpoint.reach("create.stored")
        noteActivity(of: created, at: now)
        return .created(issued)
    }

    /// Notes that a user was seen: not where none has signed in, and not where another person acts as the user.
    func noteActivity(of record: SessionRecord, at now: Timestamp) {
        guard record.traits.flags.isDisjoint(with: [.anonymous, .impersonated]) else { return }
        activity.note(record.userID, at: now)
    }

    /// The primary user to whom a user is linked, where a core beside this one links accounts; `nil` elsewhere.
    ///
    /// - Throws: ``ServiceError``.
    public func primaryUser(of user: UserID) async throws(ServiceError) -> UserID? {
        guard let accounts = storage as? any LinkedAccountStorage else { return nil }
        return try await storing { () async throws(StorageError) in try await accounts.primaryUser(of: user) }
    }

    /// Stores a new session; returns what is answered where it is not stored.
    private func store(
        _ record: SessionRecord, _ request: NewSession
    ) async throws(ServiceError) -> CreateResult? {
        let replaced = request.replacedSession
        let event =
            keepsAuditLog
            ? AuditEvent.created(record, within: policy.terms, reason: request.impersonation?.reason) : nil
        return try await storing { () async throws(StorageError) in
            guard policy.sessionLimit != nil || replaced != nil else {
                try await storage.insert(record, audit: event)
                return nil
            }
            let admission = SessionAdmission(limit: policy.sessionLimit, replaced: replaced, terms: policy.terms)
            let outcome = try await storage.insert(record, admission: admission, audit: event)
            guard case .refused(let handles) = outcome, let limit = policy.sessionLimit else { return nil }
            return .limitReached(limit, handles)
        }
    }

    /// The claims of the access token that a session gets.
    ///
    /// - Parameter isBackground: whether a background task asked for it: then it ends when the session would have.
    func accessClaims(
        _ part: TokenIssue.RefreshPart, for record: SessionRecord, parent: TokenHash?, format: AccessTokenFormat,
        validity: Milliseconds?, isBackground: Bool = false, at now: Timestamp
    ) -> AccessTokenClaims {
        TokenIssue.claims(
            for: record, format: format, refreshPart: part, parent: parent, issuedAt: now,
            validity: validity ?? policy.accessTokenValidity,
            notAfter: record.bound(isBackground: isBackground, within: policy.terms),
            tellsAuthentication: policy.tellsAuthentication)
    }

    /// The tokens of a session, of which the access token is signed.
    func issued(
        _ part: TokenIssue.RefreshPart, _ token: AccessToken, for record: SessionRecord, isBackground: Bool = false,
        at now: Timestamp
    ) -> IssuedTokens {
        var random = clock.random
        return IssuedTokens(
            session: SessionFacts(record), accessToken: token, refreshToken: part.token, refreshTokenIssuedAt: now,
            refreshTokenExpiresAt: record.bound(isBackground: isBackground, within: policy.terms)
                ?? now + policy.refreshTokenValidity,
            idRefreshToken: RandomText.uuid(using: &random), antiCSRFToken: part.antiCSRFToken)
    }

    /// Issues the tokens of a session.
    func issue(
        _ part: TokenIssue.RefreshPart, for record: SessionRecord, format: AccessTokenFormat, validity: Milliseconds?,
        at now: Timestamp
    ) async throws(ServiceError) -> IssuedTokens {
        let claims = accessClaims(part, for: record, parent: nil, format: format, validity: validity, at: now)
        return issued(part, try await sign(claims, record.signingKeyKind), for: record, at: now)
    }

    /// What stands for a session in traces, where its handle must not: who has the storage can compare it.
    ///
    /// - Parameter handle: the session.
    package func logName(of handle: SessionHandle) -> String { refreshTokenKey.logName(of: handle) }

    /// Whether what happens is written into the audit log.
    var keepsAuditLog: Bool { policy.auditRetention != nil }

    /// Who ends sessions and how, if there is an audit log.
    func revocation(
        by actor: AuditActor, _ means: Revocation.Means, at now: Timestamp, note: AuditNote? = nil
    ) -> Revocation? {
        keepsAuditLog ? Revocation(by: actor, means, at: now, note: note) : nil
    }

    /// Decides about a session in one step of storage.
    ///
    /// The clock is read within that step: between the arrival of a request and its step the clock may be set back, and
    /// another request may go first. A storage that many processes share has one clock for all of them.
    func update<Outcome: Sendable>(
        _ handle: SessionHandle, _ decide: @escaping @Sendable (SessionRecord?, Timestamp) -> Decision<Outcome>
    ) async throws(ServiceError) -> Outcome {
        let (keepsAuditLog, time) = (keepsAuditLog, clock.time)
        Failpoint.reach("update.before-storage")
        let outcome = try await storing { () async throws(StorageError) in
            try await storage.update(handle) { record, storageTime in
                var decided = decide(record, storageTime ?? time())
                if !keepsAuditLog { decided.audit = nil }
                return decided
            }
        }
        Failpoint.reach("update.stored")
        return outcome
    }

    /// Runs something that uses storage, with its error as the service's.
    func storing<Result>(
        _ body: () async throws(StorageError) -> Result
    ) async throws(ServiceError) -> Result {
        do throws(StorageError) { return try await body() } catch { throw .storage(error) }
    }
}

/// Runs something that signs, with its error as the service's.
func signing<Result>(_ body: () throws(SigningError) -> Result) throws(ServiceError) -> Result {
    do throws(SigningError) { return try body() } catch { throw .signing(error) }
}
