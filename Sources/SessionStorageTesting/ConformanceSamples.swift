import LosslessJSON
import SessionEngine
import SessionStorage

/// Records for checks that do not care which.
enum ConformanceSample {
    static let start = Timestamp(milliseconds: 1_700_000_000_000)
    static let later = start + .seconds(60)

    static func record(
        _ handle: String, user: String = "u1", createdAt: Timestamp = start, expiresAt: Timestamp = later,
        payload: String = "{}", tenant: String = "public"
    ) -> SessionRecord {
        SessionRecord(
            handle: SessionHandle(handle), tenantID: TenantID(tenant), userID: UserID(user),
            currentTokenHash: StoredTokenHash(stored: "hash-of-\(handle)"), sessionData: JSONObjectText(stored: "{}"),
            accessTokenPayload: JSONObjectText(stored: payload), createdAt: createdAt, expiresAt: expiresAt,
            signingKeyKind: .dynamic, previousTokenHash: StoredTokenHash(stored: "parent-of-\(handle)"),
            rotatedAt: createdAt + .seconds(1), rotationCount: 3, storedSharing: sharing)
    }

    /// A state with something in every field.
    private static let sharing = SharingState(
        of: StoredTokenHash(stored: "0123456789abcdef"), window: SharingState.Window(openedAt: later, number: 2),
        issue: SharingState.Issue(window: 1, repeatsUntil: later), sharedAt: 2, hasLatePredecessor: true)

    static func key(_ id: String, kind: SigningKeyKind = .dynamic, bytes: [UInt8] = [0, 1, 255]) throws
        -> SigningKeyRecord
    {
        guard let id = KeyID(id) else { throw ConformanceFailure("\(id) is no key id") }
        return SigningKeyRecord(id: id, kind: kind, algorithm: .es256, createdAt: start, privateKeyDER: bytes)
    }

    /// Whether two records are the same in every byte of every text.
    static func isSame(_ left: SessionRecord?, _ right: SessionRecord) -> Bool {
        guard let left else { return false }
        return left == right && zip(texts(left), texts(right)).allSatisfy { $0.utf8.elementsEqual($1.utf8) }
    }

    private static func texts(_ record: SessionRecord) -> [String] {
        [
            record.handle.rawValue, record.tenantID.rawValue, record.userID.rawValue, record.currentTokenHash.hex,
            record.sessionData.text, record.accessTokenPayload.text,
        ]
    }
}

extension SessionStore {
    /// Inserts several records, one after the other.
    func insert(all records: [SessionRecord]) async throws {
        for record in records { try await insert(record) }
    }

    /// The texts of a user's handles.
    func handleTexts(of user: String, liveAt now: Timestamp = ConformanceSample.start) async throws -> [String] {
        try await handles(of: UserID(user), liveAt: now).map(\.rawValue)
    }
}
