import LosslessJSON
import SessionEngine
import SessionStorage

/// Records for tests that do not care which.
enum Sample {
    static let now = Timestamp(milliseconds: 1_700_000_000_000)

    static func record(
        _ handle: String, user: String = "u1", payload: String = "{}", expiresAt: Timestamp = now + .seconds(60)
    ) -> SessionRecord {
        SessionRecord(
            handle: SessionHandle(handle), tenantID: .public, userID: UserID(user),
            currentTokenHash: StoredTokenHash(stored: "hash"), sessionData: JSONObjectText(stored: "{}"),
            accessTokenPayload: JSONObjectText(stored: payload), createdAt: now, expiresAt: expiresAt,
            signingKeyKind: .dynamic)
    }
}
